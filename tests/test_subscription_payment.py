"""pay-invoice and update-payment-method: back to active by her own hand."""
import time

import pytest
from test_checkout import calls, error
from test_subscription import at_stripe, confirm, create, hold_events, listed
from test_subscription_change import DAY, buy, end, post, set_at_stripe, use_card

INTENTS = "/v1/setup_intents"
FAILS = "4000000000000341"
GOOD = "pm_card_mastercard"


def pay(session, bought, status=200):
    return post(session, "pay-invoice", status, subscriptionId=bought["subscriptionId"])


def new_card(session, bought, status=200, **fields):
    return post(session, "update-payment-method", status, subscriptionId=bought["subscriptionId"], **fields)


def finish(session, secret, status=200):
    return post(session, "update-payment-method", status, setupIntentId=secret.split("_secret_")[0])


def renewal_failed(stack, days, end_of_retries="unpaid"):
    """Somebody whose card has failed since her period ended."""
    stack.sandbox.control("POST", "settings", {"retries": {"schedule_days": [1, 2], "end": end_of_retries}})
    stack.sandbox.control("POST", "clock", {"now": int(time.time()) - days * DAY})
    alice, bought = buy(stack)
    use_card(stack, bought, FAILS)
    stack.sandbox.control("POST", "clock", {"live": True})
    stack.settle()
    return alice, bought


@pytest.fixture
def own(stack):
    yield stack
    stack.settle()


def test_past_due_subscriber_pays_and_is_active(own):
    alice, bought = renewal_failed(own, 32, "past_due")
    assert at_stripe(own, bought)["status"] == "past_due"
    answer = pay(alice, bought)
    assert answer["amountDue"] == 500
    confirm(own, answer["clientSecret"])
    own.settle()
    assert listed(alice)[0]["status"] == at_stripe(own, bought)["status"] == "active"


def test_incomplete_subscriber_pays_and_is_active(own):
    alice = own.session("alice")
    bought = create(alice, plan="basic")
    answer = pay(alice, bought)
    assert answer == {"clientSecret": bought["clientSecret"], "amountDue": 500}
    confirm(own, answer["clientSecret"])
    own.settle()
    assert listed(alice)[0]["status"] == "active"


def test_unpaid_subscriber_pays_her_latest_draft(own):
    alice, bought = renewal_failed(own, 64)
    drafted = at_stripe(own, bought)
    assert drafted["status"] == "unpaid"
    assert own.sandbox.api("GET", f"/v1/invoices/{drafted['latest_invoice']}")["status"] == "draft"
    answer = pay(alice, bought)
    invoice = own.sandbox.api("GET", f"/v1/invoices/{drafted['latest_invoice']}")
    assert (invoice["status"], invoice["auto_advance"], answer["amountDue"]) == ("open", True, 500)
    assert pay(alice, bought) == answer
    confirm(own, answer["clientSecret"])
    own.settle()
    assert listed(alice)[0]["status"] == at_stripe(own, bought)["status"] == "active"


def test_unpaid_subscriber_without_a_draft_pays_what_is_open(own):
    alice, bought = renewal_failed(own, 36)
    assert at_stripe(own, bought)["status"] == "unpaid"
    confirm(own, pay(alice, bought)["clientSecret"])
    assert at_stripe(own, bought)["status"] == "active"


def test_open_invoice_behind_a_draft_is_found(own):
    """The latest one is a draft for its first hour."""
    alice, bought = renewal_failed(own, 32, "past_due")
    owed = at_stripe(own, bought)["latest_invoice"]
    paid = own.sandbox.api("GET", "/v1/invoices", status="paid")["data"][0]["id"]
    set_at_stripe(own, bought, latest_invoice=paid)
    secret = pay(alice, bought)["clientSecret"]
    confirm(own, secret)
    assert own.sandbox.api("GET", f"/v1/invoices/{owed}")["status"] == "paid"


def test_who_owes_nothing_is_told_so(stack):
    alice, bought = buy(stack)
    assert error(pay(alice, bought, status=409)) == ("nothing_due", "subscriptionId")


def test_what_has_ended_is_not_paid_for(stack):
    alice, bought = buy(stack)
    hold_events(stack)
    end(stack, bought)
    assert error(pay(alice, bought, status=409)) == ("subscription_ended", "subscriptionId")
    assert listed(alice)[0]["status"] == "canceled"


def test_nobody_pays_or_sees_what_another_owes(stack):
    alice = stack.session("alice")
    bought = create(alice, plan="basic")
    mallory = stack.session("mallory")
    assert error(pay(mallory, bought, status=404)) == ("subscription_unknown", "subscriptionId")
    assert error(new_card(mallory, bought, status=404)) == ("subscription_unknown", "subscriptionId")
    assert not calls(stack, INTENTS)


