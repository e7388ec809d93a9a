"""What is attacked: two sites at one Stripe, users with what is theirs, and a victim."""
from testenv import places
from testenv.apache import Apache
from testenv.nginx import Nginx
from testenv.sandbox import SECRET_KEY, WEBHOOK_SECRET
from testenv.site import IDENTITY_KEY, identity_token, write_secret
from testenv.stack import Stack

MARKER = "marker-which-stands-in-every-body"
METER = "api_requests"

OTHER_KEY = "the identity key of the other site, 32 bytes"
OTHER_WEBHOOK_SECRET = "whsec_b3RoZXIgc2l0ZSdzIHNlY3JldA=="
OTHER_PUBLISHABLE_KEY = "pk_test_other"
SECRETS = [SECRET_KEY, WEBHOOK_SECRET, IDENTITY_KEY, OTHER_KEY, OTHER_WEBHOOK_SECRET, OTHER_PUBLISHABLE_KEY]

OTHER_ORIGIN = "http://localhost:1"
OTHER_SITE = """
site "other" {
  origin = "%(origin)s"
  stripe_secret_key_file = "%(directory)s/stripe.key"
  stripe_publishable_key = "%(publishable_key)s"
  webhook_secret_files = {"%(directory)s/webhook.secret"}
  identity_key_files = {"%(directory)s/identity.key"}
  success_path = "/return?session_id={CHECKOUT_SESSION_ID}"
  cancel_path = "/"
  portal_return_path = "/"
  plan "others" { lookup_key = "others_monthly" }
}
"""

FOR_SALE = {"products": [
    {"id": "prod_others", "name": "Others", "prices": [
        {"lookup_key": "others_monthly", "unit_amount": 100, "currency": "eur", "interval": "month"}]},
    {"id": "prod_unsold", "name": "Unsold", "prices": [
        {"lookup_key": "unsold_monthly", "unit_amount": 1, "currency": "eur", "interval": "month"}]},
]}

# By the web server; underscores_in_headers: the worst case for a header that is named like a param.
CONFIGURED = {
    Nginx: {"http": "underscores_in_headers on;", "server": "set $tollgate_site shop;"},
    Apache: {"server": "Use TollgateSite shop"},
}
GATED = {"members": "any", "premium": "plan:premium"}
# Low enough a limit would refuse the good requests, none would not show what is counted.
SETTINGS = 'allow_pause = true cold_wait = "50ms" creation_limit = "1000/1d"'


def other_site():
    directory = places.directory()
    write_secret(directory / "stripe.key", SECRET_KEY)
    write_secret(directory / "webhook.secret", OTHER_WEBHOOK_SECRET)
    write_secret(directory / "identity.key", OTHER_KEY)
    return OTHER_SITE % {"origin": OTHER_ORIGIN, "directory": directory, "publishable_key": OTHER_PUBLISHABLE_KEY}


class Person:
    """A user of the shop, and what is hers: .subscription, .customer, .session, ..."""

    def __init__(self, world, name):
        self.world = world
        self.name = name

    def token(self, **claims):
        return identity_token(self.name, **claims)

    def post(self, endpoint, **fields):
        client = self.world.stack.session(self.name, scope="server")
        answer = client.post(f"/billing/{endpoint}", json=fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def begin(self, plan="basic"):
        """A subscription that is to be paid yet."""
        bought = self.post("create-subscription", plan=plan)
        self.subscription = bought["subscriptionId"]
        return bought

    def buy(self, plan="basic"):
        """A subscription that is paid, as by what Stripe.js does with a client secret."""
        intent = self.begin(plan)["clientSecret"].split("_secret_")[0]
        self.world.stripe("POST", f"/v1/payment_intents/{intent}/confirm", payment_method="pm_card_visa",
                          return_url=f"{self.world.stack.url}/billing/return")
        found = self.world.stripe("GET", f"/v1/subscriptions/{self.subscription}")
        self.customer, self.invoice = found["customer"], found["latest_invoice"]
        self.item = found["items"]["data"][0]["id"]
        self.payment_method = found["default_payment_method"]

    def check_out(self, plan="premium"):
        self.session = self.post("create-checkout-session", plan=plan)["sessionId"]

    def preview(self, price):
        """The date at which a change to this price was shown."""
        shown = self.post("create-preview-invoice", subscriptionId=self.subscription, newPriceId=price)
        self.proration_date = shown["prorationDate"]
        return self.proration_date

    def ids(self):
        return [self.subscription, self.customer, self.invoice, self.item, self.payment_method, self.session,
                self.setup_intent]


class World:
    def __init__(self, web_server):
        self.is_apache = web_server is Apache
        self.stack = Stack(web_server, GATED, site={"more": other_site(), "site_settings": SETTINGS},
                           **CONFIGURED[web_server])
        self.prepared = {}
        self.stock()
        self.victim = self.make_victim()
        self.stack.settle()

    def make_victim(self):
        victim = Person(self, "victim")
        victim.buy()
        victim.check_out()
        victim.preview(self.price("premium_monthly"))
        victim.setup_intent = victim.post("update-payment-method")["clientSecret"].split("_secret_")[0]
        victim.reference = victim.post("customer-session")["clientReferenceId"]
        return victim

    def stripe(self, method, path, **params):
        return self.stack.sandbox.api(method, path, **params)

    def price(self, lookup_key):
        return self.stripe("GET", "/v1/prices", **{"lookup_keys[]": lookup_key})["data"][0]["id"]

    def stock(self):
        """What is for sale, and what the portal allows."""
        self.stack.sandbox.control("POST", "seed", FOR_SALE)
        self.stripe("POST", "/v1/billing/meters", display_name="Requests", event_name=METER,
                    **{"default_aggregation[formula]": "sum"})
        [portal] = self.stripe("GET", "/v1/billing_portal/configurations")["data"]
        products = "features[subscription_update][products]"
        self.stripe("POST", f"/v1/billing_portal/configurations/{portal['id']}", **{
            "features[subscription_update][enabled]": "true",
            "features[subscription_update][default_allowed_updates][0]": "price",
            f"{products}[0][product]": "prod_premium", f"{products}[0][prices][0]": self.price("premium_monthly"),
            f"{products}[1][product]": "prod_basic", f"{products}[1][prices][0]": self.price("basic_monthly")})
        assert self.stack.session().get("/billing/config").status_code == 200

    def prepare(self, endpoint):
        """Whose request to this endpoint is a good one, and its fields: once for all cells."""
        if endpoint.name not in self.prepared:
            owner = Person(self, f"user-of-{endpoint.name}")
            fields = endpoint.prepare(self, owner)
            self.stack.settle()
            self.prepared[endpoint.name] = owner, [*fields.items()]
        return self.prepared[endpoint.name]

    def stop(self):
        self.stack.stop()
