"""Changes of a subscription: fields, items with proration, updates that wait for a payment, resuming."""
import cards
import clock
import coupons
import events
import invoicing
import lifecycle
import months
import orders
import prices
from errors import declined, invalid
from lifecycle import UPDATED, items, period
from objects import render, set_metadata, update

PENDING_UPDATE_LIVES = 23 * 3600
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
    check_proration(subscription, p)


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
    if rows is not None or p.get("billing_cycle_anchor", {}).get("type") == "now" or p.get("trial_end") == "now":
        return apply_with_invoice(acct, subscription, p, rows)
    with acct.changing(subscription, UPDATED):
        set_fields(acct, subscription, p)
    return subscription


def set_fields(acct, subscription, p):
    set_metadata(subscription, p.get("metadata"))
    update(subscription, p, ("description", "default_payment_method", "collection_method", "days_until_due"))
    if "payment_settings" in p:
        subscription["payment_settings"] = {**orders.payment_settings(p["payment_settings"])}
    if "trial_settings" in p:
        subscription["trial_settings"] = orders.trial_settings(p["trial_settings"])
    if "automatic_tax" in p:
        subscription["automatic_tax"] = orders.automatic_tax(p["automatic_tax"])
    if "cancellation_details" in p:
        subscription["cancellation_details"].update(
            {name: value or None for name, value in p["cancellation_details"].items()})
    if "discounts" in p:
        checked = coupons.check(acct, p["discounts"] or [], subscription["customer"])
        subscription["discounts"] = coupons.redeem(acct, checked, subscription["customer"], subscription["id"])
    if "pause_collection" in p:
        pause_collection(acct, subscription, p["pause_collection"])
    set_cancel(acct, subscription, p)
    if isinstance(p.get("trial_end"), int):
        extend_trial(acct, subscription, orders.check_trial_end(acct, p["trial_end"], "trial_end"))


def pause_collection(acct, subscription, given):
    subscription["pause_collection"] = None
    if given:
        subscription["pause_collection"] = {"behavior": given["behavior"], "resumes_at": given.get("resumes_at")}
    if given and "resumes_at" in given:
        acct.schedule(given["resumes_at"], "resume_collection", subscription["id"])


def set_cancel(acct, subscription, p):
    if "cancel_at" not in p and "cancel_at_period_end" not in p:
        return
    subscription["cancel_at_period_end"] = p.get("cancel_at_period_end", False)
    lifecycle.set_cancel_at(acct, subscription, p.get("cancel_at") or None)
    asked = subscription["cancel_at"] is not None
    subscription["canceled_at"] = acct.now() if asked else None
    subscription["cancellation_details"]["reason"] = "cancellation_requested" if asked else None


def extend_trial(acct, subscription, end):
    start = acct.now() if subscription["status"] != "trialing" else subscription["trial_start"]
    subscription.update(status="trialing", trial_start=start, trial_end=end, billing_cycle_anchor=end)
    lifecycle.set_period(subscription, start, end)
    lifecycle.schedule(acct, subscription)


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


def as_item(row):
    return {"price": row["price"], "quantity": row["quantity"], "metadata": row["metadata"]}


def changed_item(acct, row, entry, param):
    """A new price without a quantity means one of it, as at Stripe."""
    named = {"price", "plan", "price_data"} & set(entry)
    checked = orders.check_item(acct, entry, param) if named else as_item(row)
    quantity = entry.get("quantity", checked["quantity"] if named else row["quantity"])
    holder = {"metadata": row["metadata"]}
    set_metadata(holder, entry.get("metadata"))
    return {"price": checked["price"], "quantity": quantity, "metadata": holder["metadata"]}


def cycle_of(price):
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


