"""Every endpoint: a good request, what its fields are, and what somebody else is told."""
from dataclasses import dataclass, field

from .world import METER


@dataclass(frozen=True)
class Outcome:
    """What an answer has to be. code None: it is the web server's own, or none of an error.
    `allow` is the header's value; `moves` are patterns of what may change in Redis, and
    `writes` are the calls of Stripe that may be made."""
    status: int
    code: str = None
    param: str = None
    allow: str = None
    moves: tuple = ()
    writes: tuple = ()


@dataclass(frozen=True)
class Endpoint:
    """`prepare(world, owner)` makes what the good request needs and gives its fields.

    `strings`, `integers`, `ids`, `prices` and `paths` are names of fields, where `ids` say
    also of what, and the code. `codes` are those of fields that are refused in a way of
    their own. `stranger` is what a user gets who has nothing and sends the owner's request;
    `moves` is what may change in Redis although the request is refused."""
    name: str
    prepare: callable = lambda world, owner: {}
    method: str = "POST"
    identity: str = "user"    # or "server", "anybody", "signature"; "page" is the gate
    strings: tuple = ()
    integers: tuple = ()
    ids: dict = field(default_factory=dict)
    prices: tuple = ()
    paths: tuple = ()
    codes: dict = field(default_factory=dict)
    stranger: Outcome = None
    moves: tuple = ()

    @property
    def path(self):
        return "/members/page" if self.is_gate else f"/billing/{self.name}"

    @property
    def is_gate(self):
        return self.identity == "page"

    @property
    def needs_user(self):
        return self.identity in ("user", "server", "page")

    @property
    def changes_state(self):
        """By a request of a user's browser, or of the site's server."""
        return self.method == "POST" and self.needs_user


SUBSCRIPTION = {"subscriptionId": ("subscription", "subscription_unknown")}
CHANGED = {**SUBSCRIPTION, "customerId": ("customer", "customer_unknown"), "itemId": ("item", "item_unknown")}
PLAN = ("plan", "priceId", "lookupKey", "lookup_key")
NEW_PLAN = ("newPlan", "newPriceId", "newLookupKey")
BOUGHT = (*PLAN, "interval", "currency", "promotionCode")
CHANGE = ("subscriptionId", "customerId", "itemId", *NEW_PLAN, "interval")
ADDRESS = tuple(f"address[{part}]" for part in ("line1", "line2", "city", "state", "postal_code", "country"))

# Stripe is asked before a change is refused, and what it said is kept.
READ = ("customer:* as_of:*", "customer:* generation", "customer:* until")
# That nothing is known of her is remembered, for ten minutes.
UNKNOWN = ("user:*",)
NO_SUBSCRIPTION = Outcome(404, "subscription_unknown", "subscriptionId", moves=UNKNOWN)
NO_CUSTOMER = Outcome(404, "customer_missing", moves=UNKNOWN)
NOTHING = Outcome(200, moves=UNKNOWN)
# She buys for herself, and what is made of it is new.
HERSELF = Outcome(200, moves=("user:*", "customer:*", "attempt:*", "session:*", "open_session:*", "creations:*",
                              "event:*", "counters *"),
                  writes=("POST /v1/customers", "POST /v1/checkout/sessions", "POST /v1/customer_sessions"))


def checkout(world, owner):
    return {"plan": "basic", "quantity": 1, "uiMode": "hosted_page"}


def expire(world, owner):
    owner.check_out()
    return {"sessionId": owner.session}


def session_status(world, owner):
    owner.check_out()
    return {"session_id": owner.session}


def portal(world, owner):
    owner.buy()
    return {"returnPath": "/account", "flow": "subscription_update_confirm", "subscriptionId": owner.subscription,
            "newPriceId": world.price("premium_monthly")}


def customer(world, owner):
    return {"email": "ada@example.com", "name": "Ada", "address[line1]": "1 High Street", "address[country]": "AT"}


def subscribe(world, owner):
    return {"plan": "basic", "quantity": 1, "customerId": owner.post("create-customer")["customerId"]}


def preview(world, owner):
    owner.buy()
    return {"subscriptionId": owner.subscription, "customerId": owner.customer,
            "newPriceId": world.price("premium_monthly")}


def update(world, owner):
    owner.buy()
    wanted = world.price("premium_monthly")
    return {"subscriptionId": owner.subscription, "itemId": owner.item, "newPriceId": wanted,
            "prorationDate": owner.preview(wanted)}


