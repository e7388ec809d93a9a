"""What waits for a payment, for at most 23 hours: a pending update, no longer than its period; a resumption."""
import clock
import events
import invoicing
from lifecycle import UPDATED, period
from objects import render
from proration import Change, collect, left, update_invoice
from subscription_fields import set_fields

WAITS = 23 * 3600


def apply_when_paid(acct, subscription, p, change, lines):
    """pending_if_incomplete: nothing changes until the invoice is paid, for at most 23 hours. What waits already is
    dropped, as at Stripe."""
    if subscription["pending_update"]:
        drop_update(acct, subscription)
    pending = subscription["_pending"]
    subscription.update(_waiting=(change, p, pending), _pending=[])
    with acct.changing(subscription, UPDATED):
        invoice = update_invoice(acct, subscription, lines + pending)
    invoice["auto_advance"] = False
    invoicing.keep(acct, invoice)
    collect(acct, subscription, invoice, "pending_if_incomplete", p)
    if invoice["status"] == "open":
        wait(acct, subscription, p, change)
    return subscription


def wait(acct, subscription, p, change):
    expires = min(acct.now() + WAITS, period(subscription)[1])
    rows = [{**render(row or {}), "object": "subscription_item", "price": render(item["price"]),
             "quantity": item["quantity"]} for row, item in change.rows]
    with acct.changing(subscription, UPDATED):
        subscription["pending_update"] = {
            "billing_cycle_anchor": None, "cancel_at_period_end": p.get("cancel_at_period_end"), "discount": None,
            "discounts": None, "expires_at": expires, "metadata": p.get("metadata"), "subscription_items": rows,
            "trial_end": None, "trial_from_plan": None}
    acct.schedule(expires, "expire_pending_update", subscription["id"])


@events.on("invoice.paid")
def paid(acct, invoice):
    """The update that waited for this invoice is carried out."""
    subscription = acct.get("subscription", invoice["_subscription"])
    if not subscription.get("_waiting") or subscription["latest_invoice"] != invoice["id"]:
        return
    change, p, _ = subscription.pop("_waiting")
    waited = subscription["pending_update"] is not None
    with acct.changing(subscription, UPDATED):
        subscription["pending_update"] = None
        set_fields(acct, subscription, p)
        change.carry_out()
    if waited:
        events.emit(acct, "customer.subscription.pending_update_applied", subscription)


def drop_update(acct, subscription):
    subscription["_pending"] += subscription.pop("_waiting")[2]
    invoicing.void(acct, acct.get("invoice", subscription["latest_invoice"]))
    with acct.changing(subscription, UPDATED):
        subscription["pending_update"] = None


@clock.job("expire_pending_update")
def expire_pending(acct, identifier, when):
    subscription = acct.get("subscription", identifier)
    if not subscription["pending_update"] or subscription["pending_update"]["expires_at"] != when:
        return
    expire_update(acct, subscription)


def expire_update(acct, subscription):
    drop_update(acct, subscription)
    events.emit(acct, "customer.subscription.pending_update_expired", subscription)


def resume(acct, subscription, p):
    """A paused subscription goes on: at once, or when its invoice is paid, for which there are 23 hours."""
    drop_resumption(acct, subscription)
    unchanged = p.get("billing_cycle_anchor", {}).get("type") == "unchanged"
    if unchanged and period(subscription)[1] > acct.now():
        go_on(acct, subscription, p)
        return
    change = Change(acct, subscription, {"billing_cycle_anchor": {"type": "now"}, "proration_behavior": "none"}, None)
    change.free = False
    resume_when_paid(acct, subscription, p, change.lines(), change.carry_out)


def go_on(acct, subscription, p):
    """In the same period: what is left of it is charged for, unless that is not wanted."""
    behavior = p.get("proration_behavior", "create_prorations")
    lines = [] if behavior == "none" else left(acct, subscription, p.get("proration_date", acct.now()))
    if lines and behavior == "always_invoice":
        resume_when_paid(acct, subscription, p, lines, lambda: None)
        return
    subscription["_pending"] = subscription["_pending"] + lines
    resumed(acct, subscription)


def resume_when_paid(acct, subscription, p, lines, and_then):
    pending = subscription["_pending"]
    subscription.update(_resuming=(and_then, pending), _pending=[])
    with acct.changing(subscription, UPDATED):
        invoice = update_invoice(acct, subscription, lines + pending)
    invoice["auto_advance"] = False
    invoicing.keep(acct, invoice)
    acct.schedule(acct.now() + WAITS, "expire_resumption", invoice["id"])
    collect(acct, subscription, invoice, "allow_incomplete", p)
    if p.get("payment_behavior") == "resume_on_payment_attempt" and subscription.get("_resuming"):
        carry_on(acct, subscription)


def drop_resumption(acct, subscription):
    if subscription.get("_resuming"):
        subscription["_pending"] += subscription.pop("_resuming")[1]
        invoicing.void(acct, acct.get("invoice", subscription["latest_invoice"]))


@clock.job("expire_resumption")
def expire_resumption(acct, identifier, when):
    subscription = acct.get("subscription", acct.get("invoice", identifier)["_subscription"])
    if subscription["latest_invoice"] == identifier:
        drop_resumption(acct, subscription)


@events.on("invoice.paid")
def resume_paid(acct, invoice):
    subscription = acct.get("subscription", invoice["_subscription"])
    if subscription.get("_resuming") and subscription["latest_invoice"] == invoice["id"]:
        carry_on(acct, subscription)


def carry_on(acct, subscription):
    and_then, _ = subscription.pop("_resuming")
    paid = acct.get("invoice", subscription["latest_invoice"])["status"] == "paid"
    resumed(acct, subscription, "active" if paid else "past_due", and_then)


def resumed(acct, subscription, status="active", and_then=lambda: None):
    with acct.changing(subscription, UPDATED):
        subscription["status"] = status
        subscription.pop("status_details", None)
        and_then()
    events.emit(acct, "customer.subscription.resumed", subscription)
