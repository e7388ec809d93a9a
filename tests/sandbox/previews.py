"""Invoice previews: what a change or a cancellation would come to, with nothing done."""
import invoicing
import months
import orders
from changes import changed_rows, check
from errors import invalid
from lifecycle import ENDED, period
from proration import Change
from routing import Route

KNOWN = {"customer", "subscription", "subscription_details", "preview_mode", "invoice_items"}
ONCE = {"price", "quantity"}
CHANGES = {"items", "proration_behavior", "proration_date", "trial_end", "billing_cycle_anchor",
           "cancel_at_period_end", "cancel_at"}


def create(acct, p):
    details = p.get("subscription_details", {})
    refuse_unknown(p, details)
    subscription = acct.find("subscription", p["subscription"], "subscription")
    if p.get("customer", subscription["customer"]) != subscription["customer"]:
        raise invalid("The subscription %s does not belong to the customer %s."
                      % (subscription["id"], p["customer"]), "subscription")
    if subscription["status"] in ENDED:
        raise nothing()
    wanted = {name: details[name] for name in CHANGES & set(details)}
    check(acct, subscription, wanted)
    if details.get("cancel_now"):
        return draft(acct, subscription, last_lines(acct, subscription, wanted), acct.now())
    rows = changed_rows(acct, subscription, wanted["items"]) if "items" in wanted else None
    once = orders.one_time(acct, p.get("invoice_items", []), subscription["currency"], "invoice_items")
    return changed(acct, subscription, Change(acct, subscription, wanted, rows, once), wanted)


def refuse_unknown(p, details):
    unknown = sorted(set(p) - KNOWN) + ["subscription_details[%s]" % name
                                        for name in sorted(set(details) - CHANGES - {"cancel_now"})]
    unknown += ["invoice_items[%d][%s]" % (place, name) for place, entry in enumerate(p.get("invoice_items", []))
                for name in sorted(set(entry) - ONCE)]
    if unknown:
        raise invalid("The sandbox previews nothing with '%s'." % unknown[0], unknown[0])
    if p.get("preview_mode") == "recurring":
        raise invalid("The sandbox previews only the next invoice.", "preview_mode")
    if "subscription" not in p:
        raise invalid("The sandbox previews only changes of a subscription.", "subscription", "parameter_missing")


def nothing():
    return invalid("No upcoming invoices for this subscription.", "subscription", "invoice_upcoming_none", 404)


def last_lines(acct, subscription, wanted):
    """What is pending, and the credit for the rest of the period unless it is not wanted."""
    change = Change(acct, subscription, wanted, None)
    change.rows = []
    wants_none = change.free or change.behavior == "none"
    return subscription["_pending"] + ([] if wants_none else change.credits())


def changed(acct, subscription, change, wanted):
    """The invoice that the change makes at once; where it makes none, the next one, with what the change adds."""
    lines = change.all_lines() + subscription["_pending"]
    if change.invoices_now():
        return draft(acct, subscription, lines, acct.now())
    ends = wanted["cancel_at_period_end"] if "cancel_at_period_end" in wanted \
        else wanted.get("cancel_at", subscription["cancel_at"])
    if ends:
        raise nothing()
    start = wanted["trial_end"] if isinstance(wanted.get("trial_end"), int) else period(subscription)[1]
    return draft(acct, subscription, lines + next_lines(acct, subscription, change, start), start)


def next_lines(acct, subscription, change, start):
    """The next period, with the items as they will be."""
    cycle = change.rows[0][1]["price"]["recurring"]
    end = months.add(start, cycle["interval"], cycle["interval_count"])
    return [invoicing.line(acct, item["price"], item["quantity"], subscription["currency"], (start, end),
                           subscription["id"], row and row["id"]) for row, item in change.rows]


def draft(acct, subscription, lines, when):
    """An invoice that is kept nowhere."""
    invoice = invoicing.build(acct, subscription, lines, "upcoming", period(subscription))
    invoicing.apply_balance(invoice, acct.get("customer", invoice["customer"]))
    invoice.update(id="upcoming_" + invoice["id"], created=when, next_payment_attempt=when + invoicing.DRAFT_TIME,
                   livemode=acct.setting("livemode"))
    return invoice


ROUTES = [Route("POST", "/v1/invoices/create_preview", create, "invoice")]
