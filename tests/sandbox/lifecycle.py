"""What becomes of a subscription: begun, activated, renewed, past due, paused, canceled, expired."""
import clock
import coupons
import events
import invoicing
import months
import prices
import setup_intents
from objects import blank, list_of, new_id

DAY = 86400
UNPAID_FIRST_INVOICE = 23 * 3600
UPCOMING = 7 * DAY
ENDED = ("canceled", "incomplete_expired")
UPDATED = "customer.subscription.updated"
DETAILS = ("comment", "feedback", "feedback_option", "reason")


def begin(acct, order):
    """A new subscription with its items, kept but not announced; order is what orders.py made of the request."""
    now, identifier = acct.now(), new_id("sub_")
    trial_end = order["trial_end"] if (order["trial_end"] or 0) > now else None
    subscription = blank(
        "subscription", identifier, automatic_tax=order["automatic_tax"],
        billing_cycle_anchor=trial_end or order["anchor"] or now,
        billing_mode=order["billing_mode"], billing_schedules=[],
        cancel_at_period_end=order["cancel_at_period_end"], cancellation_details=dict.fromkeys(DETAILS),
        collection_method=order["collection_method"], created=now, currency=order["currency"],
        customer=order["customer"], days_until_due=order["days_until_due"],
        default_payment_method=order["default_payment_method"], default_tax_rates=[],
        description=order["description"], discounts=[],
        invoice_settings={"account_tax_ids": None, "custom_fields": None, "description": None, "footer": None,
                          "issuer": {"type": "self"}},
        livemode=False, metadata=order["metadata"], payment_settings=order["payment_settings"], start_date=now,
        status="trialing" if trial_end else "incomplete", trial_end=trial_end,
        trial_settings=order["trial_settings"], trial_start=now if trial_end else None,
        _unannounced=True, _pending=[])
    subscription["discounts"] = coupons.redeem(acct, order["discounts"], order["customer"], identifier,
                                               order.get("session"))
    period = (now, first_period_end(subscription, order["items"][0]["price"], now))
    subscription["items"] = list_of([item(acct, subscription, given, period) for given in order["items"]],
                                    "/v1/subscription_items?subscription=" + identifier)
    acct.add(subscription)
    set_customer_currency(acct, subscription)
    set_cancel_at(acct, subscription, order["cancel_at"])
    schedule(acct, subscription)
    return subscription


def set_customer_currency(acct, subscription):
    customer = acct.get("customer", subscription["customer"])
    if not customer["currency"]:
        with acct.changing(customer, "customer.updated"):
            customer["currency"] = subscription["currency"]


def first_period_end(subscription, price, now):
    anchor = subscription["billing_cycle_anchor"]
    return anchor if anchor > now else period_end_after(subscription, price, now)


def period_end_after(subscription, price, moment):
    cycle = price["recurring"]
    return months.next_boundary(subscription["billing_cycle_anchor"], cycle["interval"], cycle["interval_count"],
                                moment)


def item(acct, subscription, given, period):
    price = given["price"]
    row = blank("subscription_item", new_id("si_", 14), created=acct.now(), current_period_start=period[0],
                current_period_end=period[1], discounts=[], metadata=given["metadata"], plan=prices.plan_of(price),
                price=price, quantity=given["quantity"], subscription=subscription["id"], tax_rates=[])
    acct.tables["subscription_item"][row["id"]] = row
    return row


def items(subscription):
    return subscription["items"]["data"]


def period(subscription):
    first = items(subscription)[0]
    return first["current_period_start"], first["current_period_end"]


def set_period(subscription, start, end):
    for row in items(subscription):
        row.update(current_period_start=start, current_period_end=end)


def set_cancel_at(acct, subscription, when):
    """cancel_at is a time or, as Stripe's helpers, an end of the items' periods."""
    ends = [row["current_period_end"] for row in items(subscription)]
    named = {"min_period_end": min(ends), "max_period_end": max(ends), "max_billed_until": max(ends)}
    if subscription["cancel_at_period_end"]:
        when = max(ends)
    subscription["cancel_at"] = named.get(when, when)
    if subscription["cancel_at"]:
        acct.schedule(subscription["cancel_at"], "cancel_subscription", subscription["id"])


