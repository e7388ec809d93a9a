"""PaymentIntents: one attempt after another to take one payment."""
import cards
import clock
import events
import lists
import payment_methods
from errors import declined, invalid
from objects import blank, metadata_of, new_id, render, set_metadata, update
from routing import Route

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
UNSUPPORTED = ("confirmation_token", "payment_method_data", "customer_account", "mandate", "on_behalf_of",
               "transfer_data", "application_fee_amount", "amount_details", "hooks")


def build(acct, amount, currency, customer, **fields):
    identifier = new_id("pi_")
    intent = blank("payment_intent", identifier, amount=amount, amount_capturable=0, amount_received=0,
                   automatic_payment_methods={"allow_redirects": "always", "enabled": True},
                   capture_method="automatic", client_secret="%s_secret_%s" % (identifier, new_id("", 25)),
                   confirmation_method="automatic", created=acct.now(), currency=currency, customer=customer,
                   livemode=False, metadata={}, payment_method_options={},
                   payment_method_types=list(payment_methods.KINDS), status="requires_payment_method", _invoice=None)
    intent.update(fields)
    return acct.add(intent, "payment_intent.created")


def create(acct, p):
    refuse_unsupported(p)
    if p["amount"] < 1:
        raise invalid("This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer")
    if "customer" in p:
        acct.find("customer", p["customer"], "customer")
    intent = build(acct, p["amount"], p["currency"], p.get("customer"), metadata=metadata_of(p),
                   description=p.get("description"), receipt_email=p.get("receipt_email"),
                   setup_future_usage=p.get("setup_future_usage"))
    if "payment_method" in p:
        choose(acct, intent, p["payment_method"])
    if p.get("confirm"):
        confirm_with(acct, intent, intent["payment_method"], p)
    return intent


def refuse_unsupported(p):
    for name in UNSUPPORTED:
        if name in p:
            raise invalid("The sandbox does not know '%s'." % name, name)


def choose(acct, intent, identifier):
    method = payment_methods.find(acct, identifier)
    if method["customer"] and method["customer"] != intent["customer"]:
        raise invalid("The provided PaymentMethod was previously used with a different customer.", "payment_method")
    with acct.changing(intent):
        intent["payment_method"] = method["id"]
        intent["status"] = "requires_confirmation"


def confirm(acct, p, identifier):
    intent = acct.find("payment_intent", identifier, "intent")
    refuse_unsupported(p)
    if intent["status"] not in OPEN:
        raise unexpected(intent, "confirm")
    return confirm_with(acct, intent, p.get("payment_method") or intent["payment_method"], p)


def unexpected(intent, verb):
    error = invalid("This PaymentIntent's payment could not be %s because it has a status of %s." % (
        {"confirm": "confirmed", "cancel": "canceled", "capture": "captured"}[verb], intent["status"]),
        code="payment_intent_unexpected_state")
    error.error["payment_intent"] = render(intent)
    return error


def confirm_with(acct, intent, identifier, p):
    if not identifier:
        raise invalid("You cannot confirm this PaymentIntent because it's missing a payment method. You can either "
                      "update the PaymentIntent with a payment method and then confirm it again, or confirm it again "
                      "directly with a payment method or ConfirmationToken.", code="payment_intent_unexpected_state")
    choose(acct, intent, identifier)
    come_back_to(intent, p)
    if p.get("error_on_requires_action") and needs_customer(acct, intent):
        raise declined(cards.REQUIRED, payment_intent=render(intent))
    error = attempt(acct, intent, bool(p.get("off_session")))
    if error:
        raise declined(error, payment_intent=render(intent))
    return intent


def needs_customer(acct, intent):
    return cards.outcome(acct.get("payment_method", intent["payment_method"]), "charge") == cards.AUTHENTICATE


def attempt(acct, intent, off_session):
    """Charges the chosen method; answers the Decline, if it was declined."""
    method = acct.get("payment_method", intent["payment_method"])
    result = cards.outcome(method, "charge", off_session)
    if isinstance(result, cards.Decline):
        fail(acct, intent, result)
        return result
    {None: succeed, "processing": process, cards.AUTHENTICATE: require_action}[result](acct, intent)
    return None


def succeed(acct, intent):
    method = acct.get("payment_method", intent["payment_method"])
    method["_set_up"] = method["_set_up"] or bool(intent["setup_future_usage"])
    keep_method(acct, intent, method)
    with acct.changing(intent):
        intent.update(status="succeeded", amount_received=intent["amount"], next_action=None, last_payment_error=None)
    events.emit(acct, "payment_intent.succeeded", intent)


