"""What a change of items, anchor or trial costs: credit for the old, charge for the new."""
import invoicing
import lifecycle
import months
import prices
from lifecycle import UPDATED, items, period


def as_item(row):
    return {"price": row["price"], "quantity": row["quantity"], "metadata": row["metadata"]}


def cycle_of(price):
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def differs(row, item):
    return item is None or row["price"]["id"] != item["price"]["id"] or row["quantity"] != item["quantity"]


class Change:
    """What a change of items, anchor or trial means: when, what is credited and charged, the period after. `once`
    are one-time prices that come on top."""

    def __init__(self, acct, subscription, p, rows, once=()):
        self.acct = acct
        self.subscription = subscription
        self.rows = rows or [(row, as_item(row)) for row in items(subscription)]
        self.at = p.get("proration_date", acct.now())
        self.behavior = p.get("proration_behavior", "create_prorations")
        old, new = items(subscription)[0]["price"], self.rows[0][1]["price"]
        self.resets = cycle_of(old) != cycle_of(new) or p.get("billing_cycle_anchor", {}).get("type") == "now" \
            or p.get("trial_end") == "now"
        self.free = subscription["status"] == "trialing"
        self.once = once

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
                for row in items(self.subscription)
                if not prices.is_metered(row["price"]) and (self.resets or differs(row, kept.get(row["id"])))]

    def remaining(self):
        return [self.prorated(item["price"], item["quantity"], 1, "Remaining time on", row and row["id"])
                for row, item in self.rows
                if not prices.is_metered(item["price"]) and (row is None or differs(row, item))]

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

    def all_lines(self):
        return self.lines() + invoicing.one_time_lines(self.acct, self.subscription, self.once)

    def invoices_now(self):
        """What comes on top makes no invoice by itself, but in classic billing mode."""
        if self.lines():
            return self.resets or self.behavior == "always_invoice"
        classic = self.subscription["billing_mode"]["type"] == "classic"
        return bool(self.once) and classic and self.behavior == "always_invoice"

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


def unused(acct, subscription, since):
    """Credit for what is left of the period, which a pause takes away."""
    change = Change(acct, subscription, {"billing_cycle_anchor": {"type": "now"}, "proration_date": since}, None)
    return [] if change.free else change.credits()


def left(acct, subscription, since):
    """The charge for what is left of the period, which a resumption gives back."""
    if (subscription["trial_end"] or 0) > since:
        return []
    change = Change(acct, subscription, {"proration_date": since}, None)
    return [change.prorated(row["price"], row["quantity"], 1, "Remaining time on", row["id"])
            for row in items(subscription) if not prices.is_metered(row["price"])]


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
