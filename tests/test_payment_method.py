"""retrieve-customer-payment-method: by what the caller pays, as Stripe names it."""
import time

import pytest
from test_checkout import error
from test_subscription import confirm, create

RETRIEVE = "/billing/retrieve-customer-payment-method"


def retrieve(session, status=200, **fields):
    answer = session.post(RETRIEVE, json=fields)
    assert answer.status_code == status, answer.text
    return answer.json()


def asked(stack):
    return len(stack.sandbox.requests())


@pytest.fixture
def alice(stack):
    """A subscriber with a card."""
    session = stack.session("alice")
    session.subscription = create(session, plan="basic")
    confirm(stack, session.subscription["clientSecret"])
    stack.settle()
    return session


def new_card(stack, session, token="pm_card_mastercard"):
    customer = stack.sandbox.api("GET", "/v1/customers")["data"][0]["id"]
    return stack.sandbox.api("POST", f"/v1/payment_methods/{token}/attach", customer=customer)["id"]


def test_card_of_the_subscription_is_the_default(stack, alice):
    method = retrieve(alice)
    assert (method["object"], method["type"]) == ("payment_method", "card")
    assert (method["card"]["brand"], method["card"]["last4"]) == ("visa", "4242")
    assert method["card"]["exp_month"] and method["card"]["exp_year"]
    assert retrieve(alice, subscriptionId=alice.subscription["subscriptionId"]) == method


def test_nothing_but_what_is_shown_leaves(stack, alice):
    method = retrieve(alice)
    assert "billing_details" not in method and "fingerprint" not in method["card"]
    [kept] = stack.redis.client().keys("*:payment_method:*")
    assert "fingerprint" not in stack.redis.client().get(kept)


def test_second_question_is_answered_without_stripe(stack, alice):
    first, before = retrieve(alice), asked(stack)
    assert retrieve(alice) == first
    assert asked(stack) == before


def test_named_one_of_her_own_is_shown(stack, alice):
    card = new_card(stack, alice)
    for _ in range(2):
        assert retrieve(alice, paymentMethodId=card)["card"]["brand"] == "mastercard"


def test_new_default_card_is_seen_once_its_event_is_here(stack, alice):
    assert retrieve(alice)["card"]["brand"] == "visa"
    time.sleep(1.1)  # events of one second, which say the same of a subscription, are one
    stack.sandbox.api("POST", f"/v1/subscriptions/{alice.subscription['subscriptionId']}",
                      default_payment_method=new_card(stack, alice))
    stack.settle()
    assert retrieve(alice)["card"]["brand"] == "mastercard"


@pytest.mark.parametrize("wanted", ["pm_nosuch", "../customers", "cus_x"])
def test_unknown_one_is_404(alice, wanted):
    answer = retrieve(alice, 404, paymentMethodId=wanted)
    assert error(answer) == ("payment_method_unknown", "paymentMethodId")


def test_somebody_elses_looks_like_none_also_when_it_was_just_shown(stack, alice):
    card = retrieve(alice)["id"]
    retrieve(alice, paymentMethodId=card)
    mallory = stack.session("mallory")
    for session in (mallory, stack.session("bob")):
        assert error(retrieve(session, 404, paymentMethodId=card))[0] == "payment_method_unknown"
    create(mallory)
    assert error(retrieve(mallory, 404, paymentMethodId=card))[0] == "payment_method_unknown"
    answer = retrieve(mallory, 404, subscriptionId=alice.subscription["subscriptionId"])
    assert error(answer) == ("subscription_unknown", "subscriptionId")


def test_who_has_none_is_told_so(stack):
    alice = stack.session("alice")
    assert error(retrieve(alice, 404))[0] == "payment_method_unknown"
    create(alice)
    assert error(retrieve(alice, 404))[0] == "payment_method_unknown"


def test_bank_debit_shows_its_account(stack):
    alice = stack.session("alice")
    answer = create(alice, plan="basic")
    method = stack.sandbox.api("POST", "/v1/payment_methods", type="sepa_debit", **{
        "sepa_debit[iban]": "AT321904300235473204", "billing_details[name]": "Alice",
        "billing_details[email]": "a@example.com"})
    intent = answer["clientSecret"].split("_secret_")[0]
    stack.sandbox.api("POST", f"/v1/payment_intents/{intent}/confirm", payment_method=method["id"],
                      return_url=stack.url, **{"mandate_data[customer_acceptance][type]": "offline"})
    stack.settle()
    shown = retrieve(alice)
    assert (shown["type"], shown["sepa_debit"]["last4"]) == ("sepa_debit", "3204")


def test_stranger_is_refused(stack):
    assert stack.session().post(RETRIEVE, json={}).status_code == 401
