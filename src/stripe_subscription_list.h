/* All that Stripe says of a customer's subscriptions, with what stands beside them. */
#ifndef TOLLGATE_STRIPE_SUBSCRIPTION_LIST_H
#define TOLLGATE_STRIPE_SUBSCRIPTION_LIST_H

#include "stripe_customer.h"

struct stripe_listed_subscription {
	struct subscription snapshot;
	enum first_payment first_payment; /* UNKNOWN where it does not matter */
	int64_t past_due_since;           /* 0 = not past due */
	char reason[32];                  /* cancellation_details.reason, "" = none */
	bool has_payment_method;          /* its own or the customer's */
};

struct stripe_subscription_list {
	struct stripe_listed_subscription *data;
	size_t count;
	struct stripe_customer customer;
	int64_t date;                     /* of the first answer; 0 = none said */
};

/* status=all, all pages, all items, and the customer herself.
 * RESULT_NOT_FOUND: this Stripe account has no such customer. */
enum result stripe_subscription_list(struct stripe *stripe, const struct site *site,
    const char *customer, struct stripe_subscription_list *list, struct problem *problem);
void stripe_subscription_list_free(struct stripe_subscription_list *list);

/* Adds one by its id, which a list may lack. RESULT_NOT_FOUND when it is not this customer's. */
enum result stripe_subscription_list_add(struct stripe *stripe, const struct site *site,
    const char *id, struct stripe_subscription_list *list, struct problem *problem);

/* Whose the account's subscriptions are, of any status: one page behind the
 * subscription `last`, which moves on and is "" behind the last page. */
#define STRIPE_PAGE 100
enum result stripe_subscription_customers(struct stripe *stripe, const struct site *site,
    char last[STRIPE_ID_SIZE], char customers[STRIPE_PAGE][STRIPE_ID_SIZE], size_t *count,
    struct problem *problem);

#endif
