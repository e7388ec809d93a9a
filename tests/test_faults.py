"""Each call into malloc, OpenSSL, curl, json-c, libfcgi and hiredis fails in its turn, alone and
with all behind it: the program lives on, nothing leaks, and no answer says what is not so."""
import hashlib
import itertools
import json
import os
import time

import pytest
from testenv import fcgi, places
from testenv.faults import KINDS, Faulty, FaultyRun
from testenv.sandbox import SECRET_KEY, WEBHOOK_SECRET
from testenv.site import CATALOGUE, Site, identity_token
from testenv.webhook import event, invoice, sign, subscription

COUNT = itertools.count(1)
MEMORY = ("memory", "library_memory")
LIBRARIES = ("openssl", "json", "fcgi")
REDIS = tuple(kind for kind in KINDS if kind.startswith("redis"))
MOST = 8  # places of each kind, where one try takes Stripe's stand-in several answers
STRIPE = tuple(kind for kind in KINDS if kind.startswith("curl"))


def fresh():
    """A name of its own, and of always the same length."""
    return f"name{next(COUNT):06}"


class House:
    """Programs with faults before a Redis of theirs and a Stripe with a catalogue."""

    def __init__(self, redis_server, sandbox):
        self.begun = int(time.time())
        self.redis = redis_server.client()
        self.sandbox = sandbox
        sandbox.control("POST", "seed", CATALOGUE)
        self.site = Site(places.directory(), redis=redis_server.url, stripe=sandbox.base,
                         settings='log_level = "warning"', site_settings='cold_wait = "20ms"')
        self.started = []

    def start(self, program):
        self.started.append(Faulty(program, self.site))
        return self.started[-1]

    def stop(self):
        for responder in self.started:
            responder.stop()
            responder.keeps(SECRET_KEY, WEBHOOK_SECRET)

    def unlock(self):
        """As time would: who could not give a lock back keeps it for half a minute."""
        for key in self.redis.scan_iter("tollgate:{shop}:lock:*"):
            self.redis.delete(key)

    def record(self, name):
        """What is known of the customer, in words that are the same for all names."""
        found = self.redis.hgetall(f"tollgate:{{shop}}:customer:cus_{name}")
        return {key.replace(name, ""): value.replace(name, "") for key, value in found.items()}

    def paid(self, name, **more):
        """An event with all that decides about access."""
        ends = self.begun + 30 * 86400
        made = subscription(id=f"sub_{name}", customer=f"cus_{name}", cancel_at=ends, **more)
        made["items"]["data"][0]["current_period_end"] = ends
        return event("customer.subscription.created", {**made, "created": self.begun}, created=self.begun,
                     id=f"evt_{name}")


@pytest.fixture
def house(redis_server, sandbox):
    house = House(redis_server, sandbox)
    yield house
    house.stop()


def status(answer):
    return answer.status if answer else None


def deliver(webhook, made):
    body = json.dumps(made).encode()
    return status(webhook.ask(fcgi.post("/billing/webhook", body, HTTP_STRIPE_SIGNATURE=sign(body)), body))


def order(responder, endpoint, user, **fields):
    body = json.dumps(fields).encode()
    answer = responder.ask(fcgi.post(f"/billing/{endpoint}", body, HTTP_ACCEPT="application/json",
                                     HTTP_AUTHORIZATION=f"Bearer {identity_token(user)}"), body)
    return status(answer), json.loads(answer.body) if answer and answer.status == 200 else None


@pytest.mark.parametrize("connected", [True, False], ids=["connected", "connecting"])
def test_event_with_a_2xx_is_stored_whole(house, connected):
    webhook = house.start("tollgate-webhook")

    def send():
        if not connected:
            house.redis.client_kill_filter(_type="normal", skipme=True)
        name = fresh()
        return name, deliver(webhook, house.paid(name))

    name, code = send()
    expected = house.record(name)
    assert code == 200 and expected
    for fault in webhook.page.faults(MEMORY + LIBRARIES + REDIS, send):
        with fault:
            name, code = send()
        assert code != 200 or house.record(name) == expected, fault
        assert deliver(webhook, house.paid(name)) == 200, fault
        assert house.record(name) == expected, fault


