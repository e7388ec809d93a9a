"""What fails around tollgate, and what then becomes of the gate, the webhook and a checkout:
the table of tollgate-redis(7), row by row, and that all is well again afterwards."""
import contextlib
import itertools
import json
import sys
import time

import pytest
from testenv import fcgi, manual
from testenv.process import wait_until
from testenv.redis import RedisServer
from testenv.responder import run
from testenv.sentinel import Group
from testenv.stack import Stack
from testenv.sync import Sync
from testenv.webhook import event, sign, subscription

GATED = {"basic": "plan:basic"}
SITE = {"settings": 'stripe_timeout = "2s"', "site_settings": 'cold_wait = "2s"'}
AT_ONCE = 0.5       # Redis is given 200 ms
COLD_WAIT = 2
STRIPE_TIMEOUT = 2
SILENCE = 1.2       # after a second of it the gate no longer believes what it kept
SESSIONS = "/v1/checkout/sessions"
NUMBERS = itertools.count(1)


class Shop:
    """A stack in which ada has subscribed."""

    def __init__(self, stack):
        self.stack, self.redis, self.sandbox = stack, stack.redis, stack.sandbox
        self.sandbox.control("DELETE", "faults")
        stack.fresh()
        self.buyer = f"bob{next(NUMBERS)}"
        self.refused = []
        answer = self.ask_checkout("ada")
        assert answer.status_code == 200, answer.text
        self.sandbox.control("POST", f"checkout/sessions/{answer.json()['sessionId']}/pay",
                             {"card": "4242424242424242"})
        stack.settle()
        wait_until(lambda: self.page() == 200, what="ada's access")

    def page(self, user="ada"):
        return self.stack.session(user).get("/basic/page").status_code

    def reason(self, user="ada"):
        """None when she passes."""
        with fcgi.Connection(self.stack.responders["access"].address) as gate:
            return gate.request(fcgi.get("/basic/page", TOLLGATE_REQUIRE="plan:basic", TOLLGATE_USER=user)) \
                .headers.get("Tollgate-Reason")

    def gate(self, user="ada"):
        """What the page and the header say must be the same."""
        reason = self.reason(user)
        assert self.page(user) == {None: 200, "unavailable": 503}[reason]
        return reason or "passes"

    def deliver(self, event):
        body = json.dumps(event).encode()
        return self.stack.session().post("/billing/webhook", data=body, headers={
            "Stripe-Signature": sign(body), "Content-Type": "application/json"}).status_code

    def webhook(self):
        """An event that was refused will come again, as Stripe's do."""
        news = event("customer.subscription.created", subscription(customer=f"cus_{next(NUMBERS)}"))
        status = self.deliver(news)
        if status != 200:
            self.refused.append(news)
        return str(status)

    def ask_checkout(self, user):
        return self.stack.session(user, email=f"{user}@shop.example").post(
            "/billing/create-checkout-session", json={"plan": "basic"})

    def checkout(self):
        answer = self.ask_checkout(self.buyer)
        code = answer.json()["error"]["code"] if answer.status_code != 200 else ""
        return f"{answer.status_code} {code}".strip()

    def behaves(self, situation, gate=AT_ONCE, webhook=AT_ONCE, checkout=AT_ONCE):
        """As the row of the manual says; each within so many seconds. The gate is asked twice."""
        asked = ((self.gate, 2 * gate), (self.webhook, webhook), (self.checkout, checkout))
        for (ask, bound), said in zip(asked, manual.situations()[situation]):
            begun = time.monotonic()
            assert ask() == said
            assert time.monotonic() - begun < bound, ask

    def writes(self):
        """What was asked of Stripe that would change something."""
        return [r["path"] for r in self.sandbox.requests() if r["method"] == "POST"]

    def customers_of(self, user):
        return [c["id"] for c in self.sandbox.api("GET", "/v1/customers")["data"]
                if c["metadata"].get("tollgate_user") == user]

    def recovers(self, seconds=5):
        """ada passes, every refused event is taken, and who could not buy can: once."""
        wait_until(lambda: self.gate() == "passes", seconds, "access")
        wait_until(lambda: all(self.deliver(news) == 200 for news in self.refused), seconds, "the events")
        for _ in range(2):
            wait_until(lambda: self.checkout() == "200", seconds, "a checkout")
        [customer] = self.customers_of(self.buyer)
        assert len(self.sandbox.api("GET", SESSIONS, customer=customer)["data"]) == 1
        record = "tollgate:{shop}:customer:"
        assert all(self.redis.client().exists(record + news["data"]["object"]["customer"]) for news in self.refused)


@pytest.fixture(scope="module")
def stack_process(web_server):
    stack = Stack(web_server, gated=GATED, site=SITE)
    yield stack
    stack.stop()


