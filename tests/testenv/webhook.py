"""tollgate-webhook before a Redis, with events that are made and signed here."""
import hashlib
import hmac
import itertools
import json
import time

from . import fcgi, places
from .redis import RedisServer
from .responder import Responder
from .sandbox import WEBHOOK_SECRET
from .site import Site, write_secret

PATH = "/billing/webhook"
COUNT = itertools.count(1)


def sign(body, secret=WEBHOOK_SECRET, at=None):
    """The Stripe-Signature header of a body."""
    at = int(at if at is not None else time.time())
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={mac}"


def event(kind, obj, created=None, before=None, **more):
    """An event of its own id; `before` are its previous attributes."""
    data = {"object": obj, **({"previous_attributes": before} if before is not None else {})}
    return {"object": "event", "id": f"evt_{next(COUNT)}", "type": kind, "livemode": False,
            "created": int(created or time.time()), "api_version": "2026-10-28.endive",
            "data": data, **more}


def subscription(status="active", id="sub_1", customer="cus_1", ends=30 * 86400, **more):
    """Created now: an old one of a customer who is not known would be asked of Stripe."""
    price = {"object": "price", "id": "price_1", "product": "prod_basic", "lookup_key": "basic_monthly"}
    item = {"object": "subscription_item", "id": f"si_{id}", "quantity": 1, "price": price,
            "current_period_end": int(time.time()) + ends}
    return {"object": "subscription", "id": id, "customer": customer, "status": status,
            "created": int(time.time()), "latest_invoice": "in_1", "pause_collection": None,
            "collection_method": "charge_automatically", "cancel_at": None, "test_clock": None,
            "cancel_at_period_end": False, "items": {"object": "list", "data": [item]}, **more}


def invoice(subscription="sub_1", customer="cus_1", **more):
    parent = {"type": "subscription_details", "subscription_details": {"subscription": subscription}}
    return {"object": "invoice", "id": "in_1", "customer": customer, "parent": parent, "status": "open",
            "billing_reason": "subscription_create", "collection_method": "charge_automatically",
            "amount_due": 500, "amount_paid": 0, "currency": "eur", "attempt_count": 1, **more}


class Webhook:
    """`site` are options of Site, `options` those of redis-server, unless there is a
    `server`. It runs with its own secrets alone: the other files are not there."""

    def __init__(self, *options, secrets=(WEBHOOK_SECRET,), server=None, arguments=(), **site):
        self.directory = places.directory()
        self.server = server or RedisServer(*options)
        self.redis = self.server.client()
        self.site = Site(self.directory, redis=self.server.url, **site)
        (self.directory / "webhook.secret").unlink()
        (self.directory / "stripe.key").unlink()
        self.write_secrets(secrets)
        self.responder = Responder("tollgate-webhook", self.site.config, self.directory / "webhook.sock",
                                   arguments)

    def write_secrets(self, secrets):
        files = [write_secret(self.directory / f"webhook{i}.secret", text)
                 for i, text in enumerate(secrets)]
        config = self.site.config.read_text()
        self.site.config.write_text(config.replace(
            '{"%s/webhook.secret"}' % self.directory, "{%s}" % ", ".join(f'"{f}"' for f in files)))

    def post(self, body, signature=None, **params):
        with fcgi.Connection(self.responder.path) as connection:
            more = {"HTTP_STRIPE_SIGNATURE": signature} if signature else {}
            return connection.request(fcgi.post(PATH, body, **more, **params), body)

    def send(self, event, **params):
        """Signed as Stripe does it; the status."""
        body = json.dumps(event).encode()
        return self.post(body, sign(body), **params).status

    def take(self, *events):
        """Each must be taken."""
        for one in events:
            assert self.send(one) == 200, one

    def show(self, status, created, id="sub_1", kind="updated", before=None, **more):
        """A snapshot of a subscription, as an event of that time."""
        self.take(event(f"customer.subscription.{kind}", subscription(status, id=id, **more),
                        created=created, before=before))

    def key(self, *words):
        return ":".join(("tollgate:{shop}", *words))

    def record(self, customer="cus_1"):
        return self.redis.hgetall(self.key("customer", customer))

    def status(self, id="sub_1", customer="cus_1"):
        return self.record(customer).get(f"status:{id}")

    def is_dirty(self, customer="cus_1"):
        return self.redis.zscore(self.key("dirty"), customer) is not None

    def notices(self, kind=None):
        """Oldest first, with their data as objects."""
        found = [fields for _, fields in self.redis.xrange(self.key("notices"))]
        return [{**fields, "data": json.loads(fields["data"])} for fields in found
                if kind in (None, fields["type"])]

    def counters(self):
        return {name: int(value) for name, value in self.redis.hgetall(self.key("counters")).items()}

    def keys(self):
        return sorted(self.redis.keys())

    def stop(self):
        self.responder.stop()
        self.server.stop()
