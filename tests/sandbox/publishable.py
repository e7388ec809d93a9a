"""What a publishable key may do: make payment methods, and see and confirm an intent whose secret it knows."""
from errors import StripeError, invalid, no_such, unstored

INTENTS = {"/v1/payment_intents/{id}": "payment_intent", "/v1/payment_intents/{id}/confirm": "payment_intent",
           "/v1/setup_intents/{id}": "setup_intent", "/v1/setup_intents/{id}/confirm": "setup_intent"}
METHODS = {("POST", "/v1/payment_methods")} | {("POST" if path.endswith("confirm") else "GET", path)
                                               for path in INTENTS}


def admit(acct, route, ids, tree):
    """The parameters without the secret, which is checked, or Stripe's refusal."""
    if (route.method, route.path) not in METHODS:
        raise unstored(StripeError(
            403, "invalid_request_error", "This API call cannot be made with a publishable API key. Please use a "
            "secret API key. You can find a list of your API keys at "
            "https://dashboard.stripe.com/account/apikeys.", "secret_key_required"))
    if set(tree.get("expand", [])) - {"payment_method"}:
        raise unstored(invalid("This property cannot be expanded with a publishable key.", "expand"))
    if route.path in INTENTS:
        check_secret(acct, INTENTS[route.path], ids[0], tree.get("client_secret"))
    return {name: value for name, value in tree.items() if name != "client_secret"}


def check_secret(acct, kind, identifier, secret):
    if not secret:
        raise unstored(invalid("Missing required param: client_secret.", "client_secret", "parameter_missing"))
    intent = acct.get(kind, identifier)
    if not intent:
        raise unstored(no_such(kind, identifier, "intent"))
    if intent["client_secret"] != secret:
        raise unstored(invalid("The client_secret provided does not match any associated %s on this account."
                               % kind.replace("_", " ").title().replace(" ", ""), "client_secret",
                               kind + "_invalid_parameter"))
