"""Ways around paying, and around others, that once were open."""
import threading
import time

import pytest
from test_checkout import create, error, pay
from test_subscription import confirm
from test_subscription import create as subscribe
from test_subscription_change import DAY, post, use_card
from testenv.sync import sync_once

STATUS = "/billing/session-status"
FAILING_CARD = "4000000000000341"
DEBIT = "AT321904300235473204"
FAILING_DEBIT = "AT861904300235473202"


def subscriptions(stack):
    return stack.sandbox.api("GET", "/v1/subscriptions", status="all", limit=100)["data"]


def events(stack, *kinds):
    """Ids, oldest first."""
    made = stack.sandbox.api("GET", "/v1/events", limit=100)["data"]
    return [event["id"] for event in reversed(made) if event["type"] in kinds]


def cancel(stack, subscription):
    stack.sandbox.session.delete(f"{stack.sandbox.base}/v1/subscriptions/{subscription}",
                                 headers={"Authorization": "Bearer sk_test_sandbox"})


def test_a_trial_is_given_once(stack):
    mallory = stack.session("mallory")
    stack.sandbox.control("POST", f"checkout/sessions/{create(mallory, plan='premium')['sessionId']}/pay",
                          {"email": "m@example.com"})
    stack.settle()
    [first] = subscriptions(stack)
    assert first["status"] == "trialing"
    cancel(stack, first["id"])
    stack.settle()
    create(mallory, plan="premium")
    [_, again] = [request for request in stack.sandbox.requests()
                  if request["method"] == "POST" and request["path"] == "/v1/checkout/sessions"]
    assert "trial_period_days" not in again["params"].get("subscription_data", {})


def test_a_late_first_event_does_not_take_back_what_was_read(stack):
    """session-status reads `active`, then customer.subscription.created (incomplete) comes."""
    stack.sandbox.control("POST", "delivery", {"hold": True})
    alice = stack.session("alice")
    session = create(alice, plan="basic")["sessionId"]
    pay(stack, session)
    assert alice.get(STATUS, params={"session_id": session}).json()["subscription_status"] == "active"
    stack.sandbox.control("POST", "deliver", {"ids": events(stack, "customer.subscription.created")})
    assert alice.get(STATUS, params={"session_id": session}).json()["subscription_status"] == "active"


def test_a_late_event_does_not_revive_what_was_read_as_canceled(stack):
    stack.sandbox.control("POST", "delivery", {"hold": True})
    alice = stack.session("alice")
    session = create(alice, plan="basic")["sessionId"]
    pay(stack, session)
    cancel(stack, subscriptions(stack)[0]["id"])
    assert alice.get(STATUS, params={"session_id": session}).json()["subscription_status"] == "canceled"
    stack.sandbox.control("POST", "deliver", {"ids": events(
        stack, "customer.subscription.created", "customer.subscription.updated")})
    assert alice.get(STATUS, params={"session_id": session}).json()["subscription_status"] == "canceled"


@pytest.mark.parametrize("endpoint", ["create-checkout-session", "create-subscription"])
def test_nothing_is_sold_twice_while_events_move_the_record(stack, endpoint):
    """Each reading is overtaken by an event, so that Redis does not know yet what was bought."""
    stack.sandbox.control("POST", "delivery", {"hold": True})
    alice = stack.session("alice")
    pay(stack, create(alice, plan="basic")["sessionId"])
    [customer] = stack.sandbox.api("GET", "/v1/customers")["data"]
    stack.sandbox.control("POST", "deliver", {"ids": events(stack, "customer.created")})
    stack.sandbox.control("POST", "faults", {"method": "GET", "path": "^/v1/subscriptions$",
                                             "delay": 0.6, "times": 0})
    answered = threading.Event()

    def move():
        for i in range(50):
            if answered.wait(0.2):
                return
            made = {**customer, "email": f"alice{i}@example.com"}
            stack.sandbox.control("POST", "events", {"type": "customer.updated", "object": made})
            stack.sandbox.control("POST", "deliver", {"ids": events(stack, "customer.updated")[-1:]})
    thread = threading.Thread(target=move)
    thread.start()
    answer = alice.post(f"/billing/{endpoint}", json={"plan": "basic"})
    answered.set()
    thread.join()
    assert answer.status_code in (409, 503), answer.text


