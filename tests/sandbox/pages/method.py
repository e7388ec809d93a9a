"""The fields of a payment method, as method.html asks for them."""
from pages.frame import Markup, template


def fields():
    return Markup(template("method"))


def expiry(text):
    """12 / 34 as month and year; nothing when it is left empty."""
    month, _, year = text.replace(" ", "").partition("/")
    return {"exp_month": int(month), "exp_year": int(year)} if month.isdigit() and year.isdigit() else {}


def chosen(form, email=None):
    """The parameters of the payment method that was filled in."""
    kind = form.get("method", "card")
    details = {
        "card": {"number": form.get("cardNumber", ""), "cvc": form.get("cardCvc", ""),
                 **expiry(form.get("cardExpiry", ""))},
        "sepa_debit": {"iban": form.get("iban", "")},
        "au_becs_debit": {"bsb_number": form.get("bsb", ""), "account_number": form.get("accountNumber", "")},
    }
    owner = {"name": form.get("billingName"), "email": form.get("email") or email}
    return {"type": kind, kind: details[kind],
            "billing_details": {name: value for name, value in owner.items() if value}}
