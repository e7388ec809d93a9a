"""The billing portal: configurations, sessions, and what a customer may do with them."""
import copy

import changes
import lifecycle
import lists
from errors import invalid
from objects import blank, check_url, metadata_of, new_id, set_metadata, update
from routing import Route

NO_PAUSE = {"duration": {"interval_options": [], "type": "indefinite"}, "enabled": False}
FEATURES = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {"cancellation_reason": {"enabled": False, "feedback_options": [], "options": []},
                            "enabled": False, "mode": "at_period_end", "proration_behavior": "none"},
    "subscription_pause": NO_PAUSE,
    "subscription_update": {"billing_cycle_anchor": None, "default_allowed_updates": [], "enabled": False,
                            "proration_behavior": "none", "schedule_at_period_end": {"conditions": []},
                            "trial_update_behavior": "end_trial"},
}
EVERYTHING = {
    "customer_update": {"allowed_updates": ["email", "address"], "enabled": True},
    "invoice_history": {"enabled": True}, "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
}
NEEDS_SUBSCRIPTION = ("subscription_cancel", "subscription_update", "subscription_update_confirm",
                      "subscription_pause")


def configuration(acct, p, default=False):
    config = blank("billing_portal.configuration", new_id("bpc_"), active=True,
                   business_profile={"headline": None, "privacy_policy_url": None, "terms_of_service_url": None},
                   created=acct.now(), features=copy.deepcopy(FEATURES), is_default=default, livemode=False,
                   login_page={"enabled": False, "url": None}, metadata=metadata_of(p), updated=acct.now())
    configure(config, p)
    return acct.add(config, "billing_portal.configuration.created")


def configure(config, p):
    merge(config["features"], p.get("features", {}))
    for option in config["features"]["subscription_pause"]["duration"]["interval_options"]:
        option.setdefault("interval_count", 1)
    merge(config["business_profile"], p.get("business_profile", {}))
    config["login_page"].update(p.get("login_page", {}))
    check_url(p.get("default_return_url"), "default_return_url")
    update(config, p, ("active", "default_return_url", "name"))
    config["_products"] = p.get("features", {}).get("subscription_update", {}).get("products") \
        or config.get("_products")
    if config["features"]["subscription_update"]["enabled"] and not config["_products"]:
        raise invalid("Missing required param: features[subscription_update][products].",
                      "features[subscription_update][products]", "parameter_missing")


def merge(target, given):
    for name, value in given.items():
        if isinstance(value, dict) and isinstance(target.get(name), dict):
            merge(target[name], value)
        elif name != "products":
            target[name] = ([] if isinstance(target.get(name), list) else None) if value == "" else value


def create_configuration(acct, p):
    return configuration(acct, p)


def default_configuration(acct):
    for config in acct.tables["billing_portal.configuration"].values():
        if config["is_default"]:
            return config
    return configuration(acct, {"features": EVERYTHING}, True)


def retrieve_configuration(acct, p, identifier):
    return acct.find("billing_portal.configuration", identifier)


def change_configuration(acct, p, identifier):
    config = acct.find("billing_portal.configuration", identifier)
    if config["is_default"] and p.get("active") is False:
        raise invalid("You cannot deactivate the default configuration.", "active")
    with acct.changing(config, "billing_portal.configuration.updated"):
        set_metadata(config, p.get("metadata"))
        configure(config, p)
        config["updated"] = acct.now()
    return config


def index_configurations(acct, p):
    default_configuration(acct)
    found = lists.where(acct.every("billing_portal.configuration"), p, "active", "is_default")
    return lists.page(found, p, "/v1/billing_portal/configurations")


def create_session(acct, p):
    for name in ("customer_account", "on_behalf_of"):
        if name in p:
            raise invalid("The sandbox does not know '%s'." % name, name)
    if "customer" not in p:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    customer = acct.find("customer", p["customer"], "customer")
    config = pick_configuration(acct, p)
    check_url(p.get("return_url"), "return_url")
    secret = new_id("test_", 40)
    session = blank("billing_portal.session", new_id("bps_"), after_expiration=None, configuration=config["id"],
                    created=acct.now(), customer=customer["id"], flow=flow(acct, p.get("flow_data"), customer, config),
                    livemode=False, locale=p.get("locale"),
                    return_url=p.get("return_url", config["default_return_url"]),
                    url="%s/p/session/%s" % (acct.world.base_url, secret), _secret=secret)
    return acct.add(session, "billing_portal.session.created")


def pick_configuration(acct, p):
    if "configuration" not in p:
        return default_configuration(acct)
    config = acct.find("billing_portal.configuration", p["configuration"], "configuration")
    if not config["active"]:
        raise invalid("The configuration %s is inactive." % config["id"], "configuration")
    return config


