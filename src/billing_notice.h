/* What the site is told: each type of notice and what its data says.
 *
 * trial_will_end                  subscription, status, trial_end, cancel_at
 * payment_succeeded, payment_failed, payment_action_required, invoice_finalized,
 * invoice_upcoming, invoice_overdue, invoice_will_be_due, invoice_finalization_failed
 *                                 invoice, number, subscription, status, billing_reason,
 *                                 amount_due, amount_paid, currency, due_date, attempt_count,
 *                                 next_payment_attempt, hosted_invoice_url, error_type,
 *                                 error_code, error_message, automatic_tax_status
 * checkout_async_payment_failed, unlinked_subscription
 *                                 session, subscription, payment_status
 * subscription_schedule_expiring  schedule, subscription, status, ends_at
 * subscription_status_changed, duplicate_subscription
 *                                 see store_apply.h
 *
 * Names and values are Stripe's; what the event does not say is left out. */
#ifndef TOLLGATE_BILLING_NOTICE_H
#define TOLLGATE_BILLING_NOTICE_H

struct json_object;

/* The data of a notice about an event's object, as JSON. The caller's; NULL
 * when out of memory. */
char *billing_notice_data(const char *type, struct json_object *object);

#endif