def cancel(world, owner):
    owner.buy()
    return {"subscriptionId": owner.subscription, "when": "now", "feedback": "other", "comment": "It was good."}


def resume(world, owner):
    owner.buy()
    owner.post("cancel-subscription", subscriptionId=owner.subscription, when="period_end")
    return {"subscriptionId": owner.subscription}


def subscribed(world, owner):
    owner.buy()
    return {"subscriptionId": owner.subscription}


def incomplete(world, owner):
    owner.begin()
    return {"subscriptionId": owner.subscription}


def usage(world, owner):
    owner.begin()
    return {"eventName": METER, "identifier": "job-1", "value": 3}


def payment_method(world, owner):
    owner.buy()
    return {"subscriptionId": owner.subscription, "paymentMethodId": owner.payment_method}


def invoices(world, owner):
    owner.buy()
    return {"limit": 5}


def no_field(world, owner):
    owner.buy()
    return {}


ENDPOINTS = [
    Endpoint("create-checkout-session", checkout, strings=(*BOUGHT, "uiMode"), integers=("quantity",), prices=PLAN,
             stranger=HERSELF),
    Endpoint("expire-checkout-session", expire, strings=("sessionId",),
             ids={"sessionId": ("session", "session_unknown")},
             stranger=Outcome(404, "session_unknown", "sessionId")),
    Endpoint("session-status", session_status, method="GET", strings=("session_id",),
             ids={"session_id": ("session", "session_unknown")},
             stranger=Outcome(404, "session_unknown", "session_id")),
    Endpoint("customer-portal", portal, strings=("returnPath", "flow", "subscriptionId", "newPriceId"),
             ids=SUBSCRIPTION, prices=("newPriceId",), paths=("returnPath",), stranger=NO_CUSTOMER),
    Endpoint("config", method="GET", identity="anybody"),
    Endpoint("create-customer", customer, strings=("email", "name", *ADDRESS), stranger=HERSELF),
    Endpoint("create-subscription", subscribe, strings=(*BOUGHT, "customerId"), integers=("quantity",), prices=PLAN,
             ids={"customerId": ("customer", "customer_unknown")},
             stranger=Outcome(404, "customer_unknown", "customerId", moves=UNKNOWN)),
    Endpoint("customer-session", no_field, stranger=HERSELF),
    Endpoint("invoices", invoices, method="GET", strings=("starting_after",), integers=("limit",),
             ids={"starting_after": ("invoice", "invoice_unknown")}, stranger=NOTHING),
    Endpoint("create-preview-invoice", preview, strings=CHANGE, integers=("quantity", "trialEndDate"), ids=CHANGED,
             prices=NEW_PLAN, stranger=NO_SUBSCRIPTION, moves=READ),
    Endpoint("update-subscription", update, strings=CHANGE, integers=("quantity", "prorationDate"), ids=CHANGED,
             prices=NEW_PLAN, stranger=NO_SUBSCRIPTION, moves=READ),
    Endpoint("cancel-subscription", cancel, strings=("subscriptionId", "when", "feedback", "comment"),
             ids=SUBSCRIPTION, stranger=NO_SUBSCRIPTION),
    Endpoint("resume-subscription", resume, strings=("subscriptionId",), ids=SUBSCRIPTION, stranger=NO_SUBSCRIPTION),
    Endpoint("pause-subscription", subscribed, strings=("subscriptionId", "resumesAt"), ids=SUBSCRIPTION,
             codes={"resumesAt": "parameter_unsupported"}, stranger=NO_SUBSCRIPTION),
    Endpoint("meter-event", usage, identity="server", strings=("eventName", "identifier"), integers=("value",),
             stranger=NO_CUSTOMER),
    Endpoint("retrieve-customer-payment-method", payment_method, strings=("paymentMethodId", "subscriptionId"),
             ids={**SUBSCRIPTION, "paymentMethodId": ("payment_method", "payment_method_unknown")},
             stranger=NO_SUBSCRIPTION),
    Endpoint("pay-invoice", incomplete, strings=("subscriptionId",), ids=SUBSCRIPTION, stranger=NO_SUBSCRIPTION),
    Endpoint("update-payment-method", subscribed, strings=("subscriptionId", "setupIntentId"),
             ids={**SUBSCRIPTION, "setupIntentId": ("setup_intent", "setup_intent_unknown")},
             stranger=NO_SUBSCRIPTION),
    Endpoint("subscriptions", no_field, method="GET", stranger=NOTHING),
    Endpoint("webhook", identity="signature"),
    Endpoint("access", no_field, method="GET", identity="page"),
]
