/* Subscriptions that wait for their first payment in the site's own form. */
#ifndef TOLLGATE_BILLING_WAITING_H
#define TOLLGATE_BILLING_WAITING_H

#include "billing.h"
#include "billing_purchase.h"
#include "stripe_subscription.h"

/* What the site does not sell was not begun here. */
bool billing_waiting_is_sold_here(const struct site *site,
    const struct subscription *subscription);

/* In favour of the purchase: counts it first (billing_purchase_count). *subscription is how
 * it stands afterwards: ended, or as it was left because it is paid, or being paid, which
 * is RESULT_CONFLICT `busy` if it is of the same product. */
enum result billing_waiting_give_up(const struct billing *billing, struct purchase *purchase,
    struct stripe_subscription *subscription, struct problem *problem);

/* The caller makes her purchase in Checkout: what waits in the own form is given up, so
 * that she cannot pay for both; or, when it was paid meanwhile, remembered, which is
 * RESULT_CONFLICT `already_subscribed` if it is of the same product. What a Checkout
 * Session has in hand is left alone. Only under her lock. */
enum result billing_waiting_leave(const struct billing *billing, struct purchase *purchase,
    const struct store_user *user, struct problem *problem);

#endif
