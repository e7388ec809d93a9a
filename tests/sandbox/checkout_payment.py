"""What happens when the customer submits a Checkout Session's payment form."""
import cards
import checkout
import coupons
import customers
import events
import invoicing
import lifecycle
import orders
import payment_intents
import payment_methods
import setup_intents
from errors import StripeError, declined, invalid
from objects import check_email, new_id, set_metadata


class NeedsAuthentication(Exception):
    """The bank wants the customer to authenticate first."""


def needs_method(session):
    """A form without card fields: nothing is due and the method is only collected if required."""
    if session["mode"] == "setup" or session["amount_total"]:
        return True
    return session["payment_method_collection"] == "always"


def apply_promotion(acct, session, code):
    if not session["allow_promotion_codes"]:
        raise invalid("This session takes no promotion codes.", "promotion_code")
    promotion = coupons.by_code(acct, code)
    session["_discounts"] = coupons.check(acct, [{"promotion_code": promotion["id"]}], session["customer"],
                                          "promotion_code")
    session["discounts"] = checkout.shown_discounts(session["_discounts"])
    checkout.total(acct, session)


def remove_promotion(acct, session):
    session.update(_discounts=[], discounts=[])
    checkout.total(acct, session)


def method_parameters(form):
    """The payment method of a form: as the page made it, or from a card number, an IBAN or, as in
    000000/900123456, an Australian account."""
    details = {"name": form.get("name") or "Jenny Rosen", "email": form.get("email")}
    if "method" in form:
        return {**form["method"], "billing_details": details}
    number = form.get("card", "").replace(" ", "")
    if number[:2].isalpha():
        return {"type": "sepa_debit", "sepa_debit": {"iban": number}, "billing_details": details}
    if "/" in number:
        bsb, account = number.split("/")
        return {"type": "au_becs_debit", "au_becs_debit": {"bsb_number": bsb, "account_number": account},
                "billing_details": details}
    return {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "123",
                                     **form.get("expiry", {})}, "billing_details": details}


def submit(acct, session, form):
    """Completes the session, or raises: StripeError for a decline, NeedsAuthentication for the bank's page.

    form: card, expiry, email, name, promotion_code, authenticate ("succeed" or "fail"), or the id of a
    payment_method that Stripe.js has made."""
    if session["status"] != "open":
        raise invalid("This Checkout Session is %s." % session["status"])
    if form.get("promotion_code"):
        apply_promotion(acct, session, form["promotion_code"])
    email = email_of(acct, session, form)
    method = pick_method(acct, session, {**form, "email": email})
    complete(acct, session, method, email, form)


def email_of(acct, session, form):
    email = session["customer_email"] or form.get("email")
    if session["customer"]:
        email = acct.get("customer", session["customer"])["email"] or email
    email = email or "jenny@example.com"
    check_email(email)
    return email


def pick_method(acct, session, form):
    if not needs_method(session):
        return None
    if form.get("payment_method"):
        method = acct.find("payment_method", form["payment_method"], "payment_method")
    else:
        method = payment_methods.build(acct, method_parameters(form))
    ask_bank(acct, session, method, form.get("authenticate"))
    return acct.add(method)


def ask_bank(acct, session, method, authenticate):
    purpose = "charge" if session["amount_total"] else "setup"
    result = cards.outcome(method, purpose)
    if result == cards.AUTHENTICATE:
        if authenticate is None:
            raise NeedsAuthentication()
        result = cards.UNAUTHENTICATED if authenticate == "fail" else cards.after_authentication(method, purpose)
    if isinstance(result, cards.Decline):
        raise declined(result)


def complete(acct, session, method, email, form):
    customer = customer_of(acct, session, email, form)
    if method and customer:
        payment_methods.link(acct, method, customer)
    finish = {"subscription": subscribe, "payment": pay, "setup": set_up}[session["mode"]]
    with acct.changing(session):
        session["customer"] = customer and customer["id"]
        session["customer_details"] = {"address": address(form), "business_name": None, "email": email,
                                       "individual_name": None, "name": form.get("name") or "Jenny Rosen",
                                       "phone": None, "tax_exempt": "none", "tax_ids": []}
        finish(acct, session, method, customer)
        session.update(status="complete", url=None, client_secret=None, consent=consent(session))
        if session["automatic_tax"]["enabled"]:
            session["automatic_tax"]["status"] = "complete"
    events.emit(acct, "checkout.session.completed", session)


def consent(session):
    asked = session["consent_collection"]
    if not asked:
        return None
    return {"promotions": None, "terms_of_service": "accepted" if asked["terms_of_service"] == "required" else None}


def address(form):
    return {"city": None, "country": form.get("country", "US"), "line1": None, "line2": None,
            "postal_code": form.get("postal_code"), "state": None}


def customer_of(acct, session, email, form):
    """The session's customer; a new one in subscription mode, or when one is always to be created."""
    if session["customer"]:
        customer = acct.get("customer", session["customer"])
        update_customer(acct, session, customer, form)
        return customer
    if session["mode"] != "subscription" and session["customer_creation"] != "always":
        return None
    return customers.create(acct, {"email": email, "name": form.get("name") or "Jenny Rosen"})


