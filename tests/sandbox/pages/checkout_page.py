"""The Checkout page, hosted or in a frame of the site, and the bank's page for 3-D Secure."""
import urllib.parse

import checkout
import checkout_payment
import payment_intents
import setup_intents
from errors import StripeError, invalid
from http_types import redirect
from pages import method
from pages.frame import Markup, error_box, fragment, join, message, money, page, show


def find(world, kind, identifier, param):
    for acct in world.accounts.values():
        if acct.get(kind, identifier):
            return acct, acct.get(kind, identifier)
    raise invalid("There is no such page.", param, status=404)


def find_session(world, name):
    """By the id for the hosted page, by the client secret for one in a frame."""
    acct, session = find(world, "checkout.session", name.partition("_secret_")[0], "session")
    if name != (session["id"] if session["ui_mode"] == "hosted_page" else session["_secret"]):
        raise invalid("This session has no such page.", status=404)
    return acct, session


def path(session):
    if session["ui_mode"] == "hosted_page":
        return "/c/pay/" + session["id"]
    return "/c/embedded/" + session["_secret"]


def done(session):
    """Where the customer goes on; in a frame the page around it is told."""
    if session["ui_mode"] == "hosted_page":
        return redirect(checkout_payment.destination(session))
    always = session.get("redirect_on_completion") == "always"
    return message("Thank you.", tell="complete", url=checkout_payment.destination(session) if always else None)


def view(world, form, identifier):
    acct, session = find_session(world, identifier)
    if session["status"] == "complete":
        return message("You have paid already.")
    if session["status"] == "expired":
        return message("This page has expired.", 410)
    return render(acct, session)


def render(acct, session, error=None):
    rows = [line(row) for row in (checkout.items(acct, session) if session["mode"] != "setup" else [])]
    trial = session["mode"] == "subscription" and checkout.trialing(session)
    heading = "Start your trial" if trial else {"subscription": "Subscribe", "payment": "Pay",
                                                "setup": "Save a payment method"}[session["mode"]]
    return show("checkout", heading, 402 if error else 200, merchant="Sandbox shop", heading=heading,
                rows=join(rows), total=money(session["amount_total"], session["currency"]), error=error_box(error),
                action=path(session), email=email_field(acct, session),
                card=card_fields(session), promotion=promotion_field(session),
                terms=terms_field(session), note=custom_text(session, "submit"), button=heading,
                cancel=cancel_link(session))


def card_fields(session):
    return method.fields() if checkout_payment.needs_method(session) else Markup("")


def line(row):
    cycle = row["price"]["recurring"]
    every = "%s every %s" % (money(row["price"]["unit_amount"], row["price"]["currency"]), cycle["interval"]) \
        if cycle else ""
    return fragment('<tr><td>$name × $quantity<br><span class="note">$every</span></td><td>$amount</td></tr>',
                    name=row["description"], quantity=row["quantity"], every=every,
                    amount=money(row["amount_total"], row["currency"]))


def custom_text(session, name):
    text = session["custom_text"][name]
    return fragment('<p class="note" id="text-$name">$text</p>', name=name, text=text["message"]) if text \
        else Markup("")


def asks_for_terms(session):
    return (session["consent_collection"] or {}).get("terms_of_service") == "required"


def terms_field(session):
    if not asks_for_terms(session):
        return Markup("")
    text = custom_text(session, "terms_of_service_acceptance") or Markup("I agree to the terms of service.")
    return fragment('<label><input id="terms" name="terms" type="checkbox" value="accepted"> $text</label>', text=text)


def email_field(acct, session):
    email = (session["customer_details"] or {}).get("email")
    if email:
        return fragment('<p>E-mail: <span id="email">$email</span></p>', email=email)
    return Markup('<label for="email">E-mail</label><input id="email" name="email" type="email">')


def promotion_field(session):
    if not session["allow_promotion_codes"]:
        return Markup("")
    return Markup('<label for="promotionCode">Promotion code</label><input id="promotionCode" name="promotionCode">')


def cancel_link(session):
    if not session["cancel_url"]:
        return Markup("")
    return fragment('<p><a id="cancel" href="$url">Back</a></p>', url=session["cancel_url"])


def submit(world, form, identifier):
    acct, session = find_session(world, identifier)
    if asks_for_terms(session) and form.get("terms") != "accepted":
        return render(acct, session, "You have to agree to the terms of service.")
    given = {"method": method.chosen(form), "name": form.get("billingName"), "email": form.get("email"),
             "promotion_code": form.get("promotionCode")}
    return finish(acct, session, given)


def finish(acct, session, given):
    if session["status"] != "open":
        return redirect(path(session))
    try:
        checkout_payment.submit(acct, session, given)
    except checkout_payment.NeedsAuthentication:
        session["_form"] = given
        return redirect(path(session) + "/3ds")
    except StripeError as error:
        return refused(acct, session, error)
    return message("Thank you.", tell="answered") if session["ui_mode"] == "elements" else done(session)


def refused(acct, session, error):
    if session["ui_mode"] == "elements":
        session["_declined"] = error
        return message(str(error), tell="answered")
    return render(acct, session, str(error))


def ask(world, form, identifier):
    acct, session = find_session(world, identifier)
    return show("authenticate", "3-D Secure", action=path(session) + "/3ds")


def answered(world, form, identifier):
    acct, session = find_session(world, identifier)
    given = session.pop("_form", None)
    if given is None:
        return redirect(path(session))
    return finish(acct, session, {**given, "authenticate": form.get("answer")})


def find_intent(world, identifier):
    kind, module = ("setup_intent", setup_intents) if identifier.startswith("seti_") \
        else ("payment_intent", payment_intents)
    acct, intent = find(world, kind, identifier, "intent")
    return acct, intent, module


def ask_for_intent(world, form, identifier):
    acct, intent, _ = find_intent(world, identifier)
    if intent["status"] != "requires_action":
        return message("Nothing to authenticate: %s." % intent["status"])
    return show("authenticate", "3-D Secure", action="/3ds/" + identifier)


def intent_answered(world, form, identifier):
    acct, intent, module = find_intent(world, identifier)
    if intent["status"] == "requires_action":
        module.authenticate(acct, intent, form.get("answer") == "succeed")
    if intent.get("_return_url"):
        return redirect(returned(intent))
    return message("The payment is now %s." % intent["status"], tell="answered")


def returned(intent):
    """The return_url with what Stripe adds to it."""
    url, name = intent["_return_url"], intent["object"]
    outcome = {"requires_payment_method": "failed", "processing": "pending"}.get(intent["status"], "succeeded")
    query = urllib.parse.urlencode({name: intent["id"], name + "_client_secret": intent["client_secret"],
                                    "redirect_status": outcome})
    return url + ("&" if "?" in url else "?") + query


PAGES = [
    page("GET", "/c/(?:pay|embedded)/(cs_[^/]+)", view),
    page("POST", "/c/(?:pay|embedded)/(cs_[^/]+)", submit),
    page("GET", "/c/(?:pay|embedded)/(cs_[^/]+)/3ds", ask),
    page("POST", "/c/(?:pay|embedded)/(cs_[^/]+)/3ds", answered),
    page("GET", "/3ds/((?:pi|seti)_[^/]+)", ask_for_intent),
    page("POST", "/3ds/((?:pi|seti)_[^/]+)", intent_answered),
]