def test_new_card_is_charged_from_now_on(stack):
    alice, bought = buy(stack)
    secret = new_card(alice, bought)["clientSecret"]
    method = confirm(stack, secret, GOOD)["payment_method"]
    hold_events(stack)
    answer = finish(alice, secret)
    assert answer == {"status": "succeeded", "clientSecret": None, "paymentMethodId": method}
    subscription = at_stripe(stack, bought)
    customer = stack.sandbox.api("GET", f"/v1/customers/{subscription['customer']}")
    assert subscription["default_payment_method"] == method
    assert customer["invoice_settings"]["default_payment_method"] == method


def test_new_card_is_shown_at_once(stack):
    alice, bought = buy(stack)
    shown = "retrieve-customer-payment-method"
    before = post(alice, shown, subscriptionId=bought["subscriptionId"])
    secret = new_card(alice, bought)["clientSecret"]
    confirm(stack, secret, GOOD)
    stack.settle()
    hold_events(stack)
    finish(alice, secret)
    after = post(alice, shown, subscriptionId=bought["subscriptionId"])
    assert (before["card"]["brand"], after["card"]["brand"]) == ("visa", "mastercard")


def test_card_is_not_changed_before_it_is_confirmed(stack):
    alice, bought = buy(stack)
    before = at_stripe(stack, bought)["default_payment_method"]
    secret = new_card(alice, bought)["clientSecret"]
    assert finish(alice, secret) == {"status": "requires_payment_method", "clientSecret": secret,
                                     "paymentMethodId": None}
    assert at_stripe(stack, bought)["default_payment_method"] == before


def test_card_for_all_when_none_is_named(stack):
    alice, basic = buy(stack)
    premium = create(alice, plan="premium")
    secret = post(alice, "update-payment-method")["clientSecret"]
    method = confirm(stack, secret, GOOD)["payment_method"]
    finish(alice, secret)
    assert [at_stripe(stack, one)["default_payment_method"] for one in (basic, premium)] == [method, method]
    stack.settle()


def test_card_for_one_leaves_the_other_alone(stack):
    alice, basic = buy(stack)
    premium = create(alice, plan="premium")
    secret = new_card(alice, premium)["clientSecret"]
    method = confirm(stack, secret, GOOD)["payment_method"]
    finish(alice, secret)
    assert at_stripe(stack, premium)["default_payment_method"] == method
    assert at_stripe(stack, basic)["default_payment_method"] != method
    stack.settle()


def test_setup_intent_of_another_is_as_one_that_is_none(stack):
    alice, bought = buy(stack)
    mallory, hers = buy(stack, "mallory")
    secret = new_card(alice, bought)["clientSecret"]
    confirm(stack, secret, GOOD)
    assert error(finish(mallory, secret, status=404)) == error(finish(mallory, "seti_none", status=404)) == (
        "setup_intent_unknown", "setupIntentId")
    assert error(finish(mallory, "../customers", status=404))[0] == "setup_intent_unknown"


def test_each_new_card_has_an_intent_of_its_own(stack):
    """One that has succeeded could not be confirmed again."""
    alice, bought = buy(stack)
    first = new_card(alice, bought)["clientSecret"]
    confirm(stack, first, GOOD)
    assert new_card(alice, bought)["clientSecret"] != first


def test_who_never_bought_has_no_card_to_change(stack):
    answer = post(stack.session("alice"), "update-payment-method", 404)
    assert error(answer) == ("customer_missing", None)


def test_new_card_pays_what_is_open(own):
    alice, bought = renewal_failed(own, 32, "past_due")
    secret = new_card(alice, bought)["clientSecret"]
    method = confirm(own, secret, GOOD)["payment_method"]
    finish(alice, secret)
    confirm(own, pay(alice, bought)["clientSecret"], method)
    assert at_stripe(own, bought)["status"] == "active"


def test_failure_of_the_second_write_is_repaired_by_asking_again(stack):
    alice, bought = buy(stack)
    secret = new_card(alice, bought)["clientSecret"]
    method = confirm(stack, secret, GOOD)["payment_method"]
    stack.sandbox.control("POST", "faults", {"method": "POST", "path": "^/v1/customers/", "status": 500,
                                             "store": True, "times": 1})
    finish(alice, secret, status=502)
    assert finish(alice, secret)["paymentMethodId"] == method
    customer = stack.sandbox.api("GET", f"/v1/customers/{at_stripe(stack, bought)['customer']}")
    assert customer["invoice_settings"]["default_payment_method"] == method
