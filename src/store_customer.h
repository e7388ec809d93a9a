/* Users, their customers, and everything the gate needs to know of them, in one round trip. */
#ifndef TOLLGATE_STORE_CUSTOMER_H
#define TOLLGATE_STORE_CUSTOMER_H

#include <stdbool.h>
#include <stdint.h>

#include "store.h"
#include "subscription.h"

/* All that Redis holds of a user: the union over her customers. What is there is
 * there, known or not. */
struct store_user {
	bool known;                /* all her customers were read, or "no customer" still holds */
	size_t n_customers;
	char (*customers)[STRIPE_ID_SIZE];  /* oldest link first; deleted ones are left out */
	size_t n_records;
	struct subscription_record *records;
	size_t n_features;
	char (*features)[LOOKUP_KEY_SIZE];  /* entitlement lookup keys */
};

/* access.lua: one round trip. *user is filled on RESULT_OK and must be ended with store_user_free. */
enum result store_user_read(struct store *store, const struct site *site, const char *user_hash,
    struct store_user *user);
void store_user_free(struct store_user *user);

/* Remembers for 10 minutes that Stripe knows no customer of this user; any link clears it. */
enum result store_user_none_write(struct store *store, const struct site *site,
    const char *user_hash, int64_t now);
/* Links; RESULT_CONFLICT when the customer belongs to another user. Clears "no customer". */
enum result store_customer_link(struct store *store, const struct site *site,
    const char *customer, const char *user, int64_t now);
/* The user id a customer is linked to, "" = none. */
enum result store_customer_user(struct store *store, const struct site *site,
    const char *customer, char user[129]);
/* Her e-mail address as Stripe last said it, "" = none. */
enum result store_customer_email(struct store *store, const struct site *site,
    const char *customer, char email[EMAIL_SIZE]);
/* One customer as Redis has her: what store_user_read says of her alone, and the
 * generation. End with store_user_free. */
enum result store_customer_read(struct store *store, const struct site *site,
    const char *customer, int64_t *generation, struct store_user *held);
/* How often the customer's record was written; a reading is written only if it stands still. */
enum result store_customer_generation(struct store *store, const struct site *site,
    const char *customer, int64_t *generation);

/* Asks tollgate-sync: a wish for a user whom Redis does not know, a dirty mark for a customer. */
enum result store_wish(struct store *store, const struct site *site, const char *user, int64_t now);
enum result store_dirty(struct store *store, const struct site *site, const char *customer,
    int64_t now);

#endif