def schedule(acct, subscription):
    """What will happen of itself to a subscription from now on."""
    schedule_cycle(acct, subscription)
    if subscription["status"] == "incomplete":
        acct.schedule(acct.now() + UNPAID_FIRST_INVOICE, "expire_subscription", subscription["id"])
    if subscription["status"] == "trialing":
        acct.schedule(max(acct.now(), subscription["trial_end"] - 3 * DAY), "trial_will_end", subscription["id"])


def schedule_cycle(acct, subscription):
    start, end = period(subscription)
    acct.schedule(end, "cycle_subscription", subscription["id"])
    if end - UPCOMING > start:
        acct.schedule(end - UPCOMING, "invoice_upcoming", subscription["id"])


def announce(acct, subscription):
    subscription["_unannounced"] = False
    events.emit(acct, "customer.subscription.created", subscription)


def first_invoice(acct, subscription, extra=()):
    """The invoice that opens a subscription: free lines for a trial, a share up to a later anchor."""
    start, end = period(subscription)
    lines = [first_line(acct, subscription, row, start, end) for row in items(subscription)] + list(extra)
    invoice = invoicing.keep(acct, invoicing.build(acct, subscription, lines, "subscription_create"))
    subscription["latest_invoice"] = invoice["id"]
    return invoice


def first_line(acct, subscription, row, start, end):
    price, special = row["price"], {}
    if subscription["status"] == "trialing":
        product = acct.get("product", price["product"])
        special = {"amount": 0, "description": "Trial period for " + product["name"]}
    elif end == subscription["billing_cycle_anchor"]:
        cycle = price["recurring"]
        whole = end - months.add(end, cycle["interval"], -cycle["interval_count"])
        full = prices.amount(price, row["quantity"], subscription["currency"])
        special = {"amount": round(full * min(1, (end - start) / whole))}
    return invoicing.line(acct, price, row["quantity"], subscription["currency"], (start, end),
                          subscription["id"], row["id"], **special)


