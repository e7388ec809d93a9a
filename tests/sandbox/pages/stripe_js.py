"""The stand-in for Stripe.js: its files, and what it asks about Checkout Sessions with a client secret."""
import json
import os

import checkout
import checkout_payment
from errors import StripeError, invalid
from http_types import ANY_ORIGIN, Response
from objects import check_email
from pages import method
from pages.checkout_page import find, path
from pages.frame import HERE, fragment, money, page, template

TYPES = {"js": "text/javascript", "css": "text/css"}
DUE = {"paid": "Paid", "unpaid": "Unpaid", "no_payment_required": "No payment required"}


def stripe_js(world, form):
    return asset(world, form, "stripe.js")


def asset(world, form, name):
    with open(os.path.join(HERE, name), "rb") as source:
        return Response(200, source.read(), {"Content-Type": TYPES[name.rpartition(".")[2]] + "; charset=utf-8",
                                             "Cache-Control": "no-cache", **ANY_ORIGIN})


def element(world, form):
    text = fragment(template("element"), method=method.fields())
    return Response(200, text.encode(), {"Content-Type": "text/html; charset=utf-8"})


def answers(act):
    """What act(acct, session, form) says beside the session, or Stripe's refusal, as JSON."""
    def handler(world, form):
        try:
            acct, session = by_secret(world, form.get("client_secret", ""))
            said = act(acct, session, form) or {}
            body = {"session": shown(acct, session), **said}
        except StripeError as error:
            body = {"error": error.error}
        return Response(200, json.dumps(body).encode(), {"Content-Type": "application/json", **ANY_ORIGIN})
    return handler


def by_secret(world, secret):
    acct, session = find(world, "checkout.session", secret.partition("_secret_")[0], "client_secret")
    if session["_secret"] != secret or session["ui_mode"] != "elements":
        raise invalid("This Checkout Session has no elements.", "client_secret")
    return acct, session


def view(acct, session, form):
    if session["status"] == "expired":
        raise invalid("This Checkout Session has expired.", code="checkout_session_expired")


def set_email(acct, session, form):
    check_email(form.get("email"))
    session["customer_email"] = form.get("email") or None


def set_promotion(acct, session, form):
    if form.get("promotion_code"):
        checkout_payment.apply_promotion(acct, session, form["promotion_code"])
    else:
        checkout_payment.remove_promotion(acct, session)


def confirm(acct, session, form):
    try:
        checkout_payment.submit(acct, session, form)
    except checkout_payment.NeedsAuthentication:
        session["_form"] = form
        return {"challenge": acct.world.base_url + path(session) + "/3ds"}
    return {"return_url": checkout_payment.destination(session)}


def answered(acct, session, form):
    """How the confirmation ended for which the customer was sent to her bank."""
    error = session.pop("_declined", None)
    if error:
        raise error
    return {"return_url": checkout_payment.destination(session)}


def shown(acct, session):
    """The session as actions.getSession() shows it."""
    currency, details = session["currency"], session["customer_details"] or {}
    ended = {"type": session["status"]}
    if session["status"] == "complete":
        ended.update(paymentStatus=session["payment_status"], paymentStatusText=DUE[session["payment_status"]])
    return {"id": session["id"], "livemode": session["livemode"], "currency": currency, "minorUnitsAmountDivisor": 100,
            "email": session["customer_email"] or details.get("email"), "status": ended,
            "canConfirm": session["status"] == "open",
            "lineItems": [line(row) for row in checkout.items(acct, session)],
            "total": totals(session), "recurring": recurring(session),
            "needsPaymentMethod": checkout_payment.needs_method(session)}


def sum_of(amount, currency):
    return {"amount": money(amount, currency), "minorUnitsAmount": amount or 0}


def totals(session):
    currency, parts = session["currency"], session["total_details"] or {}
    amounts = {"subtotal": session["amount_subtotal"], "discount": parts.get("amount_discount"), "taxExclusive": 0,
               "taxInclusive": 0, "shippingRate": 0, "total": session["amount_total"]}
    return {name: sum_of(amount, currency) for name, amount in amounts.items()}


def line(row):
    return {"id": row["id"], "name": row["description"], "quantity": row["quantity"],
            "unitAmount": sum_of(row["price"]["unit_amount"], row["currency"]),
            "subtotal": sum_of(row["amount_subtotal"], row["currency"]),
            "total": sum_of(row["amount_total"], row["currency"]), "recurring": row["price"]["recurring"] and {
                "interval": row["price"]["recurring"]["interval"],
                "intervalCount": row["price"]["recurring"]["interval_count"]}}


def recurring(session):
    cycles = [row["price"]["recurring"] for row in session["_rows"] if row["price"]["recurring"]]
    return {"interval": cycles[0]["interval"], "intervalCount": cycles[0]["interval_count"]} if cycles else None


PAGES = [
    page("GET", "/v3/?", stripe_js),
    page("GET", "/\\w+/stripe.js", stripe_js),
    page("GET", "/v3/((?:element|framed)\\.js|sandbox\\.css)", asset),
    page("GET", "/v3/element", element),
    page("POST", "/v3/checkout/session", answers(view)),
    page("POST", "/v3/checkout/email", answers(set_email)),
    page("POST", "/v3/checkout/promotion", answers(set_promotion)),
    page("POST", "/v3/checkout/confirm", answers(confirm)),
    page("POST", "/v3/checkout/answered", answers(answered)),
]