def test_on_store_failure_is_for_a_redis_that_does_not_answer(stack_factory):
    """A full Redis answers: it says that it does not know her."""
    stack = stack_factory(gated={"members": "any"}, site={"site_settings": 'on_store_failure = "allow" cold_wait = "200ms"'})
    assert stack.session("stranger").get("/members/page").status_code == 503
    stack.redis.client().config_set("maxmemory", 1)
    try:
        assert stack.session("stranger2").get("/members/page").text != "paid"
    finally:
        stack.redis.client().config_set("maxmemory", 0)


class Flood:
    """One account on many connections."""

    def __init__(self, stack, connections, ask):
        self.running = True
        self.threads = [threading.Thread(target=self.run, args=(stack.session("mallory"), i, ask))
                        for i in range(connections)]
        for thread in self.threads:
            thread.start()
        time.sleep(3)

    def run(self, session, i, ask):
        while self.running:
            ask(session, i)

    def stop(self):
        self.running = False
        for thread in self.threads:
            thread.join()


def timed(ask):
    begun = time.monotonic()
    return ask().status_code, time.monotonic() - begun


def test_a_site_may_give_every_subscription_its_trial(stack_factory):
    stack = stack_factory(site={"site_settings": "one_trial_per_customer = false"})
    alice = stack.session("alice")
    pay(stack, create(alice, plan="premium")["sessionId"])
    stack.settle()
    cancel(stack, subscriptions(stack)[0]["id"])
    stack.settle()
    again = stack.sandbox.api("GET", "/v1/checkout/sessions/" + create(alice, plan="premium")["sessionId"])
    pay(stack, again["id"])
    assert subscriptions(stack)[0]["status"] == "trialing"


def test_trial_that_needs_a_card_is_not_had_without_one(stack_factory):
    stack = stack_factory(gated={"members": "plan:basic"}, site={
        "plans": 'plan "basic" { lookup_key = "basic_monthly" trial_days = 14 }'})
    mallory = stack.session("mallory")
    begun = subscribe(mallory, plan="basic")
    stack.settle()
    assert begun["status"] == "trialing" and mallory.get("/members/page").status_code == stack.web.unpaid
    [request] = [r for r in stack.sandbox.requests() if r["method"] == "POST" and r["path"] == "/v1/subscriptions"]
    assert request["params"]["trial_settings"] == {"end_behavior": {"missing_payment_method": "cancel"}}
    confirm(stack, begun["clientSecret"])
    stack.settle()
    assert mallory.get("/members/page").status_code == 200


def test_who_comes_anew_is_not_starved_by_kept_connections(stack):
    """64 in flight at 20/s: one's turn comes in about 3 s, and not never."""
    stack.sandbox.control("POST", "faults", {"path": "^/v1/", "delay": 0.4, "times": 0})
    alice = stack.session("alice")
    session = create(alice, plan="basic")["sessionId"]
    flood = Flood(stack, 64, lambda s, i: s.get(STATUS, params={"session_id": f"cs_test_{i}"}))
    try:
        status, seconds = timed(lambda: alice.get(STATUS, params={"session_id": session}))
    finally:
        flood.stop()
    assert status == 200 and seconds < 12


def test_one_account_does_not_hold_all_threads_of_checkout(stack):
    """Who waits for a lock of her own must leave threads to others."""
    stack.sandbox.control("POST", "faults", {"path": "^/v1/", "delay": 0.4, "times": 0})
    flood = Flood(stack, 32, lambda s, _: s.post("/billing/create-checkout-session", json={"plan": "basic"}))
    try:
        status, seconds = timed(lambda: stack.session("bob").post("/billing/create-checkout-session",
                                                                  json={"plan": "basic"}))
    finally:
        flood.stop()
    assert status == 200 and seconds < 5, (status, seconds)


