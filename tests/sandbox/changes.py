"""A change of a subscription: what is refused, which items it will have, when it is invoiced."""
import cards
import coupons
import invoicing
import lifecycle
import orders
import prices
import waiting
from errors import declined, invalid
from lifecycle import UPDATED, items, period
from objects import set_metadata
from proration import Change, as_item, collect, unused, update_invoice
from subscription_fields import set_fields

AT_ANY_TIME = {"metadata", "default_payment_method", "payment_behavior", "cancellation_details", "description",
               "payment_settings", "off_session"}
WITH_PENDING = {"items", "payment_behavior", "proration_behavior", "proration_date", "billing_cycle_anchor",
                "trial_end", "trial_from_plan", "expand", "off_session", "discounts", "add_invoice_items",
                "cancel_at_period_end", "metadata"}


def check(acct, subscription, p):
    """Everything that is refused is refused here, before anything is changed."""
    status = subscription["status"]
    if status in lifecycle.ENDED and set(p) - {"cancellation_details", "metadata"}:
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.",
                      code="invalid_canceled_subscription_fields")
    if status == "incomplete" and set(p) - AT_ANY_TIME:
        raise invalid("A subscription that is incomplete can only have its metadata and default payment method "
                      "updated until its first invoice is paid.")
    if "cancel_at" in p and "cancel_at_period_end" in p:
        raise invalid("You may only specify one of these parameters: cancel_at, cancel_at_period_end.", "cancel_at")
    if isinstance(p.get("cancel_at"), int) and p["cancel_at"] <= acct.now():
        raise invalid("`cancel_at` must be in the future.", "cancel_at")
    if p.get("payment_behavior") == "pending_if_incomplete":
        check_pending(acct, subscription, p)
    if isinstance(p.get("trial_end"), int):
        orders.check_trial_end(acct, p["trial_end"], "trial_end")
    coupons.check(acct, p.get("discounts"), subscription["customer"])
    one_time(acct, subscription, p)
    check_proration(subscription, p)


def one_time(acct, subscription, p):
    return orders.one_time(acct, p.get("add_invoice_items", []), subscription["currency"], "add_invoice_items")


def check_pending(acct, subscription, p):
    wrong = sorted(set(p) - WITH_PENDING)
    if wrong:
        raise invalid("You can not use `%s` with `payment_behavior=pending_if_incomplete`. The supported parameters "
                      "are listed at https://stripe.com/docs/billing/subscriptions/pending-updates-reference."
                      % wrong[0], wrong[0])
    if subscription["collection_method"] != "charge_automatically":
        raise invalid("`pending_if_incomplete` needs `collection_method` `charge_automatically`.",
                      "payment_behavior")
    method = method_of(acct, subscription)
    if method and method["type"] != "card":
        raise invalid("Pending updates are not supported with payment methods of type %s." % method["type"],
                      "payment_behavior")


def method_of(acct, subscription):
    customer = acct.get("customer", subscription["customer"])
    return acct.get("payment_method", subscription["default_payment_method"]
                    or customer["invoice_settings"]["default_payment_method"])


def check_proration(subscription, p):
    if "proration_date" not in p:
        return
    start, end = period(subscription)
    if not start <= p["proration_date"] <= end:
        raise invalid("Cannot specify `proration_date` outside of the current period (%d to %d)." % (start, end),
                      "proration_date")


def apply(acct, subscription, p):
    rows = changed_rows(acct, subscription, p["items"]) if "items" in p else None
    if rows is not None or p.get("billing_cycle_anchor", {}).get("type") == "now" or p.get("trial_end") == "now" \
            or "add_invoice_items" in p:
        return apply_with_invoice(acct, subscription, p, rows)
    with acct.changing(subscription, UPDATED):
        set_fields(acct, subscription, p)
    return subscription


