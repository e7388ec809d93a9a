/* Customer portal sessions (docs.stripe.com/api/customer_portal/sessions). */
#ifndef TOLLGATE_STRIPE_PORTAL_SESSION_H
#define TOLLGATE_STRIPE_PORTAL_SESSION_H

#include "stripe.h"

/* flow_data.type; PORTAL_HOME sends none. */
enum portal_flow {
	PORTAL_HOME,
	PORTAL_PAYMENT_METHOD_UPDATE,
	PORTAL_CUSTOMER_UPDATE,
	PORTAL_SUBSCRIPTION_CANCEL,
	PORTAL_SUBSCRIPTION_PAUSE,
	PORTAL_SUBSCRIPTION_UPDATE,
	PORTAL_SUBSCRIPTION_UPDATE_CONFIRM,
};
/* Stripe's words in the order above, "" for PORTAL_HOME; NULL-ended. */
extern const char *const portal_flow_words[];

/* All borrowed; NULL where the flow has no use for it. */
struct stripe_portal_params {
	const char *customer;
	const char *return_url;
	enum portal_flow flow;
	const char *subscription; /* the four subscription_… flows */
	const char *item;         /* si_…, update_confirm */
	const char *price;        /* update_confirm */
	int64_t quantity;         /* update_confirm */
};

/* *url is malloc'd, the caller's. */
enum result stripe_portal_session_create(struct stripe *stripe, const struct site *site,
    const struct stripe_portal_params *params, const char *idempotency_key, char **url,
    struct problem *problem);

#endif