def test_own_idempotency_key_does_not_bring_back_a_session_that_is_over(stack):
    alice = stack.session("alice")
    alice.headers["Idempotency-Key"] = "order 17"
    first = create(alice, plan="basic")["sessionId"]
    alice.post("/billing/expire-checkout-session", json={"sessionId": first})
    answer = alice.post("/billing/create-checkout-session", json={"plan": "basic"})
    assert answer.status_code == 409 or answer.json()["sessionId"] != first, error(answer.json())


@pytest.mark.parametrize("endpoint", ["create-checkout-session", "create-subscription"])
@pytest.mark.parametrize("plan, status", [('currency = "eur"', 400), ("", 200)], ids=["one currency", "any"])
def test_plan_of_one_currency_is_not_sold_in_a_cheaper_one(stack_factory, endpoint, plan, status):
    """Five rupees are not five euros."""
    stack = stack_factory(site={"plans": f'plan "basic" {{ lookup_key = "basic_monthly" {plan} }}'})
    stack.sandbox.api("POST", "/v1/prices", product="prod_basic", currency="eur", unit_amount=500,
                      lookup_key="basic_monthly", transfer_lookup_key="true",
                      **{"recurring[interval]": "month", "currency_options[inr][unit_amount]": 500})
    alice = stack.session("alice")
    answer = alice.post(f"/billing/{endpoint}", json={"plan": "basic", "currency": "inr"})
    assert answer.status_code == status, answer.text
    assert status == 200 or error(answer.json()) == ("parameter_invalid", "currency")
    assert alice.post(f"/billing/{endpoint}", json={"plan": "basic", "currency": "eur"}).status_code == 200


@pytest.mark.parametrize("read", [True, False], ids=["read", "only events"])
def test_debits_that_fail_do_not_carry_on_for_nothing(stack_factory, read):
    """Canceled before it fails, one after the other, with processing = allow. No event says that a
    debit is under way: who has not been read since is known by what the events do not say."""
    stack = stack_factory(gated={"members": "plan:basic"})
    mallory = stack.session("mallory")

    def buy_by_debit():
        stack.sandbox.control("POST", "delivery", {"hold": read})
        session = create(mallory, plan="basic")["sessionId"]
        pay(stack, session, card=FAILING_DEBIT)
        if read:
            assert mallory.get(STATUS, params={"session_id": session}).json()["status"] == "complete"
            stack.sandbox.control("POST", "delivery", {"hold": False})
            stack.sandbox.control("POST", "deliver")
        stack.settle()
        return mallory.get("/members/page").status_code

    assert buy_by_debit() == 200
    cancel(stack, subscriptions(stack)[0]["id"])
    stack.settle()
    assert buy_by_debit() == (stack.web.unpaid if read else 503)
    [debit] = [row["id"] for row in subscriptions(stack) if row["status"] == "active"]
    cancel(stack, debit)
    stack.settle()
    paid = create(mallory, plan="basic")["sessionId"]
    pay(stack, paid)
    stack.settle()
    assert mallory.get("/members/page").status_code == 200


BY_ENTITLEMENT = """
  plan "basic"   { lookup_key = "basic_monthly" }
  plan "premium" { lookup_keys = {"premium_monthly", "premium_yearly"} }
"""


def buy(stack, session, plan, card="4242424242424242"):
    """Its id, once the events came; what is doubtful was read."""
    before = {row["id"] for row in subscriptions(stack)}
    pay(stack, create(session, plan=plan)["sessionId"], card=card)
    stack.settle()
    sync_once(stack.site, "--once")
    [bought] = [row["id"] for row in subscriptions(stack) if row["id"] not in before]
    return bought


def fall_behind(stack, subscription, days):
    """past_due at Stripe, and since so long ago."""
    stack.sandbox.control("POST", f"subscriptions/{subscription}/set", {"status": "past_due"})
    stack.settle()
    [customer] = stack.sandbox.api("GET", "/v1/customers")["data"]
    stack.redis.client().hset("tollgate:{shop}:customer:%s" % customer["id"],
                              f"past_due_since:{subscription}", int(time.time()) - days * 86400)


@pytest.fixture
def entitled(stack_factory):
    return stack_factory(gated={"exports": "feature:exports", "basic": "plan:basic", "premium": "plan:premium"},
                         site={"plans": BY_ENTITLEMENT, "site_settings": 'processing = "wait"\npast_due_grace = "7d"'})