def keep_method(acct, intent, method):
    if intent["setup_future_usage"] and intent["customer"] and not method["customer"]:
        payment_methods.link(acct, method, acct.get("customer", intent["customer"]))


def process(acct, intent):
    keep_method(acct, intent, acct.get("payment_method", intent["payment_method"]))
    with acct.changing(intent):
        intent.update(status="processing", next_action=None, last_payment_error=None)
    events.emit(acct, "payment_intent.processing", intent)
    acct.schedule(acct.now() + acct.setting("processing"), "settle_debit", intent["id"])


@clock.job("settle_debit")
def settle_debit(acct, identifier, when):
    intent = acct.get("payment_intent", identifier)
    if intent["status"] != "processing":
        return
    decline = cards.debit_outcome(acct.get("payment_method", intent["payment_method"]))
    if decline:
        fail(acct, intent, decline)
    else:
        succeed(acct, intent)


def fail(acct, intent, decline):
    error = {"type": cards.error_type(decline), "code": decline.code, "message": decline.message,
             "doc_url": "https://stripe.com/docs/error-codes/" + decline.code.replace("_", "-"),
             "payment_method": render(acct.get("payment_method", intent["payment_method"]))}
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    with acct.changing(intent):
        intent.update(status="requires_payment_method", payment_method=None, next_action=None,
                      last_payment_error=error)
    events.emit(acct, "payment_intent.payment_failed", intent)


def next_action(acct, intent):
    """A redirect where there is somewhere to return to, else a task for Stripe.js."""
    url = "%s/3ds/%s" % (acct.world.base_url, intent["id"])
    if intent.get("_return_url"):
        return {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": intent["_return_url"]}}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url}}


def come_back_to(intent, p):
    intent["_return_url"] = None if p.get("use_stripe_sdk") else p.get("return_url")


def require_action(acct, intent):
    with acct.changing(intent):
        intent.update(status="requires_action", next_action=next_action(acct, intent))
    events.emit(acct, "payment_intent.requires_action", intent)


def authenticate(acct, intent, given):
    """The customer has answered her bank: yes, or no. Answers the Decline, if it came to one."""
    if not given:
        fail(acct, intent, cards.UNAUTHENTICATED)
        return cards.UNAUTHENTICATED
    decline = cards.after_authentication(acct.get("payment_method", intent["payment_method"]), "charge")
    if decline:
        fail(acct, intent, decline)
        return decline
    succeed(acct, intent)
    return None


def cancel(acct, p, identifier):
    intent = acct.find("payment_intent", identifier, "intent")
    if intent["status"] not in OPEN + ("requires_capture",):
        raise unexpected(intent, "cancel")
    if intent["_invoice"]:
        raise invalid("You cannot cancel this PaymentIntent because it was created by an Invoice. You should void "
                      "or pay the Invoice instead.")
    end(acct, intent, p.get("cancellation_reason"))
    return intent


def end(acct, intent, reason):
    with acct.changing(intent):
        intent.update(status="canceled", canceled_at=acct.now(), cancellation_reason=reason, next_action=None)
    events.emit(acct, "payment_intent.canceled", intent)


def retrieve(acct, p, identifier):
    intent = acct.find("payment_intent", identifier, "intent")
    if p.get("client_secret", intent["client_secret"]) != intent["client_secret"]:
        raise invalid("The client_secret provided does not match the client_secret associated with the "
                      "PaymentIntent.", "client_secret", "payment_intent_invalid_parameter")
    return intent


def change(acct, p, identifier):
    intent = acct.find("payment_intent", identifier, "intent")
    refuse_unsupported(p)
    if intent["_invoice"] and {"amount", "currency"} & set(p):
        raise invalid("You cannot change the amount of a PaymentIntent that belongs to an invoice.", "amount")
    with acct.changing(intent):
        set_metadata(intent, p.get("metadata"))
        update(intent, p, ("amount", "currency", "description", "receipt_email", "setup_future_usage"))
    if "payment_method" in p:
        choose(acct, intent, p["payment_method"])
    return intent


def index(acct, p):
    return lists.page(lists.where(acct.every("payment_intent"), p, "customer"), p, "/v1/payment_intents")


ROUTES = [
    Route("POST", "/v1/payment_intents", create, "payment_intent"),
    Route("GET", "/v1/payment_intents", index, "payment_intent"),
    Route("GET", "/v1/payment_intents/{id}", retrieve, "payment_intent"),
    Route("POST", "/v1/payment_intents/{id}", change, "payment_intent"),
    Route("POST", "/v1/payment_intents/{id}/confirm", confirm, "payment_intent"),
    Route("POST", "/v1/payment_intents/{id}/cancel", cancel, "payment_intent"),
]