def test_event_with_a_2xx_is_told(house):
    """Its notice is all that it changes, and nothing else would tell it."""
    webhook = house.start("tollgate-webhook")

    def made(name):
        return event("invoice.payment_failed", invoice(subscription=f"sub_{name}", customer=f"cus_{name}"),
                     id=f"evt_{name}")

    def send():
        name = fresh()
        return name, deliver(webhook, made(name))

    def told(name):
        return [fields for _, fields in house.redis.xrange("tollgate:{shop}:notices")
                if fields["customer"] == f"cus_{name}"]

    name, code = send()
    assert code == 200 and len(told(name)) == 1
    for fault in webhook.page.faults(MEMORY + LIBRARIES + REDIS, send):
        with fault:
            name, code = send()
        assert code != 200 or len(told(name)) == 1, fault
        assert deliver(webhook, made(name)) == 200 and len(told(name)) == 1, fault


def link(house, user):
    key = "tollgate:{shop}:user:" + hashlib.sha256(user.encode()).hexdigest()
    house.redis.hset(key, f"customer:cus_{user}", 1)


@pytest.mark.parametrize("state, expected", [("active", 204), ("canceled", 403)])
def test_gate_passes_who_has_paid_and_nobody_else(house, state, expected):
    webhook, gate = house.start("tollgate-webhook"), house.start("tollgate-access")
    assert deliver(webhook, house.paid("ann", status=state)) == 200
    link(house, "ann")

    def ask():
        house.redis.client_kill_filter(_type="pubsub", skipme=True)  # what is kept counts no more
        return gate.ask(fcgi.get("/members", TOLLGATE_REQUIRE="plan:basic", TOLLGATE_USER="ann",
                                 TOLLGATE_REQUEST_ID="1"))

    usual = ask()
    assert usual.status == expected
    for fault in gate.page.faults(MEMORY + LIBRARIES + REDIS, ask):
        with fault:
            answer = ask()
        assert status(answer) != 204 or answer.headers == usual.headers, fault
        assert ask().headers == usual.headers, fault


def bought(house, path, user):
    """What there is of each customer that was made for her."""
    customers = house.sandbox.api("GET", "/v1/customers", limit=100)["data"]
    return [[thing["id"] for thing in house.sandbox.api("GET", path, customer=one["id"])["data"]]
            for one in customers if one["metadata"]["tollgate_user"] == user]


@pytest.mark.parametrize("program, endpoint, path, key", [
    ("tollgate-checkout", "create-checkout-session", "/v1/checkout/sessions", "sessionId"),
    ("tollgate-subscription", "create-subscription", "/v1/subscriptions", "subscriptionId"),
])
def test_purchase_is_made_once_however_it_fails(house, program, endpoint, path, key):
    responder = house.start(program)

    def buy(user=None):
        user = user or fresh()
        return user, *order(responder, endpoint, user, plan="basic")

    for fault in responder.page.faults(MEMORY + LIBRARIES + REDIS + STRIPE, buy, most=MOST):
        with fault:
            user, code, first = buy()
        house.unlock()
        _, again, answer = buy(user)
        assert again == 200, (fault, code, again)
        assert code != 200 or first == answer, fault
        assert bought(house, path, user) == [[answer[key]]], (fault, code)


@pytest.mark.parametrize("program", ["webhook", "access", "checkout", "sync"])
def test_program_that_cannot_start_ends_by_itself(house, program):
    start = FaultyRun(f"tollgate-{program}", "-c", house.site.config, "-t")
    assert start() == 0
    for fault in start.page.faults(["memory"], start, most=MOST):
        with fault:
            code = start()
        assert code in (0, os.EX_CONFIG, os.EX_OSERR), (fault, code)


def test_customer_is_synchronized_whole_or_not_at_all(house):
    customer = house.sandbox.api("POST", "/v1/customers", **{"metadata[tollgate_user]": "ann",
                                                             "metadata[tollgate_site]": "shop"})["id"]
    price = house.sandbox.api("GET", "/v1/prices", **{"lookup_keys[]": "basic_monthly"})["data"][0]["id"]
    house.sandbox.api("POST", "/v1/subscriptions", **{"customer": customer, "items[0][price]": price,
                                                      "trial_period_days": 3})
    sync = FaultyRun("tollgate-sync", "-c", house.site.config, "--customer", customer)

    def read():
        house.redis.flushall()
        code = sync()
        found = house.redis.hgetall(f"tollgate:{{shop}}:customer:{customer}")
        return code, {key: found[key] for key in found if key.startswith(("subscription:", "status:"))}

    expected = read()
    assert expected[0] == 0 and expected[1]
    for fault in sync.page.faults(("memory",) + LIBRARIES + REDIS + STRIPE, read, most=3):
        with fault:
            code, found = read()
        assert found == expected[1] or (code != 0 and not found), (fault, code)