def update_customer(acct, session, customer, form):
    wanted = session["_update"]
    with acct.changing(customer, "customer.updated"):
        if wanted.get("address") == "auto":
            customer["address"] = address(form)
        if wanted.get("name") == "auto" and form.get("name"):
            customer["name"] = form["name"]


def subscribe(acct, session, method, customer):
    data = session["_data"]
    rows = [row for row in session["_rows"] if row["price"]["recurring"]]
    given = {"description": data.get("description"), "metadata": data.get("metadata", {}),
             "trial_settings": data.get("trial_settings"), "billing_mode": data.get("billing_mode"),
             "billing_cycle_anchor": data.get("billing_cycle_anchor"),
             "automatic_tax": {"enabled": session["automatic_tax"]["enabled"]},
             **{name: data[name] for name in ("trial_end", "trial_period_days") if name in data}}
    order = orders.make(acct, given, customer, [{**row, "metadata": dict(row["metadata"])} for row in rows],
                        session["currency"])
    order.update(discounts=session["_discounts"], session=session["id"])
    subscription = lifecycle.begin(acct, order)
    subscription["_saves"] = True
    run(acct, session, subscription, method)


def run(acct, session, subscription, method):
    """First invoice and payment of a new subscription, in the order in which Checkout does it."""
    now = acct.now()
    once = [invoicing.line(acct, row["price"], row["quantity"], session["currency"], (now, now), subscription["id"])
            for row in session["_rows"] if not row["price"]["recurring"]]
    invoice = lifecycle.first_invoice(acct, subscription, once)
    lifecycle.announce(acct, subscription)
    session.update(subscription=subscription["id"], invoice=invoice["id"])
    invoicing.finalize(acct, invoice)
    if invoice["status"] == "open":
        charge(acct, session, acct.get("payment_intent", invoice["_intent"]), method)
    else:
        session["payment_status"] = "paid" if session["amount_total"] else "no_payment_required"
    if method and not subscription["default_payment_method"]:
        with acct.changing(subscription, lifecycle.UPDATED):
            subscription["default_payment_method"] = method["id"]
        method["_set_up"] = True


def charge(acct, session, intent, method):
    """The bank has agreed already, so a card succeeds; a bank debit starts its way."""
    intent["_session"] = session["id"]
    payment_intents.choose(acct, intent, method["id"])
    if cards.outcome(method, "charge") == "processing":
        payment_intents.process(acct, intent)
    else:
        payment_intents.succeed(acct, intent)
        session["payment_status"] = "paid"


def pay(acct, session, method, customer):
    data = session["_payment_data"]
    if not session["amount_total"]:
        session["payment_status"] = "no_payment_required"
        return
    intent = payment_intents.build(acct, session["amount_total"], session["currency"], customer and customer["id"],
                                   description=data.get("description"),
                                   setup_future_usage=data.get("setup_future_usage"))
    set_metadata(intent, data.get("metadata"))
    session["payment_intent"] = intent["id"]
    charge(acct, session, intent, method)


def set_up(acct, session, method, customer):
    data = session["_setup_data"]
    intent = setup_intents.build(acct, customer and customer["id"], description=data.get("description"))
    set_metadata(intent, data.get("metadata"))
    setup_intents.choose(acct, intent, method["id"])
    setup_intents.succeed(acct, intent)
    session.update(setup_intent=intent["id"], payment_status="no_payment_required")


def waiting_session(acct, intent):
    """The completed session that a bank debit has still to pay."""
    session = acct.get("checkout.session", intent.get("_session"))
    return session if session and session["status"] == "complete" and session["payment_status"] == "unpaid" else None


@events.on("payment_intent.succeeded")
def debit_succeeded(acct, intent):
    session = waiting_session(acct, intent)
    if session:
        with acct.changing(session):
            session["payment_status"] = "paid"
        events.emit(acct, "checkout.session.async_payment_succeeded", session)


@events.on("payment_intent.payment_failed")
def debit_failed(acct, intent):
    session = waiting_session(acct, intent)
    if session:
        events.emit(acct, "checkout.session.async_payment_failed", session)


def destination(session):
    """Where the customer goes afterwards, with the session's id filled in."""
    url = session["success_url"] or session.get("return_url")
    return url and url.replace("{CHECKOUT_SESSION_ID}", session["id"])


def pay_link(acct, given):
    wanted = {"mode": "subscription", "line_items": [{"price": given["price"], "quantity": given.get("quantity", 1)}],
              "success_url": acct.world.base_url + "/"}
    if "client_reference_id" in given:
        wanted["client_reference_id"] = given["client_reference_id"]
    if "customer" in given:
        wanted["customer"] = given["customer"]
    session = checkout.create(acct, wanted)
    session["payment_link"] = new_id("plink_")
    return pay_directly(acct, session["id"], {"card": "4242424242424242", **given})


def pay_directly(acct, identifier, form):
    """The control API's way to fill in the page."""
    session = acct.find("checkout.session", identifier, "session")
    error = None
    try:
        submit(acct, session, form)
    except NeedsAuthentication:
        error = {"type": "card_error", "code": "authentication_required",
                 "message": "This payment needs authentication: say authenticate succeed or fail."}
    except StripeError as refused:
        error = refused.error
    answer = {"status": session["status"], "session": session, "redirect": None if error else destination(session)}
    return {**answer, "error": error} if error else answer
