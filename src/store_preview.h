/* Previews of a change that were shown: only at the date of one may the change be made. */
#ifndef TOLLGATE_STORE_PREVIEW_H
#define TOLLGATE_STORE_PREVIEW_H

#include "store.h"
#include "subscription.h"

/* `digest` is of user, subscription, item, price, quantity and date; `invoice` is that of
 * the change once it waits for its payment, "" before. 15 minutes. */
enum result store_preview_write(struct store *store, const struct site *site,
    const char *digest, const char *invoice);
/* RESULT_NOT_FOUND when none was shown, or too long ago. */
enum result store_preview_read(struct store *store, const struct site *site, const char *digest,
    char invoice[STRIPE_ID_SIZE]);

#endif
