/* Stripe's embeddable pricing table and its Payment Links: who buys there. */
#ifndef TOLLGATE_BILLING_PRICING_TABLE_H
#define TOLLGATE_BILLING_PRICING_TABLE_H

#include "billing.h"
#include "client_reference.h"
#include "stripe_customer_session.h"
#include "subscription.h"

struct pricing_table {
	struct stripe_customer_session session;
	char customer[STRIPE_ID_SIZE];
	char reference[CLIENT_REFERENCE_SIZE]; /* "" without identity_key_files */
};

/* A customer session of the caller's customer, who is made when she has none, and a
 * reference that links a payment to her which begins without one. */
enum result billing_pricing_table_open(const struct billing *billing, struct pricing_table *table,
    struct problem *problem);

#endif