def changed_rows(acct, subscription, given):
    """The items as they will be: (existing row or None, item) for each."""
    rows = {row["id"]: (row, as_item(row)) for row in items(subscription)}
    added = []
    for place, entry in enumerate(given):
        param = "items[%d]" % place
        if "id" not in entry:
            added.append((None, orders.check_item(acct, entry, param)))
        elif entry["id"] not in rows:
            raise invalid("No such subscription item: '%s'" % entry["id"], param + "[id]", "resource_missing")
        elif entry.get("deleted"):
            del rows[entry["id"]]
        else:
            rows[entry["id"]] = (rows[entry["id"]][0], changed_item(acct, rows[entry["id"]][0], entry, param))
    result = list(rows.values()) + added
    if not result:
        raise invalid("A subscription must have at least one active plan.", "items")
    orders.check_together([item["price"] for _, item in result], "items")
    orders.pick_currency([item["price"] for _, item in result], subscription["currency"])
    return result


def changed_item(acct, row, entry, param):
    """A new price without a quantity means one of it, as at Stripe."""
    named = {"price", "plan", "price_data"} & set(entry)
    checked = orders.check_item(acct, entry, param) if named else as_item(row)
    if prices.is_metered(checked["price"]) and "quantity" in entry:
        raise invalid("You cannot set the quantity for metered plans.", param + "[quantity]")
    quantity = entry.get("quantity", checked["quantity"] if named else row["quantity"])
    holder = {"metadata": row["metadata"]}
    set_metadata(holder, entry.get("metadata"))
    return {"price": checked["price"], "quantity": quantity, "metadata": holder["metadata"]}


def apply_with_invoice(acct, subscription, p, rows):
    change = Change(acct, subscription, p, rows, one_time(acct, subscription, p))
    lines, invoices_now = change.all_lines(), change.invoices_now()
    behavior = p.get("payment_behavior", "allow_incomplete")
    if behavior == "error_if_incomplete" and invoices_now:
        refuse_failing(acct, subscription)
    if behavior == "pending_if_incomplete" and invoices_now:
        return waiting.apply_when_paid(acct, subscription, p, change, lines)
    invoice = None
    with acct.changing(subscription, UPDATED):
        set_fields(acct, subscription, p)
        change.carry_out()
        if invoices_now:
            invoice = update_invoice(acct, subscription, lines + subscription["_pending"])
            subscription["_pending"] = []
        else:
            subscription["_pending"] = subscription["_pending"] + lines
    if invoice:
        invoicing.keep(acct, invoice)
        collect(acct, subscription, invoice, behavior, p)
    return subscription


def refuse_failing(acct, subscription):
    method = method_of(acct, subscription)
    result = cards.outcome(method, "charge", True) if method else cards.GENERIC
    if isinstance(result, cards.Decline):
        raise declined(result)


def final_invoice(acct, subscription, p):
    """On cancel: what is pending, and the unused time when it is to be prorated."""
    change = Change(acct, subscription, {}, [])
    lines = list(subscription["_pending"])
    if p.get("prorate") and not change.free:
        change.rows = []
        lines += change.credits()
    if p.get("invoice_now") and lines:
        invoice_pending(acct, subscription, lines, p)


def invoice_pending(acct, subscription, lines, p):
    with acct.changing(subscription, UPDATED):
        invoice = update_invoice(acct, subscription, lines)
        subscription["_pending"] = []
    invoicing.keep(acct, invoice)
    collect(acct, subscription, invoice, "allow_incomplete", p)


def credit_pause(acct, subscription, p):
    """Unless told otherwise a pause credits what is left of the period, paid for or not."""
    since = p.get("bill_for", {}).get("unused_time_from", {}).get("type", "now")
    if since == "none":
        return
    begin = period(subscription)[0] if since == "item_current_period_start" else acct.now()
    lines = subscription["_pending"] + unused(acct, subscription, begin)
    if lines and p.get("invoicing_behavior") == "invoice":
        invoice_pending(acct, subscription, lines, p)
    else:
        subscription["_pending"] = lines