@pytest.fixture(scope="module")
def sync(stack_process):
    sync = Sync(stack_process.site)
    yield sync
    sync.stop()


@pytest.fixture
def shop(stack_process, sync):
    return Shop(stack_process)


@pytest.fixture
def shop_factory(stack_factory):
    """Shops with another Redis."""
    daemons = []

    def make(redis):
        stack = stack_factory(gated=GATED, site=SITE, redis=redis)
        daemons.append(Sync(stack.site))
        return Shop(stack)
    yield make
    for daemon in daemons:
        daemon.stop()


@contextlib.contextmanager
def stripe(shop, **fault):
    """Behaves so for as long as it lasts."""
    shop.sandbox.control("POST", "faults", {"path": "^/v1/", "times": 0, **fault})
    yield
    shop.sandbox.control("DELETE", "faults")


def test_redis_is_down(shop):
    writes = shop.writes()
    shop.redis.stop()
    try:
        shop.behaves("Redis is down")
    finally:
        shop.redis.start()
    assert shop.writes() == writes
    shop.recovers()


def test_redis_was_restarted(shop):
    shop.redis.stop()
    shop.redis.start()
    shop.behaves("Redis was restarted", gate=COLD_WAIT + 1, checkout=STRIPE_TIMEOUT)
    shop.recovers()


def test_redis_was_flushed(shop):
    shop.redis.flush()
    answer = shop.ask_checkout("ada")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "already_subscribed")
    shop.redis.flush()
    shop.behaves("Redis was flushed", gate=COLD_WAIT + 1, checkout=STRIPE_TIMEOUT)
    shop.recovers()


def test_redis_is_full(shop):
    writes = shop.writes()
    shop.redis.client().config_set("maxmemory", 1)
    try:
        shop.behaves("Redis is full")
        assert shop.gate("a stranger") == "unavailable"
    finally:
        shop.redis.client().config_set("maxmemory", 0)
    assert shop.writes() == writes
    shop.recovers()


def test_redis_stalls(shop):
    writes = shop.writes()
    shop.redis.pause()
    try:
        time.sleep(SILENCE)
        shop.behaves("Redis stalls")
    finally:
        shop.redis.resume()
    assert shop.writes() == writes
    shop.recovers()


def test_redis_fails_over(shop_factory):
    shop = shop_factory(Group())
    old = shop.redis.master()
    old.kill()
    shop.behaves("Redis fails over")
    shop.redis.wait_failover(old)
    shop.recovers()
    old.start()
    assert shop.gate() == "passes"
    shop.recovers()


def test_redis_may_evict(shop_factory):
    shop = shop_factory(RedisServer("--maxmemory-policy", "allkeys-lru"))
    wait_until(lambda: all("may evict" in responder.log for responder in shop.stack.responders.values()),
               what="a warning of every program")
    assert "may evict" in run("tollgate", "check", "-c", shop.stack.site.config).stderr
    shop.behaves("Redis may evict", checkout=STRIPE_TIMEOUT)
    shop.recovers()


def test_stripe_is_down(shop):
    with stripe(shop, drop="before"):
        shop.behaves("Stripe is down", checkout=STRIPE_TIMEOUT + 1)
    shop.recovers()


def test_stripe_is_slow(shop):
    """Its answer comes too late, but what it was asked for is done, and must not be done twice."""
    with stripe(shop, delay=STRIPE_TIMEOUT + 1):
        shop.behaves("Stripe is slow", checkout=STRIPE_TIMEOUT + 1)
    shop.recovers()


def test_stripe_answers_429(shop):
    with stripe(shop, status=429):
        shop.behaves("Stripe answers 429", checkout=STRIPE_TIMEOUT + 1)
    shop.recovers()


@pytest.mark.parametrize("store", [False, True])
def test_stripe_answers_500(shop, store):
    """It may keep the failure, and give it again to the same request."""
    with stripe(shop, status=500, store=store):
        shop.behaves("Stripe answers 500", checkout=STRIPE_TIMEOUT + 1)
    shop.recovers()


def test_tollgate_sync_is_down(shop, sync):
    sync.stop()
    try:
        shop.behaves("tollgate-sync is down", checkout=STRIPE_TIMEOUT)
        assert shop.gate("a stranger") == "unavailable"
    finally:
        sync.start()
    shop.recovers()


def test_every_situation_of_the_manual_has_its_test():
    rows = {"test_" + situation.lower().replace(" ", "_").replace("-", "_") for situation in manual.situations()}
    assert rows == {name for name in dir(sys.modules[__name__])
                    if name.startswith("test_") and name != "test_every_situation_of_the_manual_has_its_test"}
