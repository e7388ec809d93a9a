/* Checkout Sessions (docs.stripe.com/api/checkout/sessions), mode=subscription. */
#ifndef TOLLGATE_STRIPE_CHECKOUT_SESSION_H
#define TOLLGATE_STRIPE_CHECKOUT_SESSION_H

#include "stripe.h"
#include "subscription.h"

struct stripe_checkout_session {
	char id[STRIPE_ID_SIZE];
	char customer[STRIPE_ID_SIZE];
	char subscription[STRIPE_ID_SIZE];
	char status[16];
	char payment_status[24];
	char customer_email[320];
	char url[2048];           /* "" unless hosted and open */
	char client_secret[512];  /* "" when hosted */
	char user[129];           /* metadata[tollgate_user], "" = not ours */
	char site[64];            /* metadata[tollgate_site] */
	int64_t expires_at;
};

/* All borrowed; NULL or 0 = not sent. Which of them Stripe takes in which
 * ui_mode is known here, and nowhere else. */
struct stripe_checkout_params {
	const struct plan *plan;
	const char *user;
	const char *customer;
	const char *price;
	const char *setup_price;   /* one-time, for a set-up fee */
	int64_t quantity;
	enum ui_mode ui_mode;
	const char *currency;
	const char *promotion_code; /* promo_… */
};

/* What stripe_checkout_session_create sends, in short; false when out of memory. */
bool stripe_checkout_session_digest(char digest[STRIPE_DIGEST_SIZE], const struct site *site,
    const struct stripe_checkout_params *params);
enum result stripe_checkout_session_create(struct stripe *stripe, const struct site *site,
    const struct stripe_checkout_params *params, const char *idempotency_key,
    struct stripe_checkout_session *session, struct problem *problem);
enum result stripe_checkout_session_retrieve(struct stripe *stripe, const struct site *site,
    const char *id, struct stripe_checkout_session *session, struct problem *problem);
/* RESULT_INVALID when it is no longer open. */
enum result stripe_checkout_session_expire(struct stripe *stripe, const struct site *site,
    const char *id, struct stripe_checkout_session *session, struct problem *problem);

/* Also for the object of an event. */
bool stripe_checkout_session_decode(struct json_object *object,
    struct stripe_checkout_session *session);

#endif
