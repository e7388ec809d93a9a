/* A Redis that a target plays itself: what it answers is written before it is asked. */
#ifndef TOLLGATE_FUZZ_PEER_H
#define TOLLGATE_FUZZ_PEER_H

#include "fuzz.h"
#include "settings.h"

/* One site, "shop", whose Redis is this one. */
extern const struct settings peer_settings;
extern struct site *const peer_site;

/* All that the next connections answer, each of them up to a line "%%", each answer up to an
 * empty line: taken as it stands, but a line "=TEXT" becomes a bulk string of that text. The
 * bytes must stay until peer_close. */
void peer_script(const struct fuzz_input *script);
/* The last word of the next command that it was sent: the caller's; NULL at the end. */
char *peer_last_word(void);
/* Forgets the rest. Ends each input. */
void peer_close(void);

#endif
