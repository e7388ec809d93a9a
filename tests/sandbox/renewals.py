"""The end of a period: the next one with its invoice, the end of a trial, or the end."""
import clock
import events
import invoicing
import meters
import prices
import waiting
from lifecycle import (ENDED, UPCOMING, UPDATED, cancel, items, pause, period, period_end_after,
                       schedule_cycle, set_period)


@clock.job("cycle_subscription")
def cycle(acct, identifier, when):
    """The end of a period: canceled, the trial over, or another period."""
    subscription = acct.get("subscription", identifier)
    if subscription["status"] in ENDED + ("incomplete", "paused") or period(subscription)[1] != when:
        return
    if subscription["pending_update"]:
        waiting.expire_update(acct, subscription)
    if subscription["cancel_at"] and subscription["cancel_at"] <= when:
        cancel(acct, subscription)
    elif subscription["status"] == "trialing":
        end_trial(acct, subscription, when)
    else:
        renew(acct, subscription, when)


def end_trial(acct, subscription, when):
    customer = acct.get("customer", subscription["customer"])
    method = subscription["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
    behavior = (subscription["trial_settings"] or {}).get("end_behavior", {}).get("missing_payment_method")
    if not method and behavior == "cancel":
        cancel(acct, subscription)
    elif not method and behavior == "pause":
        pause(acct, subscription, "trial_end_without_payment_method")
    else:
        renew(acct, subscription, when)


def renew(acct, subscription, start):
    """A new period with its invoice: a draft for an hour, or for good while unpaid."""
    before = period(subscription)
    with acct.changing(subscription, UPDATED):
        set_period(subscription, start, period_end_after(subscription, items(subscription)[0]["price"], start))
        if subscription["status"] == "trialing":
            subscription["status"] = "active"
        invoice = renewal_invoice(acct, subscription, before)
        subscription["latest_invoice"] = invoice["id"]
    schedule_cycle(acct, subscription)
    invoicing.keep(acct, invoice)
    settle_draft(acct, subscription, invoice)


def renewal_invoice(acct, subscription, before):
    lines = recurring_lines(acct, subscription, before) + subscription["_pending"]
    subscription["_pending"] = []
    return invoicing.build(acct, subscription, lines, "subscription_cycle", before)


def recurring_lines(acct, subscription, before):
    """The period to come, and the use of meters in the one before."""
    return [recurring_line(acct, subscription, row, before) for row in items(subscription)]


def recurring_line(acct, subscription, row, before):
    quantity, bounds = row["quantity"], period(subscription)
    if prices.is_metered(row["price"]):
        meter = acct.get("billing.meter", row["price"]["recurring"]["meter"])
        quantity, bounds = int(meters.usage(acct, meter, subscription["customer"], *before)), before
    return invoicing.line(acct, row["price"], quantity, subscription["currency"], bounds, subscription["id"], row["id"])


def settle_draft(acct, subscription, invoice):
    behavior = (subscription["pause_collection"] or {}).get("behavior")
    if subscription["status"] == "unpaid" or behavior == "keep_as_draft":
        invoice["auto_advance"] = False
    elif behavior:
        invoicing.finalize(acct, invoice)
        end = invoicing.void if behavior == "void" else invoicing.mark_uncollectible
        if invoice["status"] == "open":
            end(acct, invoice)
    else:
        invoicing.finalize_later(acct, invoice)


@clock.job("invoice_upcoming")
def upcoming(acct, identifier, when):
    """The renewal that is due in a week, as a preview of its invoice."""
    subscription = acct.get("subscription", identifier)
    if subscription["status"] not in ("trialing", "active", "past_due") or subscription["cancel_at"] \
            or period(subscription)[1] != when + UPCOMING:
        return
    invoice = invoicing.build(acct, subscription, recurring_lines(acct, subscription, period(subscription)), "upcoming")
    invoice.update(id="upcoming_" + invoice["id"], created=when + UPCOMING,
                   next_payment_attempt=when + UPCOMING + invoicing.DRAFT_TIME)
    events.emit(acct, "invoice.upcoming", invoice)


@clock.job("resume_collection")
def resume_collection(acct, identifier, when):
    subscription = acct.get("subscription", identifier)
    if (subscription["pause_collection"] or {}).get("resumes_at") == when:
        with acct.changing(subscription, UPDATED):
            subscription["pause_collection"] = None
