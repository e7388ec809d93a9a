"""How an invoice is built, finalized, collected and ended. The endpoints are in invoices.py."""
import clock
import coupons
import events
import payment_intents
import prices
from objects import blank, list_of, new_id

DAY = 86400
DRAFT_TIME = 3600
PAYMENT_METHOD_OPTIONS = dict.fromkeys(
    ("acss_debit", "bancontact", "card", "customer_balance", "konbini", "payto", "pix", "sepa_debit", "upi",
     "us_bank_account"))


def line(acct, price, quantity, currency, period, subscription, item=None, **special):
    """A line; special: amount, description, proration. Without an item it is an invoice item's."""
    amount = special.get("amount")
    if amount is None:
        amount = prices.amount(price, quantity, currency)
    product = acct.get("product", price["product"])
    return blank("line_item", new_id("il_"), amount=amount, currency=currency,
                 description=special.get("description") or describe(price, product, quantity),
                 discount_amounts=[], discountable=not special.get("proration"), discounts=[], livemode=False,
                 metadata={}, parent=parent(subscription, item, bool(special.get("proration"))),
                 period={"start": period[0], "end": period[1]}, pretax_credit_amounts=[],
                 pricing={"price_details": {"price": price["id"], "product": price["product"]},
                          "type": "price_details", "unit_amount_decimal": price["unit_amount_decimal"]},
                 quantity=int(quantity), quantity_decimal=str(quantity), subscription=subscription,
                 subtotal=amount, taxes=[])


def one_time_lines(acct, subscription, chosen):
    now = acct.now()
    return [line(acct, price, quantity, subscription["currency"], (now, now), subscription["id"])
            for price, quantity in chosen]


def describe(price, product, quantity):
    if not price["recurring"]:
        return product["name"]
    each = "at %.2f" % ((price["unit_amount"] or 0) / 100)
    return "%d × %s (%s / %s)" % (quantity, product["name"], each, price["recurring"]["interval"])


def parent(subscription, item, proration):
    shared = {"proration": proration, "proration_details": {"credited_items": None}, "subscription": subscription}
    if item:
        return {"type": "subscription_item_details", "invoice_item_details": None,
                "subscription_item_details": {"invoice_item": None, "subscription_item": item, **shared}}
    return {"type": "invoice_item_details", "subscription_item_details": None,
            "invoice_item_details": {"invoice_item": new_id("ii_"), **shared}}


