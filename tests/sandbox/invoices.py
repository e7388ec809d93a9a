"""Invoices and invoice payments: the endpoints. What happens to invoices is in invoicing.py."""
import invoicing
import lists
from errors import declined, invalid
from expand import hidden
from objects import list_of, render, set_metadata, update
from routing import Route


@hidden("invoice", "payments")
def payments(acct, shown):
    invoice = acct.get("invoice", shown["id"])
    rows = invoicing.payments(acct, invoice) if invoice else []
    return list_of(rows, "/v1/invoice_payments?invoice=" + shown["id"])


@hidden("invoice", "confirmation_secret")
def confirmation_secret(acct, shown):
    intent = acct.get("payment_intent", (acct.get("invoice", shown["id"]) or shown).get("_intent"))
    return intent and {"client_secret": intent["client_secret"], "type": "payment_intent"}


def retrieve(acct, p, identifier):
    return acct.find("invoice", identifier)


def matches(invoice, p):
    return p.get("subscription", invoice["_subscription"]) == invoice["_subscription"] \
        and lists.in_range(invoice["due_date"] or 0, p.get("due_date"))


def index(acct, p):
    every = acct.owned("invoice", p["customer"]) if "customer" in p else acct.every("invoice")
    found = lists.where(every, p, "status", "collection_method")
    return lists.page([invoice for invoice in found if matches(invoice, p)], p, "/v1/invoices")


def change(acct, p, identifier):
    invoice = acct.find("invoice", identifier)
    allowed = {"auto_advance", "metadata", "default_payment_method", "description"}
    if set(p) - allowed:
        name = sorted(set(p) - allowed)[0]
        raise invalid("The sandbox does not know '%s'." % name, name)
    if invoice["status"] != "draft" and "description" in p:
        raise invalid("Finalized invoices can't be updated in this way", "description", "invoice_not_editable")
    with acct.changing(invoice, "invoice.updated"):
        set_metadata(invoice, p.get("metadata"))
        update(invoice, p, ("default_payment_method", "description", "auto_advance"))
        if p.get("auto_advance") and invoice["status"] == "draft":
            invoicing.finalize_later(acct, invoice)
    return invoice


def finalize(acct, p, identifier):
    invoice = acct.find("invoice", identifier)
    if invoice["status"] != "draft":
        raise invalid("This invoice is already finalized, you can't re-finalize a non-draft invoice.",
                      code="invoice_not_editable")
    with acct.changing(invoice):
        invoice["auto_advance"] = p.get("auto_advance", invoice["auto_advance"])
    invoicing.finalize(acct, invoice)
    return invoice


def check_status(invoice, allowed, verb):
    if invoice["status"] not in allowed:
        raise invalid("You can only %s an invoice that is %s; this one is %s."
                      % (verb, " or ".join(allowed), invoice["status"]), code="invoice_not_editable")


def pay(acct, p, identifier):
    invoice = acct.find("invoice", identifier)
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid", code="invoice_already_paid")
    check_status(invoice, ("draft", "open", "uncollectible"), "pay")
    if invoice["status"] == "draft":
        invoicing.finalize(acct, invoice)
    if p.get("paid_out_of_band"):
        invoicing.mark_paid(acct, invoice)
    elif invoice["status"] != "paid":
        collect(acct, p, invoice)
    return invoice


def collect(acct, p, invoice):
    method = p.get("payment_method") and acct.find("payment_method", p["payment_method"], "payment_method")["id"]
    if not method and not invoicing.default_method(acct, invoice):
        raise invalid("Cannot charge customer that has no active card", code="missing")
    decline = invoicing.collect(acct, invoice, method, off_session=p.get("off_session", True))
    intent = acct.get("payment_intent", invoice["_intent"])
    if decline:
        raise declined(decline, payment_intent=render(intent))
    if intent["status"] == "requires_action":
        error = invalid("Payment for this invoice requires additional user action before it can be completed "
                        "successfully. Payment can be completed using the PaymentIntent associated with the invoice.",
                        code="invoice_payment_intent_requires_action", status=402)
        error.error["payment_intent"] = render(intent)
        raise error


def void(acct, p, identifier):
    invoice = acct.find("invoice", identifier)
    check_status(invoice, ("open", "uncollectible"), "void")
    intent = invoice["_intent"] and acct.get("payment_intent", invoice["_intent"])
    if intent and intent["status"] in ("processing", "succeeded"):
        raise invalid("You cannot void this invoice because its payment is %s." % intent["status"],
                      code="invoice_not_editable")
    invoicing.void(acct, invoice)
    return invoice


def mark_uncollectible(acct, p, identifier):
    invoice = acct.find("invoice", identifier)
    check_status(invoice, ("open",), "mark uncollectible")
    invoicing.mark_uncollectible(acct, invoice, "user_forgiven")
    return invoice


def lines(acct, p, identifier):
    rows = acct.find("invoice", identifier)["lines"]["data"]
    return lists.page(rows, p, "/v1/invoices/%s/lines" % identifier)


def index_payments(acct, p):
    wanted = p.get("payment", {})
    found = [payment for payment in lists.where(acct.every("invoice_payment"), p, "invoice", "status")
             if all(payment["payment"].get(name) == value for name, value in wanted.items())]
    return lists.page(found, p, "/v1/invoice_payments")


def retrieve_payment(acct, p, identifier):
    return acct.find("invoice_payment", identifier)


ROUTES = [
    Route("GET", "/v1/invoices", index, "invoice"),
    Route("GET", "/v1/invoices/{id}", retrieve, "invoice"),
    Route("POST", "/v1/invoices/{id}", change, "invoice"),
    Route("GET", "/v1/invoices/{id}/lines", lines, "invoice"),
    Route("POST", "/v1/invoices/{id}/finalize", finalize, "invoice"),
    Route("POST", "/v1/invoices/{id}/pay", pay, "invoice"),
    Route("POST", "/v1/invoices/{id}/void", void, "invoice"),
    Route("POST", "/v1/invoices/{id}/mark_uncollectible", mark_uncollectible, "invoice"),
    Route("GET", "/v1/invoice_payments", index_payments, "invoice"),
    Route("GET", "/v1/invoice_payments/{id}", retrieve_payment, "invoice"),
]
