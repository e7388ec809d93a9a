"""Customer sessions: what lets an embedded component of Stripe's, such as a pricing table, know the customer."""
from errors import invalid
from objects import new_id
from routing import Route

LASTS = 1800
PLAIN = ("active_entitlements", "buy_button", "customer_portal", "pricing_table")
WITH_FEATURES = ("customer_sheet", "mobile_payment_element", "payment_element")


def create(acct, p):
    if "customer" not in p:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    acct.find("customer", p["customer"], "customer")
    given = p["components"]
    if not any(component.get("enabled") for component in given.values()):
        raise invalid("At least one component must be enabled.", "components")
    if any(given.get(name, {}).get("features") for name in WITH_FEATURES):
        raise invalid("The sandbox knows no features of components.", "components")
    components = {name: {"enabled": given.get(name, {}).get("enabled", False)} for name in PLAIN + WITH_FEATURES}
    for name in WITH_FEATURES:
        components[name]["features"] = None
    secret = "cuss_secret_" + new_id("", 60)
    session = {"object": "customer_session", "client_secret": secret, "components": components, "created": acct.now(),
               "customer": p["customer"], "customer_account": None, "expires_at": acct.now() + LASTS,
               "livemode": acct.setting("livemode")}
    acct.tables["customer_session"][secret] = session
    return session


ROUTES = [Route("POST", "/v1/customer_sessions", create, "customer_session")]
