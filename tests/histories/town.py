"""The Stripe stand-in of tests/sandbox within this process: what a customer does costs
no HTTP, while tollgate asks it as ever. Whoever imports this has the sandbox's own
module names, such as `events`, on the path."""
import argparse
import json
import random
import sys
import threading
import time
import urllib.parse

from testenv import places
from testenv.sandbox import PUBLISHABLE_KEY, SECRET_KEY, STRIPE_VERSION

sys.path.insert(0, str(places.TESTS / "sandbox"))
import api as sandbox_api  # noqa: E402
import seed as sandbox_seed  # noqa: E402
import webhooks  # noqa: E402
from http_types import Request  # noqa: E402
from server import Handler, Server  # noqa: E402
from world import World  # noqa: E402

OLD_VERSION = "2024-06-20"
HEADERS = {"authorization": f"Bearer {SECRET_KEY}", "stripe-version": STRIPE_VERSION}


class Slow(Handler):
    """What is answered may be on its way while the world moves on."""

    def write(self, response):
        time.sleep(random.random() * self.server.lag)
        super().write(response)


class Refused(Exception):
    """Stripe said no: a customer may ask for what is impossible."""


def customer_of(obj):
    return obj["id"] if obj["object"] == "customer" else obj.get("customer")


class Town:
    """Events go to `heard`, a function of (customer, event), instead of to endpoints."""

    def __init__(self, now, heard):
        options = argparse.Namespace(host="127.0.0.1", port=0, key=[SECRET_KEY], publishable_key=PUBLISHABLE_KEY,
                                     webhook=[], webhook_secret=[], now=now, quiet=True)
        self.world = World(options)
        self.world.outbox.post = lambda _, event: heard(customer_of(event["data"]["object"]), event)
        self.server = Server(("127.0.0.1", 0), self.world)
        self.server.RequestHandlerClass = Slow
        self.server.lag = 0
        self.base = self.world.base_url
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def seed(self, catalogue):
        with self.world.lock:
            return sandbox_seed.plant(self.world.platform, catalogue)

    def api(self, method, path, **params):
        """One call of the API with the full key; the object."""
        form = urllib.parse.urlencode([(name, str(value).lower() if isinstance(value, bool) else value)
                                       for name, value in params.items()])
        query, body = (form, b"") if method == "GET" else ("", form.encode())
        answer = sandbox_api.answer(self.world, Request(method, path, query, dict(HEADERS), body))
        obj = json.loads(answer.body)
        if answer.status == 404 or answer.status == 400 or answer.status == 402:
            raise Refused(obj["error"]["message"])
        assert answer.status == 200, obj
        return obj

    def now(self):
        return self.world.clock.now()

    def advance(self, to):
        with self.world.lock:
            self.world.clock.advance(max(to, self.now()))

    def answer_slowly(self, seconds):
        self.server.lag = seconds

    def retries_end_in(self, what):
        self.world.settings["retries"] = {"schedule_days": [3, 5, 7], "end": what}

    def fault(self, **rule):
        self.world.faults.add(rule)

    def calls(self):
        """What tollgate asked, as METHOD PATH."""
        return [f"{row['method']} {row['path']}" for row in list(self.world.requests)
                if "tollgate" in (row["headers"]["user_agent"] or "").lower()]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def payload(event, old):
    """The body that Stripe sends, for an endpoint of today or of an older API version."""
    return webhooks.payload(event, {"api_version": OLD_VERSION if old else None})