@pytest.mark.parametrize("unpaid", ["debit", "past_due"])
def test_a_feature_is_not_had_by_another_subscription(entitled, unpaid):
    """Stripe entitles the customer by premium, which does not pass here; basic does."""
    mallory = entitled.session("mallory")
    buy(entitled, mallory, "basic")
    assert mallory.get("/exports/page").status_code == entitled.web.unpaid
    premium = buy(entitled, mallory, "premium", DEBIT if unpaid == "debit" else "4242424242424242")
    if unpaid == "past_due":
        assert mallory.get("/exports/page").status_code == 200
        fall_behind(entitled, premium, days=8)
    assert mallory.get("/premium/page").status_code == entitled.web.unpaid
    assert mallory.get("/exports/page").status_code == entitled.web.unpaid
    assert mallory.get("/basic/page").status_code == 200


@pytest.mark.parametrize("unpaid", ["debit", "past_due"])
def test_a_feature_is_not_lost_by_another_subscription(entitled, unpaid):
    alice = entitled.session("alice")
    buy(entitled, alice, "premium")
    basic = buy(entitled, alice, "basic", DEBIT if unpaid == "debit" else "4242424242424242")
    if unpaid == "past_due":
        fall_behind(entitled, basic, days=8)
    assert alice.get("/basic/page").status_code == entitled.web.unpaid
    assert alice.get("/exports/page").status_code == 200


PREMIUM = """
  plan "basic"   { lookup_key = "basic_monthly" quantity_max = 5 }
  plan "premium" { lookup_keys = {"premium_monthly", "premium_yearly"} quantity_max = 5 %s }"""


def check_refused(session, code, param=None, **fields):
    """The change is neither shown nor made."""
    for endpoint in ("create-preview-invoice", "update-subscription"):
        assert error(post(session, endpoint, 409, **fields)) == (code, param)


def check_no_credit(stack, session, **fields):
    """The caller's only subscription is not changed."""
    [subscription] = subscriptions(stack)
    check_refused(session, "payment_due", "subscriptionId", subscriptionId=subscription["id"], **fields)
    assert stack.sandbox.api("GET", "/v1/customers")["data"][0]["balance"] == 0


def new_card(stack, session):
    """In place of the bank account, with which Stripe has no pending updates."""
    secret = post(session, "update-payment-method")["clientSecret"]
    confirm(stack, secret)
    post(session, "update-payment-method", setupIntentId=secret.split("_secret_")[0])


@pytest.mark.parametrize("fields", [{"newPlan": "basic"}, {"quantity": 1}], ids=["plan", "quantity"])
def test_what_follows_a_trial_is_no_credit_before_it_is_paid(stack_factory, fields):
    """Stripe says active, and leaves the first real invoice a draft for an hour."""
    stack = stack_factory(site={"plans": PREMIUM % "trial_days = 14"})
    stack.sandbox.control("POST", "clock", {"now": int(time.time()) - 14 * DAY - 60})
    mallory = stack.session("mallory")
    pay(stack, create(mallory, plan="premium", interval="year", quantity=3)["sessionId"], card=FAILING_CARD)
    stack.sandbox.control("POST", "clock", {"live": True})
    stack.settle()
    assert subscriptions(stack)[0]["status"] == "active"
    check_no_credit(stack, mallory, **fields)


@pytest.mark.parametrize("seconds", [10 * DAY, 1], ids=["processing", "failed"])
def test_debit_is_no_credit_before_it_is_paid(stack_factory, seconds):
    stack = stack_factory(site={"plans": PREMIUM % ""})
    stack.sandbox.control("POST", "settings", {"processing": seconds})
    stack.sandbox.control("POST", "clock", {"now": int(time.time())})
    mallory = stack.session("mallory")
    pay(stack, create(mallory, plan="premium", interval="year")["sessionId"], card=FAILING_DEBIT)
    if seconds == 1:
        stack.sandbox.control("POST", "clock/advance", {"by": 2})
    stack.settle()
    new_card(stack, mallory)
    assert subscriptions(stack)[0]["status"] == "active"
    check_no_credit(stack, mallory, newPlan="basic")


