/* Customers (docs.stripe.com/api/customers). */
#ifndef TOLLGATE_STRIPE_CUSTOMER_H
#define TOLLGATE_STRIPE_CUSTOMER_H

#include "stripe.h"
#include "subscription.h"

/* What is asked of a customer. */
struct stripe_customer {
	char id[STRIPE_ID_SIZE];
	char email[EMAIL_SIZE];
	char user[129];           /* metadata[tollgate_user], when [tollgate_site] is this site */
	bool unowned;             /* metadata name neither a user nor a site */
	bool deleted;
	bool has_payment_method;  /* a default one */
};
bool stripe_customer_decode(struct json_object *object, const struct site *site,
    struct stripe_customer *customer);
/* RESULT_NOT_FOUND when the account has none such; a deleted one is found. */
enum result stripe_customer_retrieve(struct stripe *stripe, const struct site *site,
    const char *id, struct stripe_customer *customer, struct problem *problem);

/* Writes [tollgate_user] and [tollgate_site] into the metadata of a customer that has
 * neither, so that she is found again by them. */
enum result stripe_customer_own(struct stripe *stripe, const struct site *site, const char *id,
    const char *user, struct problem *problem);

/* One page of all customers behind `last`, which moves on and is "" behind the
 * last page. The caller frees *customers. */
enum result stripe_customer_page(struct stripe *stripe, const struct site *site,
    char last[STRIPE_ID_SIZE], struct stripe_customer **customers, size_t *n_customers,
    struct problem *problem);

/* As a form gives it; NULL = not said. */
struct stripe_address {
	const char *line1, *line2, *city, *state, *postal_code;
	const char *country; /* ISO 3166-1 alpha-2 */
};

/* A customer of ours: metadata[tollgate_user] and metadata[tollgate_site]. */
struct stripe_customer_params {
	const char *user;
	const char *email; /* NULL = none */
	const char *name;  /* NULL = none */
	struct stripe_address address;
};
enum result stripe_customer_create(struct stripe *stripe, const struct site *site,
    const struct stripe_customer_params *params, const char *idempotency_key,
    char id[STRIPE_ID_SIZE], struct problem *problem);

/* Customers of this site whose metadata says exactly this user, compared byte
 * for byte; the search lags a minute or more. The caller frees *ids. */
enum result stripe_customer_search(struct stripe *stripe, const struct site *site,
    const char *user, char (**ids)[STRIPE_ID_SIZE], size_t *n_ids, struct problem *problem);

#endif
