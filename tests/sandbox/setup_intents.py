"""SetupIntents: keep a payment method for later."""
import cards
import events
import lists
import payment_intents
import payment_methods
from errors import declined, invalid
from objects import blank, metadata_of, new_id, render, set_metadata, update
from routing import Route

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
UNSUPPORTED = ("confirmation_token", "payment_method_data", "customer_account", "on_behalf_of", "single_use",
               "attach_to_self")


def build(acct, customer, **fields):
    identifier = new_id("seti_")
    intent = blank("setup_intent", identifier,
                   automatic_payment_methods={"allow_redirects": "always", "enabled": True},
                   client_secret="%s_secret_%s" % (identifier, new_id("", 25)), created=acct.now(), customer=customer,
                   livemode=False, metadata={}, payment_method_options={"card": {
                       "mandate_options": None, "network": None, "request_three_d_secure": "automatic"}},
                   payment_method_types=list(payment_methods.KINDS), status="requires_payment_method",
                   usage="off_session")
    intent.update(fields)
    return acct.add(intent, "setup_intent.created")


def create(acct, p):
    refuse_unsupported(p)
    if "customer" in p:
        acct.find("customer", p["customer"], "customer")
    intent = build(acct, p.get("customer"), metadata=metadata_of(p), description=p.get("description"),
                   usage=p.get("usage", "off_session"))
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
        intent.update(payment_method=method["id"], status="requires_confirmation")


def unexpected(intent, verb):
    error = invalid("You cannot %s this SetupIntent because it has a status of %s." % (verb, intent["status"]),
                    code="setup_intent_unexpected_state")
    error.error["setup_intent"] = render(intent)
    return error


def confirm(acct, p, identifier):
    intent = acct.find("setup_intent", identifier, "intent")
    refuse_unsupported(p)
    if intent["status"] not in OPEN:
        raise unexpected(intent, "confirm")
    return confirm_with(acct, intent, p.get("payment_method") or intent["payment_method"], p)


def confirm_with(acct, intent, identifier, p):
    if not identifier:
        raise invalid("You cannot confirm this SetupIntent because it's missing a payment method.",
                      code="setup_intent_unexpected_state")
    choose(acct, intent, identifier)
    payment_intents.come_back_to(intent, p)
    error = attempt(acct, intent)
    if error:
        raise declined(error, setup_intent=render(intent))
    return intent


def attempt(acct, intent):
    result = cards.outcome(acct.get("payment_method", intent["payment_method"]), "setup")
    if isinstance(result, cards.Decline):
        fail(acct, intent, result)
        return result
    if result == cards.AUTHENTICATE:
        require_action(acct, intent)
    else:
        succeed(acct, intent)
    return None


def succeed(acct, intent):
    method = acct.get("payment_method", intent["payment_method"])
    method["_set_up"] = True
    if intent["customer"] and not method["customer"]:
        payment_methods.link(acct, method, acct.get("customer", intent["customer"]))
    with acct.changing(intent):
        intent.update(status="succeeded", next_action=None, last_setup_error=None)
    events.emit(acct, "setup_intent.succeeded", intent)


def fail(acct, intent, decline):
    method = render(acct.get("payment_method", intent["payment_method"]))
    error = {"type": cards.error_type(decline), "code": decline.code, "message": decline.message,
             "payment_method": method}
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    with acct.changing(intent):
        intent.update(status="requires_payment_method", payment_method=None, next_action=None, last_setup_error=error)
    events.emit(acct, "setup_intent.setup_failed", intent)


def require_action(acct, intent):
    with acct.changing(intent):
        intent.update(status="requires_action", next_action=payment_intents.next_action(acct, intent))
    events.emit(acct, "setup_intent.requires_action", intent)


def authenticate(acct, intent, given):
    if given:
        succeed(acct, intent)
        return None
    fail(acct, intent, cards.SETUP_UNAUTHENTICATED)
    return cards.SETUP_UNAUTHENTICATED


def cancel(acct, p, identifier):
    intent = acct.find("setup_intent", identifier, "intent")
    if intent["status"] not in OPEN:
        raise unexpected(intent, "cancel")
    with acct.changing(intent):
        intent.update(status="canceled", cancellation_reason=p.get("cancellation_reason"), next_action=None)
    events.emit(acct, "setup_intent.canceled", intent)
    return intent


def retrieve(acct, p, identifier):
    intent = acct.find("setup_intent", identifier, "intent")
    if p.get("client_secret", intent["client_secret"]) != intent["client_secret"]:
        raise invalid("The client_secret provided does not match the client_secret associated with the "
                      "SetupIntent.", "client_secret", "setup_intent_invalid_parameter")
    return intent


def change(acct, p, identifier):
    intent = acct.find("setup_intent", identifier, "intent")
    refuse_unsupported(p)
    with acct.changing(intent):
        set_metadata(intent, p.get("metadata"))
        update(intent, p, ("description", "customer"))
    if "payment_method" in p:
        choose(acct, intent, p["payment_method"])
    return intent


def index(acct, p):
    return lists.page(lists.where(acct.every("setup_intent"), p, "customer", "payment_method"), p,
                      "/v1/setup_intents")


ROUTES = [
    Route("POST", "/v1/setup_intents", create, "setup_intent"),
    Route("GET", "/v1/setup_intents", index, "setup_intent"),
    Route("GET", "/v1/setup_intents/{id}", retrieve, "setup_intent"),
    Route("POST", "/v1/setup_intents/{id}", change, "setup_intent"),
    Route("POST", "/v1/setup_intents/{id}/confirm", confirm, "setup_intent"),
    Route("POST", "/v1/setup_intents/{id}/cancel", cancel, "setup_intent"),
]