def test_first_payment_that_failed_is_no_credit_when_its_invoice_is_void(stack_factory):
    stack = stack_factory(site={"plans": PREMIUM % ""})
    stack.sandbox.control("POST", "settings", {"processing": 0})
    stack.sandbox.control("POST", "clock", {"now": int(time.time())})
    mallory = stack.session("mallory")
    pay(stack, create(mallory, plan="premium", interval="year")["sessionId"], card=FAILING_DEBIT)
    stack.sandbox.control("POST", "clock/advance", {"by": 1})
    stack.settle()
    stack.sandbox.api("POST", f"/v1/invoices/{subscriptions(stack)[0]['latest_invoice']}/void")
    new_card(stack, mallory)
    check_no_credit(stack, mallory, newPlan="basic")


def test_renewal_is_no_credit_while_its_debit_is_under_way(stack_factory):
    stack = stack_factory(site={"plans": PREMIUM % ""})
    stack.sandbox.control("POST", "settings", {"processing": 0})
    stack.sandbox.control("POST", "clock", {"now": int(time.time()) - 35 * DAY})
    mallory = stack.session("mallory")
    session = create(mallory, plan="premium", quantity=3)["sessionId"]
    pay(stack, session, card=DEBIT)
    stack.sandbox.control("POST", "clock/advance", {"by": 1})
    stack.sandbox.control("POST", "settings", {"processing": 10 * DAY})
    stack.sandbox.control("POST", "clock", {"live": True})
    stack.settle()
    assert mallory.get(STATUS, params={"session_id": session}).json()["subscription_status"] == "active"
    new_card(stack, mallory)
    [subscription] = subscriptions(stack)
    renewal = stack.sandbox.api("GET", f"/v1/invoices/{subscription['latest_invoice']}")
    assert (renewal["billing_reason"], renewal["status"]) == ("subscription_cycle", "open")
    check_no_credit(stack, mallory, quantity=1)


def test_trial_of_the_cheap_is_none_of_the_dear(stack_factory):
    stack = stack_factory(gated={"premium": "plan:premium"}, site={"plans": PREMIUM.replace(
        '"basic_monthly"', '"basic_monthly" trial_days = 30 trial_without_card = true') % ""})
    mallory = stack.session("mallory")
    subscribe(mallory, plan="basic")
    shown = post(mallory, "create-preview-invoice", newPlan="premium")
    assert shown["lines"]["data"][0]["period"]["start"] < shown["prorationDate"] + 60
    answer = post(mallory, "update-subscription", newPlan="premium", prorationDate=shown["prorationDate"])
    stack.settle()
    assert answer["subscription"]["plan"] == "basic"
    assert mallory.get("/premium/page").status_code == stack.web.unpaid
    paid = confirm(stack, answer["clientSecret"])
    assert (paid["status"], paid["amount"]) == ("succeeded", shown["amount_due"]) == ("succeeded", 1500)
    stack.settle()
    assert subscriptions(stack)[0]["status"] == "active"
    assert mallory.get("/premium/page").status_code == 200


def test_preview_is_not_kept_alive_by_a_payment_that_fails(stack):
    mallory = stack.session("mallory")
    subscription = subscribe(mallory, plan="basic")
    confirm(stack, subscription["clientSecret"])
    stack.settle()
    use_card(stack, subscription, FAILING_CARD)
    date = post(mallory, "create-preview-invoice", newPlan="premium")["prorationDate"]
    redis = stack.redis.client()
    [key] = redis.keys("tollgate:{shop}:preview:*")
    redis.expire(key, 30)
    first = post(mallory, "update-subscription", newPlan="premium", prorationDate=date)
    assert 0 < redis.ttl(key) <= 30
    assert post(mallory, "update-subscription", newPlan="premium", prorationDate=date) == first


def test_two_subscriptions_do_not_become_one_twice(stack):
    mallory = stack.session("mallory")
    confirm(stack, subscribe(mallory, plan="basic")["clientSecret"])
    premium = subscribe(mallory, plan="premium")
    stack.settle()
    check_refused(mallory, "already_subscribed", subscriptionId=premium["subscriptionId"], newPlan="basic")
