"""One user, one sale, one trial: whatever she clicks, on whatever host, in however many tabs."""
import hashlib
import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from test_attacks import cancel, subscriptions
from test_checkout import SESSIONS, calls, error, pay
from test_checkout import create as check_out
from test_subscription import at_stripe, confirm, every, hold_events
from test_subscription import create as subscribe
from testenv.hosts import Hosts
from testenv.sync import sync_once

CHECKOUT = ("checkout", "create-checkout-session", "alice")
FORM = ("subscription", "create-subscription", "alice")
TWO_TRIALS = """
  plan "basic"   { lookup_key = "basic_monthly" trial_days = 7 }
  plan "premium" { lookup_keys = {"premium_monthly", "premium_yearly"} trial_days = 14 trial_without_card = true }
"""


@pytest.fixture
def hosts(stack):
    """Three processes of each program."""
    hosts = Hosts(stack, ["checkout", "subscription"], count=3)
    yield hosts
    hosts.stop()


def fifty(hosts, *asks):
    """Fifty clicks at the same time; the answers that are no refusal."""
    answers = hosts.at_once(itertools.islice(itertools.cycle(asks), 50))
    assert {status for status, _ in answers} <= {200, 409, 429}, answers
    refusals = {answer["error"]["code"] for status, answer in answers if status != 200}
    assert refusals <= {"busy", "rate_limited", "already_subscribed"}
    return [answer for status, answer in answers if status == 200]


def payable(stack):
    """What she could pay for now."""
    sessions = [each for each in stack.sandbox.api("GET", SESSIONS, limit=100)["data"] if each["status"] == "open"]
    return sessions + [each for each in subscriptions(stack) if each["status"] == "incomplete"]


def test_fifty_clicks_make_one_checkout_session(stack, hosts):
    answers = fifty(hosts, (CHECKOUT, {"plan": "basic"}))
    assert len(answers) > 1 and len({answer["sessionId"] for answer in answers}) == 1
    assert len(calls(stack, SESSIONS)) == len(calls(stack, "/v1/customers")) == 1


def test_fifty_clicks_make_one_subscription(stack, hosts):
    answers = fifty(hosts, (FORM, {"plan": "basic"}))
    assert len(answers) > 1 and len({answer["clientSecret"] for answer in answers}) == 1
    assert len(calls(stack, "/v1/subscriptions")) == len(calls(stack, "/v1/customers")) == 1


@pytest.mark.parametrize("asks", [
    [(CHECKOUT, {"plan": "basic"}), (FORM, {"plan": "basic"})],
    [(CHECKOUT, {"plan": "basic"}), (CHECKOUT, {"plan": "premium", "interval": "year"})],
    [(CHECKOUT, {"plan": "premium"}), (FORM, {"plan": "basic"})],
], ids=["checkout and own form", "two plans", "two plans, checkout and own form"])
def test_fifty_clicks_in_several_tabs_leave_one_thing_to_be_paid(stack, hosts, asks):
    assert len(fifty(hosts, *asks)) > 1
    assert len(payable(stack)) == 1
    assert len(calls(stack, "/v1/customers")) == 1


def test_fifty_clicks_in_both_forms_begin_one_trial(stack, hosts):
    fifty(hosts, (CHECKOUT, {"plan": "premium"}), (FORM, {"plan": "premium"}))
    assert [each["status"] for each in subscriptions(stack)] == ["trialing"]
    assert payable(stack) == []


def test_checkout_takes_the_place_of_what_waits_in_the_own_form(stack):
    alice = stack.session("alice")
    waiting = subscribe(alice, plan="basic")
    session = check_out(alice, plan="basic")["sessionId"]
    assert at_stripe(stack, waiting)["status"] in ("canceled", "incomplete_expired")
    assert [each["id"] for each in payable(stack)] == [session]
    pay(stack, session)
    assert [each["status"] for each in every(stack)].count("active") == 1


def test_checkout_of_another_plan_does_so_too(stack):
    alice = stack.session("alice")
    subscribe(alice, plan="basic")
    session = check_out(alice, plan="premium")["sessionId"]
    assert [each["id"] for each in payable(stack)] == [session]


def test_checkout_notices_that_the_own_form_was_paid_although_no_event_came(stack):
    hold_events(stack)
    alice = stack.session("alice")
    confirm(stack, subscribe(alice, plan="basic")["clientSecret"])
    assert error(check_out(alice, status=409, plan="basic")) == ("already_subscribed", None)
    assert [each["status"] for each in every(stack)] == ["active"]


QUANTITIES = """
  plan "basic"   { lookup_key = "basic_monthly" quantity_max = 5 }
  plan "premium" { lookup_keys = {"premium_monthly", "premium_yearly"} }
"""