def flow(acct, given, customer, config):
    if given is None:
        return None
    kind = given["type"]
    check_flow(acct, given, customer, config)
    after = given.get("after_completion", {"type": "portal_homepage"})
    shown = {"type": kind, "after_completion": {"type": after["type"], "redirect": after.get("redirect"),
                                                "hosted_confirmation": after.get("hosted_confirmation")},
             "customer_update": None, "subscription_cancel": None, "subscription_pause": None,
             "subscription_update": None, "subscription_update_confirm": None}
    if kind in NEEDS_SUBSCRIPTION:
        shown[kind] = dict(given[kind])
    if kind == "subscription_cancel":
        shown[kind].setdefault("retention", None)
    if kind == "subscription_update_confirm":
        shown[kind].setdefault("discounts", None)
        shown[kind]["items"] = [{"id": entry["id"], "price": entry.get("price"), "quantity": entry.get("quantity")}
                                for entry in given[kind]["items"]]
    return shown


def check_flow(acct, given, customer, config):
    kind = given["type"]
    for name in NEEDS_SUBSCRIPTION:
        if name in given and name != kind:
            raise invalid("`flow_data[%s]` can only be used when `flow_data[type]` is `%s`." % (name, name),
                          "flow_data[%s]" % name)
    feature = "subscription_update" if kind == "subscription_update_confirm" else kind
    if not config["features"][feature]["enabled"]:
        raise invalid("This feature in the portal configuration is disabled: `%s`. Enable it to use this flow."
                      % feature, "flow_data[type]")
    redirect = given.get("after_completion", {})
    if redirect.get("type") == "redirect":
        if "redirect" not in redirect:
            raise invalid("Missing required param: flow_data[after_completion][redirect].",
                          "flow_data[after_completion][redirect]", "parameter_missing")
        check_url(redirect["redirect"]["return_url"], "flow_data[after_completion][redirect][return_url]")
    if kind in NEEDS_SUBSCRIPTION:
        check_subscription(acct, given, customer)


def check_subscription(acct, given, customer):
    kind = given["type"]
    param = "flow_data[%s][subscription]" % kind
    if kind not in given or "subscription" not in given[kind]:
        raise invalid("Missing required param: %s." % param, param, "parameter_missing")
    subscription = acct.find("subscription", given[kind]["subscription"], param)
    if subscription["customer"] != customer["id"]:
        raise invalid("No such subscription: '%s'" % subscription["id"], param, "resource_missing")
    if subscription["status"] in lifecycle.ENDED:
        raise invalid("The subscription %s is not in a state that allows this flow: it is %s."
                      % (subscription["id"], subscription["status"]), param)
    if kind == "subscription_cancel" and subscription["cancel_at"]:
        raise invalid("The subscription %s is already set to be canceled." % subscription["id"], param)


def session_by_secret(acct, secret):
    for session in acct.every("billing_portal.session"):
        if session["_secret"] == secret:
            return session
    return None


def cancel(acct, session, subscription):
    """The customer's cancel: at once or at the period's end, as the configuration says."""
    mode = acct.get("billing_portal.configuration", session["configuration"])["features"]["subscription_cancel"]
    if mode["mode"] == "immediately" or subscription["status"] in ("past_due", "incomplete", "unpaid"):
        lifecycle.cancel(acct, subscription)
        return
    with acct.changing(subscription, lifecycle.UPDATED):
        subscription.update(cancel_at_period_end=True, canceled_at=acct.now())
        subscription["cancellation_details"]["reason"] = "cancellation_requested"
        lifecycle.set_cancel_at(acct, subscription, None)


def prices_offered(acct, session):
    """The prices to which the configuration lets a subscription be changed."""
    products = acct.get("billing_portal.configuration", session["configuration"])["_products"] or []
    return [acct.get("price", identifier) for product in products for identifier in product["prices"]]


def update_parameters(acct, session, subscription, given):
    """What the portal asks of the API for a change of price or quantity, as the configuration says."""
    feature = acct.get("billing_portal.configuration", session["configuration"])["features"]["subscription_update"]
    method = changes.method_of(acct, subscription)
    wanted = {"items": [given], "proration_behavior": feature["proration_behavior"]}
    if feature["proration_behavior"] == "always_invoice" and method and method["type"] == "card":
        wanted["payment_behavior"] = "pending_if_incomplete"
    return wanted


def change_plan(acct, session, subscription, given):
    if given.get("price") not in [price["id"] for price in prices_offered(acct, session)]:
        raise invalid("This price is not offered here.", status=403)
    wanted = update_parameters(acct, session, subscription, given)
    changes.check(acct, subscription, wanted)
    changes.apply(acct, subscription, wanted)


def renew(acct, subscription):
    with acct.changing(subscription, lifecycle.UPDATED):
        subscription.update(cancel_at_period_end=False, cancel_at=None, canceled_at=None)
        subscription["cancellation_details"]["reason"] = None


ROUTES = [
    Route("POST", "/v1/billing_portal/configurations", create_configuration, "customer_portal"),
    Route("GET", "/v1/billing_portal/configurations", index_configurations, "customer_portal"),
    Route("GET", "/v1/billing_portal/configurations/{id}", retrieve_configuration, "customer_portal"),
    Route("POST", "/v1/billing_portal/configurations/{id}", change_configuration, "customer_portal"),
    Route("POST", "/v1/billing_portal/sessions", create_session, "customer_portal"),
]
