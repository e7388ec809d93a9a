/* Checkout Sessions as Redis remembers them: whose, what for, and how they ended. */
#ifndef TOLLGATE_STORE_SESSION_H
#define TOLLGATE_STORE_SESSION_H

#include <stdint.h>

#include "store.h"
#include "subscription.h"

struct store_session {
	char id[STRIPE_ID_SIZE];
	char user[129];                      /* whose it is; "" = made by somebody else's code */
	char customer[STRIPE_ID_SIZE];
	char subscription[STRIPE_ID_SIZE];
	char status[16];                     /* open, complete, expired */
	char payment_status[24];             /* paid, unpaid, no_payment_required */
	char customer_email[320];
	char fingerprint[65];                /* of user, plan and options; "" = not ours */
	int64_t expires_at;
};

/* RESULT_NOT_FOUND when Redis has no such session. */
enum result store_session_read(struct store *store, const struct site *site, const char *id,
    struct store_session *session);
/* Kept until a day after expires_at. Members that are "" leave what is stored;
 * a status never goes back from complete or expired to open. */
enum result store_session_write(struct store *store, const struct site *site,
    const struct store_session *session, int64_t now);

/* The id of the user's open session of ours, "" = none; writing "" forgets it. */
enum result store_session_open_read(struct store *store, const struct site *site,
    const char *user_hash, char id[STRIPE_ID_SIZE]);
enum result store_session_open_write(struct store *store, const struct site *site,
    const char *user_hash, const char *id, int64_t expires_at);

#endif