@pytest.mark.parametrize("endpoint", ["create-subscription", "create-checkout-session"])
@pytest.mark.parametrize("other, status", [({"plan": "premium"}, 200), ({"plan": "basic", "quantity": 2}, 409)],
                         ids=["another product", "the same"])
def test_what_is_paid_while_it_is_given_up_is_kept(stack_factory, endpoint, other, status):
    """In one tab she buys something else, and pays in the other before Stripe hears of it."""
    stack = stack_factory(site={"plans": QUANTITIES})
    alice = stack.session("alice")
    first = subscribe(alice, plan="basic")
    for method in ("POST", "DELETE"):
        stack.sandbox.control("POST", "faults", {"method": method, "path": "^/v1/(subscriptions|invoices)/", "delay": 1.0})
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(alice.post, f"/billing/{endpoint}", json=other)
        time.sleep(0.5)
        assert confirm(stack, first["clientSecret"])["status"] == "succeeded"
    assert answer.result().status_code == status, answer.result().text
    assert status == 200 or error(answer.result().json()) == ("already_subscribed", None)
    assert at_stripe(stack, first)["status"] == "active"
    stack.settle()


def set_incomplete(stack, waiting):
    """Although its invoice says otherwise."""
    stack.sandbox.control("POST", f"subscriptions/{waiting['subscriptionId']}/set",
                          {"status": "incomplete", "event": False})


@pytest.mark.parametrize("other, status", [({"plan": "premium"}, 200), ({"plan": "basic", "quantity": 2}, 409)],
                         ids=["another product", "the same"])
def test_payment_that_is_under_way_is_not_given_up(stack_factory, other, status):
    stack = stack_factory(site={"plans": QUANTITIES})
    hold_events(stack)
    alice = stack.session("alice")
    first = subscribe(alice, plan="basic")
    debit = stack.sandbox.api("POST", "/v1/payment_methods", type="sepa_debit", **{
        "sepa_debit[iban]": "AT321904300235473204", "billing_details[name]": "Alice",
        "billing_details[email]": "alice@example.com"})
    assert confirm(stack, first["clientSecret"], debit["id"])["status"] == "processing"
    set_incomplete(stack, first)
    answer = subscribe(alice, status=status, **other)
    assert status == 200 or error(answer) == ("busy", None)
    assert at_stripe(stack, first)["status"] == "incomplete"


@pytest.mark.parametrize("create", [check_out, subscribe])
def test_order_without_an_invoice_to_be_paid_is_canceled(stack, create):
    hold_events(stack)
    alice = stack.session("alice")
    first = subscribe(alice, plan="basic")
    stack.sandbox.api("POST", f"/v1/invoices/{at_stripe(stack, first)['latest_invoice']}/void")
    set_incomplete(stack, first)
    create(alice, plan="premium")
    assert at_stripe(stack, first)["status"] == "incomplete_expired"


def test_refusal_of_a_moment_ago_is_not_met_again(stack):
    """Stripe keeps its answers to a key."""
    alice = stack.session("alice")
    first = subscribe(alice, plan="basic")
    stack.sandbox.control("POST", "faults", {"method": "POST", "path": "/void$", "status": 500, "store": True})
    subscribe(alice, status=502, plan="premium")
    subscribe(alice, plan="premium")
    assert at_stripe(stack, first)["status"] == "incomplete_expired"


def test_payment_that_a_checkout_has_in_hand_is_left_to_it(stack):
    """Its subscription is incomplete for a moment, and not of the own form."""
    alice = stack.session("alice")
    check_out(alice, plan="basic")
    [customer] = stack.sandbox.api("GET", "/v1/customers")["data"]
    [price] = stack.sandbox.api("GET", "/v1/prices", **{"lookup_keys[]": "basic_monthly"})["data"]
    made = stack.sandbox.api("POST", "/v1/subscriptions", customer=customer["id"], payment_behavior="default_incomplete",
                             **{"items[0][price]": price["id"]})
    stack.settle()
    check_out(alice, plan="basic")
    assert stack.sandbox.api("GET", f"/v1/subscriptions/{made['id']}")["status"] == "incomplete"


def begin_trial(stack, session, way, plan):
    """The subscription that she got."""
    if way == "checkout":
        pay(stack, check_out(session, plan=plan)["sessionId"])
    else:
        subscribe(session, plan=plan)
    stack.settle()
    return subscriptions(stack)[0]


