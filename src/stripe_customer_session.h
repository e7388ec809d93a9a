/* What lets an embedded pricing table know its customer (docs.stripe.com/api/customer_sessions). */
#ifndef TOLLGATE_STRIPE_CUSTOMER_SESSION_H
#define TOLLGATE_STRIPE_CUSTOMER_SESSION_H

#include "stripe.h"

struct stripe_customer_session {
	char client_secret[512];
	int64_t expires_at;
};

enum result stripe_customer_session_create(struct stripe *stripe, const struct site *site,
    const char *customer, struct stripe_customer_session *session, struct problem *problem);

#endif