def build(acct, subscription, lines, reason, period=None, **fields):
    """A draft invoice of a subscription; it is kept and announced by keep()."""
    customer, now = acct.get("customer", subscription["customer"]), acct.now()
    identifier = new_id("in_")
    invoice = blank("invoice", identifier, account_country="US", account_name="Sandbox", amount_overpaid=0,
                    amount_paid=0, amount_shipping=0, attempt_count=0, attempted=False, auto_advance=True,
                    automatic_tax={"disabled_reason": None, "enabled": subscription["automatic_tax"]["enabled"],
                                   "liability": subscription["automatic_tax"]["liability"], "provider": None,
                                   "status": "complete" if subscription["automatic_tax"]["enabled"] else None},
                    billing_reason=reason, collection_method=subscription["collection_method"], created=now,
                    currency=subscription["currency"], customer=customer["id"],
                    customer_address=customer["address"], customer_email=customer["email"],
                    customer_name=customer["name"], customer_phone=customer["phone"],
                    customer_tax_exempt=customer["tax_exempt"], customer_tax_ids=[], default_tax_rates=[],
                    description=subscription["description"], discounts=list(subscription["discounts"]),
                    issuer={"type": "self"}, lines=list_of(lines, "/v1/invoices/%s/lines" % identifier),
                    livemode=False, metadata={}, parent=of_subscription(subscription),
                    payment_settings={"default_mandate": None, "payment_method_types": None,
                                      "payment_method_options": dict(PAYMENT_METHOD_OPTIONS)},
                    period_start=(period or (now, now))[0], period_end=(period or (now, now))[1],
                    post_payment_credit_notes_amount=0, pre_payment_credit_notes_amount=0, starting_balance=0,
                    status="draft", status_transitions=dict.fromkeys(
                        ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")),
                    webhooks_delivered_at=now, _intent=None, _payments=[], _subscription=subscription["id"], _retries=0)
    if subscription["collection_method"] == "send_invoice":
        invoice["due_date"] = now + subscription["days_until_due"] * DAY
    invoice.update(fields)
    total(acct, invoice, first=reason == "subscription_create")
    return invoice


def of_subscription(subscription):
    return {"type": "subscription_details", "quote_details": None, "subscription_details": {
        "metadata": dict(subscription["metadata"]), "subscription": subscription["id"]}}


def total(acct, invoice, first=False):
    """Applies the discounts to the lines and sums up."""
    lines = invoice["lines"]["data"]
    for row in lines:
        row["invoice"] = invoice["id"]
    sums = {}
    for discount, coupon in coupons.live(acct, invoice["discounts"], first):
        sums[discount["id"]] = sum(discount_line(row, discount, coupon, invoice["currency"]) for row in lines)
    subtotal = sum(row["subtotal"] for row in lines)
    due = subtotal - sum(sums.values())
    invoice["total_discount_amounts"] = [{"amount": amount, "discount": key} for key, amount in sums.items()]
    invoice["total_pretax_credit_amounts"] = [{"amount": amount, "discount": key, "type": "discount"}
                                              for key, amount in sums.items()]
    invoice.update(subtotal=subtotal, subtotal_excluding_tax=subtotal, total=due, total_excluding_tax=due,
                   total_taxes=[], amount_due=max(0, due), amount_remaining=max(0, due))


def discount_line(row, discount, coupon, currency):
    left = row["subtotal"] - sum(entry["amount"] for entry in row["discount_amounts"])
    if not row["discountable"] or not coupons.covers(coupon, row["pricing"]["price_details"]["product"]):
        return 0
    off = coupons.off(coupon, left, currency)
    row["discounts"].append(discount["id"])
    row["discount_amounts"].append({"amount": off, "discount": discount["id"]})
    return off


def keep(acct, invoice):
    return acct.add(invoice, "invoice.created")


def finalize_later(acct, invoice):
    """A renewal stays a draft for an hour, as Stripe leaves time for changes."""
    invoice["automatically_finalizes_at"] = acct.now() + DRAFT_TIME
    acct.schedule(invoice["automatically_finalizes_at"], "finalize_invoice", invoice["id"])


@clock.job("finalize_invoice")
def finalize_and_collect(acct, identifier, when):
    invoice = acct.get("invoice", identifier)
    if invoice and invoice["status"] == "draft" and invoice["auto_advance"]:
        finalize(acct, invoice)
        if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
            collect(acct, invoice)


def finalize(acct, invoice):
    customer, now = acct.get("customer", invoice["customer"]), acct.now()
    spend_balance(acct, invoice, customer)
    acct.counters["invoice"] += 1
    number = "%s-%04d" % (customer.get("invoice_prefix") or "SANDBOX", acct.counters["invoice"])
    page = "%s/i/%s" % (acct.world.base_url, invoice["id"])
    with acct.changing(invoice):
        invoice["status_transitions"]["finalized_at"] = now
        invoice.update(status="open", effective_at=now, number=number, automatically_finalizes_at=None,
                       hosted_invoice_url=page, invoice_pdf=page + "/pdf")
        if invoice["amount_due"]:
            open_payment(acct, invoice)
    events.emit(acct, "invoice.finalized", invoice)
    if invoice["due_date"]:
        acct.schedule(invoice["due_date"], "invoice_overdue", invoice["id"])
    if not invoice["amount_due"]:
        mark_paid(acct, invoice)


@clock.job("invoice_overdue")
def overdue(acct, identifier, when):
    invoice = acct.get("invoice", identifier)
    if invoice["status"] == "open":
        events.emit(acct, "invoice.overdue", invoice)


def spend_balance(acct, invoice, customer):
    """A credit balance pays what it can; a negative total becomes credit."""
    apply_balance(invoice, customer)
    if invoice["ending_balance"] != customer["balance"]:
        with acct.changing(customer, "customer.updated"):
            customer["balance"] = invoice["ending_balance"]


def apply_balance(invoice, customer):
    balance = customer["balance"]
    after = min(0, balance + invoice["total"]) if balance <= 0 else 0
    due = max(0, balance + invoice["total"])
    invoice.update(starting_balance=balance, ending_balance=after, amount_due=due, amount_remaining=due)


def open_payment(acct, invoice):
    intent = payment_intents.build(acct, invoice["amount_due"], invoice["currency"], invoice["customer"],
                                   description="Subscription update", setup_future_usage="off_session",
                                   _invoice=invoice["id"])
    invoice["_intent"] = intent["id"]
    payment = blank("invoice_payment", new_id("inpay_"), amount_requested=invoice["amount_due"],
                    created=acct.now(), currency=invoice["currency"], invoice=invoice["id"], is_default=True,
                    livemode=False, payment={"payment_intent": intent["id"], "type": "payment_intent"},
                    status="open", status_transitions={"canceled_at": None, "paid_at": None})
    invoice["_payments"].append(acct.add(payment)["id"])


def payments(acct, invoice):
    return [acct.get("invoice_payment", identifier) for identifier in invoice["_payments"]]


def end_payments(acct, invoice, status, event=None):
    moment = "paid_at" if status == "paid" else "canceled_at"
    for payment in payments(acct, invoice):
        with acct.changing(payment):
            payment["status"] = status
            payment["status_transitions"][moment] = acct.now()
            payment["amount_paid"] = payment["amount_requested"] if status == "paid" else None
        if event:
            events.emit(acct, event, payment)


def default_method(acct, invoice):
    subscription = acct.get("subscription", invoice["_subscription"])
    customer = acct.get("customer", invoice["customer"])
    return invoice["default_payment_method"] or subscription["default_payment_method"] or \
        customer.get("invoice_settings", {}).get("default_payment_method")


def collect(acct, invoice, method=None, off_session=True):
    """One attempt to take the payment; answers the Decline, if it came to one."""
    method = method or default_method(acct, invoice)
    with acct.changing(invoice):
        invoice.update(attempted=True, attempt_count=invoice["attempt_count"] + 1)
    if not method:
        payment_failed(acct, invoice)
        return None
    intent = acct.get("payment_intent", invoice["_intent"])
    payment_intents.choose(acct, intent, method)
    return payment_intents.attempt(acct, intent, off_session)


def invoice_of(acct, intent):
    return acct.get("invoice", intent["_invoice"]) if intent["_invoice"] else None


@events.on("payment_intent.succeeded")
def payment_succeeded(acct, intent):
    invoice = invoice_of(acct, intent)
    if invoice and invoice["status"] in ("open", "uncollectible"):
        mark_paid(acct, invoice)


@events.on("payment_intent.payment_failed")
def intent_failed(acct, intent):
    invoice = invoice_of(acct, intent)
    if invoice and invoice["status"] == "open":
        payment_failed(acct, invoice)
        if intent["last_payment_error"]["code"] == "authentication_required":
            events.emit(acct, "invoice.payment_action_required", invoice)


@events.on("payment_intent.requires_action")
def intent_requires_action(acct, intent):
    invoice = invoice_of(acct, intent)
    if invoice:
        events.emit(acct, "invoice.payment_action_required", invoice)


def mark_paid(acct, invoice):
    with acct.changing(invoice, "invoice.updated"):
        invoice.update(status="paid", amount_paid=invoice["amount_due"], amount_remaining=0, attempted=True,
                       auto_advance=False, next_payment_attempt=None)
        invoice["attempt_count"] = max(invoice["attempt_count"], 1 if invoice["amount_due"] else 0)
        invoice["status_transitions"]["paid_at"] = acct.now()
    end_payments(acct, invoice, "paid", "invoice_payment.paid")
    events.emit(acct, "invoice.paid", invoice)
    events.emit(acct, "invoice.payment_succeeded", invoice)


def payment_failed(acct, invoice):
    """Dates the next attempt by the retry schedule, and tells."""
    when = next_attempt(acct, invoice)
    with acct.changing(invoice, "invoice.updated"):
        invoice.update(attempted=True, next_payment_attempt=when)
    if when:
        acct.schedule(when, "retry_invoice", invoice["id"])
    events.emit(acct, "invoice.payment_failed", invoice)


def next_attempt(acct, invoice):
    days = acct.setting("retries")["schedule_days"]
    first = invoice["billing_reason"] == "subscription_create"
    if first or not invoice["auto_advance"] or invoice["_retries"] >= len(days):
        return None
    invoice["_retries"] += 1
    return acct.now() + int(days[invoice["_retries"] - 1] * DAY)


@clock.job("retry_invoice")
def retry(acct, identifier, when):
    invoice = acct.get("invoice", identifier)
    if invoice["status"] == "open" and invoice["next_payment_attempt"] == when and invoice["auto_advance"]:
        collect(acct, invoice)


def void(acct, invoice):
    cancel_intent(acct, invoice)
    with acct.changing(invoice, "invoice.updated"):
        invoice.update(status="void", next_payment_attempt=None, auto_advance=False, amount_remaining=0)
        invoice["status_transitions"]["voided_at"] = acct.now()
    end_payments(acct, invoice, "canceled")
    events.emit(acct, "invoice.voided", invoice)


def cancel_intent(acct, invoice):
    intent = invoice["_intent"] and acct.get("payment_intent", invoice["_intent"])
    if intent and intent["status"] in payment_intents.OPEN:
        payment_intents.end(acct, intent, "void_invoice")


def mark_uncollectible(acct, invoice, reason=None):
    with acct.changing(invoice, "invoice.updated"):
        invoice.update(status="uncollectible", next_payment_attempt=None, auto_advance=False)
        invoice["status_transitions"]["marked_uncollectible_at"] = acct.now()
        if reason:
            invoice["status_details"] = {"uncollectible": {"reason": reason}}
    events.emit(acct, "invoice.marked_uncollectible", invoice)