@pytest.mark.parametrize("first, second", itertools.product(["checkout", "form"], repeat=2))
def test_no_trial_after_a_trial_was_canceled(stack, first, second):
    alice = stack.session("alice")
    trial = begin_trial(stack, alice, first, "premium")
    assert trial["status"] == "trialing"
    cancel(stack, trial["id"])
    stack.settle()
    assert begin_trial(stack, alice, second, "premium")["trial_end"] is None


def test_no_trial_for_another_plan_before_the_first_is_known(stack_factory):
    """Paid a moment ago, and no event has come."""
    stack = stack_factory(site={"plans": TWO_TRIALS})
    hold_events(stack)
    alice = stack.session("alice")
    pay(stack, check_out(alice, plan="premium")["sessionId"])
    pay(stack, check_out(alice, plan="basic")["sessionId"])
    assert [each["status"] for each in subscriptions(stack)] == ["active", "trialing"]


def second_customer(stack, user="alice"):
    """As after a merger of accounts; known to Redis by its event, and linked after the first."""
    made = stack.sandbox.api("POST", "/v1/customers", **{"metadata[tollgate_user]": user,
                                                        "metadata[tollgate_site]": "shop"})
    stack.settle()
    stack.redis.client().hincrby(f"tollgate:{{shop}}:user:{hashlib.sha256(user.encode()).hexdigest()}",
                                 f"customer:{made['id']}", 10)
    return made["id"]


def sell(stack, customer, lookup_key="basic_monthly", **more):
    [price] = stack.sandbox.api("GET", "/v1/prices", **{"lookup_keys[]": lookup_key})["data"]
    card = stack.sandbox.api("POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer)
    made = stack.sandbox.api("POST", "/v1/subscriptions", customer=customer, default_payment_method=card["id"],
                             **{"items[0][price]": price["id"]}, **more)
    stack.settle()
    return made["id"]


@pytest.mark.parametrize("way", ["checkout", "form"])
def test_no_trial_for_another_customer_of_the_same_user(stack, way):
    alice = stack.session("alice")
    check_out(alice, plan="basic")
    cancel(stack, sell(stack, second_customer(stack), "premium_monthly", trial_period_days=14))
    stack.settle()
    assert begin_trial(stack, alice, way, "premium")["trial_end"] is None


@pytest.mark.parametrize("way", ["checkout", "form"])
def test_a_site_may_give_it_again(stack_factory, way):
    stack = stack_factory(site={"site_settings": "one_trial_per_customer = false"})
    alice = stack.session("alice")
    for _ in range(2):
        trial = begin_trial(stack, alice, way, "premium")
        assert trial["status"] == "trialing"
        cancel(stack, trial["id"])
        stack.settle()


@pytest.mark.parametrize("create", [check_out, subscribe])
def test_second_sale_is_refused_whichever_customer_has_the_first(stack, create):
    alice = stack.session("alice")
    check_out(alice, plan="premium")
    sell(stack, second_customer(stack))
    assert error(create(alice, status=409, plan="basic")) == ("already_subscribed", None)


def told(stack):
    """What the site was told of second subscriptions."""
    notices = stack.redis.client().xrange("tollgate:{shop}:notices")
    return [json.loads(notice["data"]) for _, notice in notices if notice["type"] == "duplicate_subscription"]


def test_second_subscription_is_told_whichever_customer_has_the_first(stack):
    alice = stack.session("alice")
    pay(stack, check_out(alice, plan="basic")["sessionId"])
    stack.settle()
    [first] = subscriptions(stack)
    second = sell(stack, second_customer(stack), "premium_monthly")
    assert told(stack) == [{"subscription": second, "other": first["id"]}]


def test_only_what_lives_and_is_hers_is_told_of(stack):
    sell(stack, second_customer(stack, "bob"))
    cancel(stack, sell(stack, second_customer(stack)))
    stack.settle()
    sell(stack, second_customer(stack))
    assert told(stack) == []


def test_second_subscription_is_told_when_only_a_reading_finds_it(stack):
    """The link is of before, the event was lost."""
    first = sell(stack, second_customer(stack))
    other = second_customer(stack)
    stack.sandbox.control("POST", "delivery", {"drop": 1.0})
    second = sell(stack, other, "premium_monthly")
    stack.redis.client().zadd("tollgate:{shop}:dirty", {other: 1})
    sync_once(stack.site, "--once")
    assert told(stack) == [{"subscription": second, "other": first}]


def test_two_customers_whose_ends_were_lost_can_buy_again_at_once(stack):
    sold = [sell(stack, second_customer(stack)) for _ in range(2)]
    stack.sandbox.control("POST", "delivery", {"drop": 1.0})
    for subscription in sold:
        cancel(stack, subscription)
    assert check_out(stack.session("alice"), plan="basic")["url"]