class Change:
    """What a change of items, anchor or trial means: when, what is credited and charged, the period after."""

    def __init__(self, acct, subscription, p, rows):
        self.acct = acct
        self.subscription = subscription
        self.rows = rows or [(row, as_item(row)) for row in items(subscription)]
        self.at = p.get("proration_date", acct.now())
        self.behavior = p.get("proration_behavior", "create_prorations")
        old, new = items(subscription)[0]["price"], self.rows[0][1]["price"]
        self.resets = cycle_of(old) != cycle_of(new) or p.get("billing_cycle_anchor", {}).get("type") == "now" \
            or p.get("trial_end") == "now"
        self.free = subscription["status"] == "trialing"

    def lines(self):
        if self.free and not self.resets:
            return []
        if self.behavior == "none" and not self.resets:
            return []
        credits = [] if self.free or self.behavior == "none" else self.credits()
        return credits + (self.whole() if self.resets else self.remaining())

    def credits(self):
        kept = {row["id"]: item for row, item in self.rows if row}
        return [self.prorated(row["price"], row["quantity"], -1, "Unused time on", row["id"])
                for row in items(self.subscription) if self.resets or differs(row, kept.get(row["id"]))]

    def remaining(self):
        return [self.prorated(item["price"], item["quantity"], 1, "Remaining time on", row and row["id"])
                for row, item in self.rows if row is None or differs(row, item)]

    def prorated(self, price, quantity, sign, words, row):
        start, end = period(self.subscription)
        full = prices.amount(price, quantity, self.subscription["currency"])
        share = (end - self.at) / (end - start)
        product = self.acct.get("product", price["product"])
        return invoicing.line(self.acct, price, quantity, self.subscription["currency"], (self.at, end),
                              self.subscription["id"], row, amount=sign * round(full * share), proration=True,
                              description="%s %d × %s" % (words, quantity, product["name"]))

    def whole(self):
        start, end = self.new_period()
        return [invoicing.line(self.acct, item["price"], item["quantity"], self.subscription["currency"],
                               (start, end), self.subscription["id"], row and row["id"]) for row, item in self.rows]

    def new_period(self):
        cycle = self.rows[0][1]["price"]["recurring"]
        now = self.acct.now()
        return now, months.next_boundary(now, cycle["interval"], cycle["interval_count"], now)

    def invoices_now(self):
        return self.resets or self.behavior == "always_invoice"

    def carry_out(self):
        """Puts the new items and period in place."""
        subscription, bounds = self.subscription, period(self.subscription)
        if self.resets:
            bounds = self.new_period()
            subscription["billing_cycle_anchor"] = bounds[0]
        if self.resets and self.free:
            subscription.update(status="active", trial_end=self.acct.now())
        subscription["items"]["data"] = [self.placed(row, item, bounds) for row, item in self.rows]
        lifecycle.set_period(subscription, *bounds)
        if self.resets:
            lifecycle.schedule_cycle(self.acct, subscription)
        if subscription["cancel_at_period_end"]:
            lifecycle.set_cancel_at(self.acct, subscription, None)

    def placed(self, row, item, bounds):
        if row is None:
            return lifecycle.item(self.acct, self.subscription, item, bounds)
        row.update(price=item["price"], plan=prices.plan_of(item["price"]), quantity=item["quantity"],
                   metadata=item["metadata"])
        return row


def differs(row, item):
    return item is None or row["price"]["id"] != item["price"]["id"] or row["quantity"] != item["quantity"]


def apply_with_invoice(acct, subscription, p, rows):
    change = Change(acct, subscription, p, rows)
    lines = change.lines()
    behavior = p.get("payment_behavior", "allow_incomplete")
    if behavior == "error_if_incomplete" and lines and change.invoices_now():
        refuse_failing(acct, subscription)
    if behavior == "pending_if_incomplete" and lines and change.invoices_now():
        return apply_when_paid(acct, subscription, p, change, lines)
    invoice = None
    with acct.changing(subscription, UPDATED):
        set_fields(acct, subscription, p)
        change.carry_out()
        if lines and change.invoices_now():
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


def update_invoice(acct, subscription, lines):
    invoice = invoicing.build(acct, subscription, lines, "subscription_update", period(subscription))
    subscription["latest_invoice"] = invoice["id"]
    return invoice


