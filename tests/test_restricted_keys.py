"""Each program with a restricted key of Stripe, permitted what tollgate(8) says and no more."""
import contextlib
import re
import time

import pytest
from test_checkout import create, pay
from test_portal import allow_all, portal, price
from test_subscription import confirm
from test_subscription import create as subscribe
from test_subscription_change import post
from testenv import manual, places
from testenv.site import write_secret
from testenv.stack import Stack
from testenv.sync import sync_once

RESOURCES = {
    "Checkout Sessions": "checkout_session", "Events": "event", "Customer portal": "customer_portal", "Customers": "customer",
    "Entitlements": "entitlement", "Invoices": "invoice", "PaymentIntents": "payment_intent",
    "PaymentMethods": "payment_method", "Prices": "price", "Products": "product", "Promotion Codes": "promotion_code", "SetupIntents": "setup_intent",
    "Subscriptions": "subscription",
}
LESS = {"Write": "Read", "Read": None}
FAILING_DEBIT = "AT861904300235473202"
MANUAL = manual.restricted_keys()
PERMISSIONS = [(program, name) for program, names in MANUAL.items() for name in names]


def permit(stack, program, names):
    stack.sandbox.control("POST", "keys", {"key": f"rk_test_{program}", "permissions": {
        RESOURCES[name]: level.lower() for name, level in names.items() if level}})


@pytest.fixture(scope="module")
def stack_with_keys():
    """Every program has a key of its own."""
    directory = places.directory()
    files = {program: write_secret(directory / program, f"rk_test_{program}") for program in MANUAL}
    stack = Stack(responders=sorted({"access", "webhook", *MANUAL} - {"sync"}), site={"site_settings": "\n".join(
        f'{program}_key_file = "{file}"' for program, file in files.items())})
    yield stack
    stack.stop()


@pytest.fixture
def stack(stack_with_keys):
    """Fresh, with the keys as the manual has them."""
    stack_with_keys.fresh()
    stack_with_keys.synced = ""
    for program, names in MANUAL.items():
        permit(stack_with_keys, program, names)
    return stack_with_keys


def prepare(stack):
    """What only an administrator's key may do. Events are held, so that Stripe must be asked."""
    stack.sandbox.control("POST", "delivery", {"hold": True})
    stack.sandbox.control("POST", "settings", {"processing": 0})
    allow_all(stack)
    stack.sandbox.api("POST", "/v1/coupons", id="half", percent_off=50, duration="once")
    stack.sandbox.api("POST", "/v1/promotion_codes", code="HALF", **{
        "promotion[type]": "coupon", "promotion[coupon]": "half"})


def change(stack, carol):
    """Another quantity is shown, and another card is asked for."""
    bought = subscribe(carol, plan="basic")
    confirm(stack, bought["clientSecret"])
    post(carol, "create-preview-invoice", quantity=1, trialEndDate=int(time.time()) + 86400,
         subscriptionId=bought["subscriptionId"])
    post(carol, "update-payment-method", subscriptionId=bought["subscriptionId"])


def expire(stack, dave):
    """Her Checkout makes way for the own form; what waits there, although its invoice is void, for Checkout."""
    waiting = subscribe(dave, plan="basic")
    path = f"subscriptions/{waiting['subscriptionId']}"
    stack.sandbox.api("POST", f"/v1/invoices/{stack.sandbox.api('GET', '/v1/' + path)['latest_invoice']}/void")
    stack.sandbox.control("POST", f"{path}/set", {"status": "incomplete", "event": False})
    create(dave, plan="basic")


def live(stack):
    """A purchase by bank debit, which fails, and what Redis lost found again by each program."""
    alice = stack.session("alice")
    session = create(alice, plan="basic", promotionCode="HALF")["sessionId"]
    pay(stack, session, card=FAILING_DEBIT)
    status = alice.get(f"/billing/session-status?session_id={session}")
    assert status.json()["subscription_status"] == "active"
    stack.redis.flush()
    portal(alice, flow="subscription_update_confirm", newPriceId=price(stack, "premium_monthly"))
    stack.redis.flush()
    create(alice, plan="premium")
    stack.redis.flush()
    assert alice.get("/billing/subscriptions").status_code == 200
    alice.post("/billing/retrieve-customer-payment-method", json={})
    bob = stack.session("bob")
    subscribe(bob, plan="basic", promotionCode="HALF")
    subscribe(bob, plan="premium")
    dave = stack.session("dave")
    subscribe(dave, plan="basic")
    create(dave, plan="basic")
    expire(stack, dave)
    change(stack, stack.session("carol"))
    stack.redis.flush()
    stack.redis.client().zadd("tollgate:{shop}:wishes", {"alice": 1})
    stack.synced += sync_once(stack.site, "--once").stderr


def forbidden(stack, program, before=0):
    """How often Stripe said 403 to the program."""
    log = stack.synced if program == "sync" else stack.responders[program].log
    return len(re.findall("stripe call failed.* status=403", log)) - before


def test_keys_of_the_manual_are_enough(stack):
    before = {program: forbidden(stack, program) for program in MANUAL}
    prepare(stack)
    live(stack)
    assert {program: forbidden(stack, program) for program in MANUAL} == before


@pytest.mark.parametrize("program, name", PERMISSIONS)
def test_each_permission_is_needed(stack, program, name):
    prepare(stack)
    permit(stack, program, {**MANUAL[program], name: LESS[MANUAL[program][name]]})
    before = forbidden(stack, program)
    with contextlib.suppress(AssertionError, KeyError):
        live(stack)
    assert forbidden(stack, program, before) > 0
