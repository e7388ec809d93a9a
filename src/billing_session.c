#include "billing_session.h"

#include <stdio.h>
#include <string.h>

#include "billing_customer.h"
#include "billing_sync.h"

#define COMPLETE "complete"

static enum result session_unknown(struct problem *problem)
{
	return problem_set(problem, RESULT_NOT_FOUND, "session_unknown", "session_id",
	    "There is no such Checkout Session.");
}

/* Made by us for this user, or for a customer who is linked to her. */
static enum result check_owner(const struct billing *billing,
    const struct stripe_checkout_session *session, struct problem *problem)
{
	char user[IDENTITY_USER_MAX + 1] = "";

	if (strcmp(session->site, billing->site->name) == 0 &&
	    strcmp(session->user, billing->identity->user) == 0)
		return RESULT_OK;
	if (session->customer[0] != '\0' && store_customer_user(billing->store, billing->site,
	    session->customer, user) != RESULT_OK)
		return problem_store(problem);
	return strcmp(user, billing->identity->user) == 0 ? RESULT_OK : session_unknown(problem);
}

enum result billing_session_remember(const struct billing *billing,
    const struct stripe_checkout_session *session, const char *fingerprint,
    struct problem *problem)
{
	struct store_session kept = { .expires_at = session->expires_at };

	memcpy(kept.id, session->id, sizeof(kept.id));
	memcpy(kept.customer, session->customer, sizeof(kept.customer));
	memcpy(kept.subscription, session->subscription, sizeof(kept.subscription));
	memcpy(kept.status, session->status, sizeof(kept.status));
	memcpy(kept.payment_status, session->payment_status, sizeof(kept.payment_status));
	memcpy(kept.customer_email, session->customer_email, sizeof(kept.customer_email));
	snprintf(kept.user, sizeof(kept.user), "%s", billing->identity->user);
	snprintf(kept.fingerprint, sizeof(kept.fingerprint), "%s", fingerprint != NULL ? fingerprint : "");
	if (store_session_write(billing->store, billing->site, &kept, billing->now) != RESULT_OK)
		return problem_store(problem);
	return RESULT_OK;
}

static enum result adopt_completed(const struct billing *billing,
    const struct stripe_checkout_session *session, struct problem *problem)
{
	enum result result;

	if (strcmp(session->status, COMPLETE) != 0 || session->customer[0] == '\0')
		return RESULT_OK;
	result = billing_customer_link(billing, session->customer, problem);
	return result == RESULT_OK ?
	    billing_sync_customer(billing, session->customer, problem) : result;
}

enum result billing_session_refresh(const struct billing *billing, const char *id,
    struct stripe_checkout_session *session, struct problem *problem)
{
	enum result result;

	result = stripe_checkout_session_retrieve(billing->stripe, billing->site, id, session, problem);
	if (result == RESULT_NOT_FOUND)
		return session_unknown(problem);
	if (result == RESULT_OK)
		result = check_owner(billing, session, problem);
	if (result == RESULT_OK)
		result = adopt_completed(billing, session, problem);
	if (result == RESULT_OK)
		result = billing_session_remember(billing, session, NULL, problem);
	return result;
}

/* False when Redis does not know the subscription. */
static bool find_subscription(const struct store_user *user, const char *id,
    struct session_status *status)
{
	size_t i;

	for (i = 0; i < user->n_records; i++) {
		if (strcmp(user->records[i].snapshot.id, id) != 0)
			continue;
		status->has_subscription = true;
		status->subscription_status = user->records[i].snapshot.status;
		return true;
	}
	return false;
}

static enum result read_subscription(const struct billing *billing, const char *id,
    struct session_status *status, struct problem *problem)
{
	struct store_user user = { 0 };

	if (store_user_read(billing->store, billing->site, billing->user_hash, &user) != RESULT_OK)
		return problem_store(problem);
	find_subscription(&user, id, status);
	store_user_free(&user);
	return RESULT_OK;
}

/* Whether Redis alone can say how the session ended. */
static bool is_settled(const struct store_session *kept, const struct session_status *status)
{
	if (strcmp(kept->status, COMPLETE) == 0)
		return status->has_subscription;
	return strcmp(kept->status, "expired") == 0;
}

static enum result status_of_kept(const struct billing *billing, const char *id,
    struct session_status *status, bool *settled, struct problem *problem)
{
	struct store_session kept;
	enum result result;

	*settled = false;
	switch (store_session_read(billing->store, billing->site, id, &kept)) {
	case RESULT_OK:
		break;
	case RESULT_NOT_FOUND:
		return RESULT_OK;
	default:
		return problem_store(problem);
	}
	if (kept.user[0] != '\0' && strcmp(kept.user, billing->identity->user) != 0)
		return session_unknown(problem);
	if (kept.user[0] == '\0')
		return RESULT_OK;
	memcpy(status->status, kept.status, sizeof(status->status));
	memcpy(status->payment_status, kept.payment_status, sizeof(status->payment_status));
	memcpy(status->customer_email, kept.customer_email, sizeof(status->customer_email));
	result = read_subscription(billing, kept.subscription, status, problem);
	*settled = result == RESULT_OK && is_settled(&kept, status);
	return result;
}

static enum result status_of_stripe(const struct billing *billing, const char *id,
    struct session_status *status, struct problem *problem)
{
	struct stripe_checkout_session session;
	enum result result;

	result = billing_session_refresh(billing, id, &session, problem);
	if (result != RESULT_OK)
		return result;
	memcpy(status->status, session.status, sizeof(status->status));
	memcpy(status->payment_status, session.payment_status, sizeof(status->payment_status));
	memcpy(status->customer_email, session.customer_email, sizeof(status->customer_email));
	return read_subscription(billing, session.subscription, status, problem);
}

enum result billing_session_status(const struct billing *billing, const char *id,
    struct session_status *status, struct problem *problem)
{
	enum result result;
	bool settled;

	*status = (struct session_status){ 0 };
	result = status_of_kept(billing, id, status, &settled, problem);
	if (result != RESULT_OK || settled)
		return result;
	return status_of_stripe(billing, id, status, problem);
}
