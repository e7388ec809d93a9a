"""One customer's story, told by a test event by event: what Stripe does is frozen in
time, and what tollgate hears of it is only what the test delivers."""
import json
import time

from testenv import fcgi
from testenv.responder import run

from . import truth

AGO = 120  # young enough for an event to begin a record


class Shop:
    """A stack whose Stripe delivers nothing by itself."""

    def __init__(self, stack, ago=AGO):
        self.stack = stack
        self.sandbox = stack.sandbox
        self.api = stack.sandbox.api
        self.redis = stack.redis.client()
        self.sandbox.control("POST", "delivery", {"hold": True})
        self.sandbox.control("POST", "clock", {"now": int(time.time()) - ago})
        self.users = {}

    def pass_time(self, seconds=10):
        self.sandbox.control("POST", "clock/advance", {"by": seconds})

    def until_now(self):
        self.sandbox.control("POST", "clock/advance", {"to": int(time.time())})

    def customer(self, user="ann", card="pm_card_visa", linked=True):
        """Whose metadata name the user, as those of tollgate's own customers do, when linked."""
        customer = self.api("POST", "/v1/customers", email=f"{user}@example.com",
                            **(self.metadata(user) if linked else {}))["id"]
        self.pay_with(customer, card)
        self.users.setdefault(user, []).append(customer)
        return customer

    @staticmethod
    def metadata(user):
        return {"metadata[tollgate_user]": user, "metadata[tollgate_site]": "shop"}

    def link(self, customer, user="ann"):
        self.api("POST", f"/v1/customers/{customer}", **self.metadata(user))

    def pay_with(self, customer, card):
        method = self.api("POST", f"/v1/payment_methods/{card}/attach", customer=customer)["id"]
        self.api("POST", f"/v1/customers/{customer}", **{"invoice_settings[default_payment_method]": method})

    def price(self, lookup_key):
        return self.api("GET", "/v1/prices", **{"lookup_keys[]": lookup_key})["data"][0]["id"]

    def subscribe(self, customer, lookup_key="basic_monthly", **params):
        return self.api("POST", "/v1/subscriptions", customer=customer,
                        **{"items[0][price]": self.price(lookup_key), **params})["id"]

    def update(self, subscription, **params):
        return self.api("POST", f"/v1/subscriptions/{subscription}", **params)

    def swap(self, subscription, lookup_key):
        item = self.get(subscription)["items"]["data"][0]["id"]
        self.update(subscription, **{"items[0][id]": item, "items[0][price]": self.price(lookup_key),
                                     "proration_behavior": "none"})

    def cancel(self, subscription):
        self.api("DELETE", f"/v1/subscriptions/{subscription}")

    def get(self, subscription):
        return self.api("GET", f"/v1/subscriptions/{subscription}")

    def patch(self, subscription, **fields):
        """A state that is hard to come to, as an event of now."""
        self.sandbox.control("POST", f"subscriptions/{subscription}/set", fields)

    def make_event(self, kind, obj, **more):
        """One that is made by hand, delivered by nobody yet."""
        return self.sandbox.control("POST", "events", {"type": kind, "object": obj, "deliver": False, **more})

    def events(self, kind=None):
        """All that happened, oldest first."""
        found = truth.pages(self.api, "/v1/events")
        return [event for event in reversed(found) if kind in (None, event["type"])]

    def subscription_events(self, status=None):
        """Of subscriptions, oldest first."""
        return [event for event in self.events() if event["type"].startswith("customer.subscription.")
                and status in (None, event["data"]["object"]["status"])]

    def try_to_deliver(self, event):
        """The status that Stripe gets, through nginx."""
        attempt, = self.sandbox.control("POST", "redeliver", {"id": event["id"]})["attempts"]
        return attempt["status"]

    def deliver(self, *events):
        """In this order; each must be taken."""
        for event in events:
            assert self.try_to_deliver(event) == 200, event["type"]

    def sync(self, *options, config=None):
        """tollgate-sync, until it has nothing to do."""
        done = run("tollgate-sync", "-c", config or self.stack.site.config, *(options or ["--once"]))
        assert done.returncode == 0, done.stderr
        return done

    def try_to_sync(self):
        """Its exit code; not 0 when Stripe or Redis failed."""
        return run("tollgate-sync", "-c", self.stack.site.config, "--once").returncode

    def requests(self):
        """What was asked of Stripe by tollgate, as METHOD PATH."""
        ours = [row for row in self.sandbox.requests() if "tollgate" in (row["headers"]["user_agent"] or "")]
        return [f"{row['method']} {row['path']}" for row in ours]

    def key(self, *words):
        return ":".join(("tollgate:{shop}", *words))

    def record(self, customer):
        return self.redis.hgetall(self.key("customer", customer))

    def is_dirty(self, customer):
        return self.redis.zscore(self.key("dirty"), customer) is not None

    def notices(self, kind):
        return [{**fields, "data": json.loads(fields["data"])}
                for _, fields in self.redis.xrange(self.key("notices")) if fields["type"] == kind]

    def ask(self, requirement="any", user="ann"):
        """The gate's answer: 204, or the reason why not."""
        with fcgi.Connection(self.stack.responders["access"].address) as connection:
            answer = connection.request({"TOLLGATE_USER": user, "TOLLGATE_REQUIRE": requirement})
        return answer.headers.get("Tollgate-Reason", answer.status)

    def check(self):
        """For every user and customer, the gate and the record say what Stripe does."""
        stripe = truth.Stripe(self.api)
        for user, customers in self.users.items():
            for customer in customers:
                assert truth.record_differs(stripe, customer, self.record(customer)) == []
            for requirement, answer in truth.gate_answers(stripe, customers).items():
                passed = self.ask(requirement, user) == 204
                assert passed == (answer.status == 204), (user, requirement, self.ask(requirement, user))