def want_setup(acct, subscription):
    """Nothing to pay yet and no payment method: a SetupIntent collects one."""
    customer = acct.get("customer", subscription["customer"])
    method = subscription["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
    if not method and subscription["collection_method"] == "charge_automatically":
        intent = setup_intents.build(acct, subscription["customer"])
        intent["_subscription"] = subscription["id"]
        subscription["pending_setup_intent"] = intent["id"]


@events.on("setup_intent.succeeded")
def setup_succeeded(acct, intent):
    subscription = acct.get("subscription", intent.get("_subscription"))
    if subscription:
        with acct.changing(subscription, UPDATED):
            subscription["pending_setup_intent"] = None
            if saves_method(subscription):
                subscription["default_payment_method"] = intent["payment_method"]


def saves_method(subscription):
    settings = subscription["payment_settings"] or {}
    return subscription.get("_saves") or settings.get("save_default_payment_method") == "on_subscription"


def subscription_of(acct, invoice):
    return acct.get("subscription", invoice["_subscription"])


def save_method(acct, subscription, invoice):
    intent = invoice["_intent"] and acct.get("payment_intent", invoice["_intent"])
    if intent and intent["payment_method"] and saves_method(subscription):
        subscription["default_payment_method"] = intent["payment_method"]


@events.on("invoice.paid")
def invoice_paid(acct, invoice):
    subscription = subscription_of(acct, invoice)
    if subscription["status"] in ENDED or subscription["status"] == "trialing":
        return
    latest = subscription["latest_invoice"] == invoice["id"]
    with acct.changing(subscription, UPDATED):
        save_method(acct, subscription, invoice)
        if subscription["status"] == "incomplete":
            subscription["status"] = "active"
        elif subscription["status"] in ("past_due", "unpaid") and (latest or not owing(acct, subscription)):
            subscription["status"] = "active"


def owing(acct, subscription):
    return any(invoice["_subscription"] == subscription["id"] and invoice["status"] == "open"
               for invoice in acct.owned("invoice", subscription["customer"]))


@events.on("payment_intent.processing")
def payment_processing(acct, intent):
    """While a bank debit is on its way the subscription runs already."""
    invoice = invoicing.invoice_of(acct, intent)
    subscription = invoice and subscription_of(acct, invoice)
    if subscription and subscription["status"] == "incomplete":
        with acct.changing(subscription, UPDATED):
            save_method(acct, subscription, invoice)
            subscription["status"] = "active"


@events.on("invoice.payment_failed", "invoice.payment_action_required", "invoice.overdue")
def invoice_failed(acct, invoice):
    """A renewal that fails makes past_due, and after the last attempt what is configured."""
    subscription = subscription_of(acct, invoice)
    charged = invoice["collection_method"] == "charge_automatically"
    first = charged and invoice["billing_reason"] == "subscription_create"
    if first or subscription["status"] in ENDED + ("paused",):
        return
    if subscription["status"] == "active" and not subscription.get("_waiting"):
        with acct.changing(subscription, UPDATED):
            subscription["status"] = "past_due"
    if invoice["next_payment_attempt"] is None and invoice["auto_advance"] and invoice["_retries"]:
        give_up(acct, subscription, invoice)


def give_up(acct, subscription, invoice):
    end = acct.setting("retries")["end"]
    if end == "cancel":
        cancel(acct, subscription, "payment_failed")
    elif end == "unpaid":
        with acct.changing(subscription, UPDATED):
            subscription["status"] = "unpaid"


@clock.job("expire_subscription")
def expire(acct, identifier, when):
    subscription = acct.get("subscription", identifier)
    if subscription["status"] == "incomplete":
        expire_now(acct, subscription)


def expire_now(acct, subscription):
    invoice = acct.get("invoice", subscription["latest_invoice"])
    if invoice["status"] == "void":
        expired(acct, subscription)
    else:
        invoicing.void(acct, invoice)


@events.on("invoice.voided")
def invoice_voided(acct, invoice):
    """Without a first invoice that can be paid it is over."""
    subscription = subscription_of(acct, invoice)
    if subscription["status"] == "incomplete" and subscription["latest_invoice"] == invoice["id"]:
        expired(acct, subscription)


def expired(acct, subscription):
    with acct.changing(subscription, UPDATED):
        subscription.update(status="incomplete_expired", ended_at=acct.now(), canceled_at=acct.now())


def cancel(acct, subscription, reason="cancellation_requested", details=None):
    if subscription["status"] == "incomplete":
        expire_now(acct, subscription)
        return
    with acct.changing(subscription):
        subscription.update(status="canceled", ended_at=acct.now(), pending_update=None)
        subscription["canceled_at"] = subscription["canceled_at"] or acct.now()
        subscription["cancellation_details"].update({"reason": reason, **(details or {})})
        stop_collecting(acct, subscription)
    events.emit(acct, "customer.subscription.deleted", subscription)


def stop_collecting(acct, subscription):
    """Open invoices of a canceled subscription stay open, but nothing collects them any more."""
    for invoice in acct.owned("invoice", subscription["customer"]):
        if invoice["_subscription"] == subscription["id"] and invoice["status"] in ("draft", "open"):
            with acct.changing(invoice, "invoice.updated"):
                invoice.update(auto_advance=False, next_payment_attempt=None)


@events.on("customer.deleted")
def customer_deleted(acct, customer):
    for subscription in acct.owned("subscription", customer["id"]):
        if subscription["status"] not in ENDED:
            cancel(acct, subscription)


@clock.job("cancel_subscription")
def cancel_when_due(acct, identifier, when):
    subscription = acct.get("subscription", identifier)
    if subscription["cancel_at"] == when and subscription["status"] not in ENDED:
        cancel(acct, subscription)


@clock.job("trial_will_end")
def trial_will_end(acct, identifier, when):
    subscription = acct.get("subscription", identifier)
    if subscription["status"] == "trialing" and subscription["trial_end"] - 3 * DAY <= when:
        events.emit(acct, "customer.subscription.trial_will_end", subscription)


def pause(acct, subscription, why):
    with acct.changing(subscription, UPDATED):
        subscription["status"] = "paused"
        subscription["status_details"] = {"paused": {"subscription": {"type": why}, "type": "subscription",
                                                     "transitioned_at": acct.now()}}
    events.emit(acct, "customer.subscription.paused", subscription)