def collect(acct, subscription, invoice, behavior, p):
    invoicing.finalize(acct, invoice)
    if invoice["status"] != "open":
        return
    if behavior == "default_incomplete":
        with acct.changing(subscription, UPDATED):
            subscription["status"] = "past_due"
    else:
        invoicing.collect(acct, invoice, off_session=bool(p.get("off_session")))


def apply_when_paid(acct, subscription, p, change, lines):
    """pending_if_incomplete: nothing changes until the invoice is paid, for at most 23 hours."""
    subscription["_waiting"] = (change, p)
    with acct.changing(subscription, UPDATED):
        invoice = update_invoice(acct, subscription, lines)
    invoice["auto_advance"] = False
    invoicing.keep(acct, invoice)
    collect(acct, subscription, invoice, "pending_if_incomplete", p)
    if invoice["status"] == "open":
        wait(acct, subscription, p, change)
    return subscription


def wait(acct, subscription, p, change):
    expires = acct.now() + PENDING_UPDATE_LIVES
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
    change, p = subscription.pop("_waiting")
    waited = subscription["pending_update"] is not None
    with acct.changing(subscription, UPDATED):
        subscription["pending_update"] = None
        set_fields(acct, subscription, p)
        change.carry_out()
    if waited:
        events.emit(acct, "customer.subscription.pending_update_applied", subscription)


@clock.job("expire_pending_update")
def expire_pending(acct, identifier, when):
    subscription = acct.get("subscription", identifier)
    if not subscription["pending_update"] or subscription["pending_update"]["expires_at"] != when:
        return
    del subscription["_waiting"]
    invoicing.void(acct, acct.get("invoice", subscription["latest_invoice"]))
    with acct.changing(subscription, UPDATED):
        subscription["pending_update"] = None
    events.emit(acct, "customer.subscription.pending_update_expired", subscription)


def final_invoice(acct, subscription, p):
    """On cancel: what is pending, and the unused time when it is to be prorated."""
    change = Change(acct, subscription, {}, [])
    lines = list(subscription["_pending"])
    if p.get("prorate") and not change.free:
        change.rows = []
        lines += change.credits()
    if p.get("invoice_now") and lines:
        with acct.changing(subscription, UPDATED):
            invoice = update_invoice(acct, subscription, lines)
            subscription["_pending"] = []
        invoicing.keep(acct, invoice)
        collect(acct, subscription, invoice, "allow_incomplete", p)


def resume(acct, subscription, p):
    """A paused subscription goes on: at once, or when its invoice is paid, for which there are 23 hours."""
    drop_resumption(acct, subscription)
    unchanged = p.get("billing_cycle_anchor", {}).get("type") == "unchanged"
    if unchanged and period(subscription)[1] > acct.now():
        resumed(acct, subscription)
        return
    change = Change(acct, subscription, {"billing_cycle_anchor": {"type": "now"}, "proration_behavior": "none"}, None)
    change.free = False
    with acct.changing(subscription, UPDATED):
        invoice = update_invoice(acct, subscription, change.lines())
    subscription["_resuming"] = change
    invoice["auto_advance"] = False
    invoicing.keep(acct, invoice)
    acct.schedule(acct.now() + PENDING_UPDATE_LIVES, "expire_resumption", invoice["id"])
    collect(acct, subscription, invoice, "allow_incomplete", p)
    if p.get("payment_behavior") == "resume_on_payment_attempt" and subscription.get("_resuming"):
        carry_on(acct, subscription)


def drop_resumption(acct, subscription):
    if subscription.pop("_resuming", None):
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
    change = subscription.pop("_resuming")
    resumed(acct, subscription, change.carry_out)


def resumed(acct, subscription, and_then=lambda: None):
    with acct.changing(subscription, UPDATED):
        subscription["status"] = "active"
        subscription.pop("status_details", None)
        and_then()
    events.emit(acct, "customer.subscription.resumed", subscription)
