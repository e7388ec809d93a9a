/* The caller's customers: found in Redis, else at Stripe, else made. */
#ifndef TOLLGATE_BILLING_CUSTOMER_H
#define TOLLGATE_BILLING_CUSTOMER_H

#include "billing.h"
#include "store_customer.h"
#include "stripe_customer.h"

/* What is known of the caller, from Redis, or read from Stripe when Redis
 * knows nothing: then found customers are linked and their records written.
 * user->n_customers is 0 when she has none anywhere. End with store_user_free. */
enum result billing_customer_find(const struct billing *billing, struct store_user *user,
    struct problem *problem);

/* As the caller says it; NULL = not said: the e-mail of her identity, no name. */
struct customer_wanted {
	const char *email;
	const char *name;
	struct stripe_address address;
};

/* Makes and links one. Only under the caller's lock. */
enum result billing_customer_create(const struct billing *billing,
    const struct customer_wanted *wanted, char customer[STRIPE_ID_SIZE], struct problem *problem);

/* The caller's first customer, as she is; made as `wanted` when she has none. */
enum result billing_customer_ensure(const struct billing *billing,
    const struct customer_wanted *wanted, char customer[STRIPE_ID_SIZE],
    char email[EMAIL_SIZE], struct problem *problem);

/* RESULT_CONFLICT when the customer belongs to another user. */
enum result billing_customer_link(const struct billing *billing, const char *customer,
    struct problem *problem);

/* Stripe says that it has gone: its record is closed, and another can be made. */
enum result billing_customer_gone(const struct billing *billing, const char *customer,
    struct problem *problem);

/* Whether one of the user's customers is `customer`. */
bool billing_customer_is_users(const struct store_user *user, const char *customer);

#endif
