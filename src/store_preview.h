/* Previews of a change that were shown: only at the date of one may the change be made. */
#ifndef TOLLGATE_STORE_PREVIEW_H
#define TOLLGATE_STORE_PREVIEW_H

#include "store.h"
#include "subscription.h"

/* `digest` is of all that makes it this change, as of its date. 15 minutes. */
enum result store_preview_write(struct store *store, const struct site *site, const char *digest);
/* The change waits for the payment of `invoice`. It is kept no longer for that, and one that
 * has gone meanwhile stays away. */
enum result store_preview_wait(struct store *store, const struct site *site, const char *digest,
    const char *invoice);
/* Its invoice, "" before it waits. RESULT_NOT_FOUND when none was shown, or too long ago. */
enum result store_preview_read(struct store *store, const struct site *site, const char *digest,
    char invoice[STRIPE_ID_SIZE]);

#endif
