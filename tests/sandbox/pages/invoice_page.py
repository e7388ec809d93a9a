"""The hosted invoice page: pay an open invoice by hand."""
import cards
import invoicing
import payment_methods
from errors import StripeError
from http_types import redirect
from pages import method
from pages.checkout_page import find
from pages.frame import Markup, error_box, fragment, join, money, page, show, template


def view(world, form, identifier):
    acct, invoice = find(world, "invoice", identifier, "invoice")
    return render(invoice)


def render(invoice, error=None):
    rows = [fragment("<tr><td>$name</td><td>$amount</td></tr>", name=row["description"],
                     amount=money(row["amount"], row["currency"])) for row in invoice["lines"]["data"]]
    payable = invoice["status"] == "open"
    return show("invoice", "Invoice", 402 if error else 200, number=invoice["number"] or "draft",
                status=invoice["status"], rows=join(rows), error=error_box(error),
                total=money(invoice["amount_remaining"], invoice["currency"]),
                form=fragment(template("invoice_form"), action="/i/" + invoice["id"],
                              card=method.fields()) if payable else Markup(""))


def pay(world, form, identifier):
    acct, invoice = find(world, "invoice", identifier, "invoice")
    if invoice["status"] != "open":
        return render(invoice)
    try:
        chosen = acct.add(payment_methods.build(acct, method.chosen(form, invoice["customer_email"])))
    except StripeError as error:
        return render(invoice, str(error))
    decline = invoicing.collect(acct, invoice, chosen["id"], off_session=False)
    if isinstance(decline, cards.Decline):
        return render(invoice, decline.message)
    intent = acct.get("payment_intent", invoice["_intent"])
    if intent["status"] == "requires_action":
        return redirect("/3ds/" + intent["id"])
    return redirect("/i/" + invoice["id"])


PAGES = [page("GET", "/i/(in_[^/]+)", view), page("POST", "/i/(in_[^/]+)", pay)]
