"""create-subscription and subscriptions: the site's own form, through nginx, against the Stripe stand-in."""
from concurrent.futures import ThreadPoolExecutor

import pytest
from test_checkout import calls, error, pay, seed_fee
from test_checkout import create as check_out

CREATE = "/billing/create-subscription"
LIST = "/billing/subscriptions"
SUBSCRIPTIONS = "/v1/subscriptions"


def create(session, status=200, **fields):
    answer = session.post(CREATE, json=fields or {"plan": "basic"})
    assert answer.status_code == status, answer.text
    return answer.json()


def confirm(stack, secret, method="pm_card_visa"):
    """What Stripe.js does with a client secret. The intent."""
    intent = secret.split("_secret_")[0]
    kind = "setup_intents" if intent.startswith("seti_") else "payment_intents"
    return stack.sandbox.api("POST", f"/v1/{kind}/{intent}/confirm", payment_method=method,
                             return_url=f"{stack.url}/billing/return")


def at_stripe(stack, answer):
    return stack.sandbox.api("GET", f"{SUBSCRIPTIONS}/{answer['subscriptionId']}")


def every(stack):
    return stack.sandbox.api("GET", SUBSCRIPTIONS, status="all")["data"]


def listed(session):
    answer = session.get(LIST)
    assert answer.status_code == 200, answer.text
    return answer.json()["subscriptions"]["data"]


def hold_events(stack):
    stack.sandbox.control("POST", "delivery", {"hold": True})


def end(stack, answer):
    """As somebody in Stripe's dashboard would."""
    stack.sandbox.session.delete(f"{stack.sandbox.base}{SUBSCRIPTIONS}/{answer['subscriptionId']}",
                                 headers={"Authorization": "Bearer sk_test_sandbox"})


def test_payment_is_asked_for_and_then_it_is_active(stack):
    alice = stack.session("alice")
    answer = create(alice, plan="basic")
    assert (answer["type"], answer["status"]) == ("payment", "incomplete")
    confirm(stack, answer["clientSecret"])
    stack.settle()
    [subscription] = listed(alice)
    assert (subscription["id"], subscription["status"]) == (answer["subscriptionId"], "active")


def test_stripe_is_asked_as_the_guides_ask(stack):
    create(stack.session("alice"), plan="basic")
    [call] = calls(stack, SUBSCRIPTIONS)
    assert call["params"]["payment_behavior"] == "default_incomplete"
    assert call["params"]["payment_settings"] == {"save_default_payment_method": "on_subscription"}
    assert call["params"]["billing_mode"] == {"type": "flexible"}
    assert call["params"]["metadata"]["tollgate_user"] == "alice"
    assert call["params"]["metadata"]["tollgate_site"] == "shop"
    assert call["headers"]["idempotency_key"]


def test_it_is_listed_at_once_although_no_event_came(stack):
    hold_events(stack)
    alice = stack.session("alice")
    answer = create(alice, plan="basic")
    [subscription] = listed(alice)
    assert (subscription["id"], subscription["status"]) == (answer["subscriptionId"], "incomplete")
    assert subscription["plan"] == "basic"
    assert subscription["items"]["data"][0]["price"] == {
        "id": subscription["items"]["data"][0]["price"]["id"], "lookup_key": "basic_monthly",
        "product": "prod_basic", "unit_amount": 500, "currency": "eur", "interval": "month"}


def test_nobody_elses_are_listed(stack):
    create(stack.session("alice"))
    assert listed(stack.session("bob")) == []


@pytest.mark.parametrize("fields, code, param", [
    ({"plan": "gold"}, "plan_unknown", "plan"),
    ({"plan": "free"}, "plan_free", "plan"),
    ({"priceId": "price_of_another_site"}, "price_not_in_plans", "priceId"),
    ({"plan": "basic", "quantity": 2}, "parameter_invalid", "quantity"),
    ({"plan": "basic", "promotionCode": "NOSUCH"}, "promotion_code_unknown", "promotionCode"),
    ({"plan": "basic", "currency": "jpy"}, None, "currency"),
    ({"plan": "basic", "customerId": ["cus_1"]}, "parameter_invalid", "customerId"),
])
def test_refusal_names_field_and_reason_and_makes_nothing(stack, fields, code, param):
    answer = create(stack.session("alice"), status=400, **fields)
    assert error(answer) == (code or answer["error"]["code"], param)
    assert not every(stack)


@pytest.mark.parametrize("path", [CREATE])
def test_stranger_and_other_sites_page_are_refused(stack, path):
    assert stack.session().post(path, json={"plan": "basic"}).status_code == 401
    alice = stack.session("alice", cookie=True)
    alice.headers["Sec-Fetch-Site"] = "cross-site"
    assert alice.post(path, json={"plan": "basic"}).status_code == 403
    assert not every(stack)


def test_customer_of_somebody_else_looks_like_none(stack):
    create(stack.session("alice"))
    [customer] = stack.sandbox.api("GET", "/v1/customers")["data"]
    for wanted in (customer["id"], "cus_nosuch"):
        answer = create(stack.session("mallory"), status=404, plan="basic", customerId=wanted)
        assert error(answer) == ("customer_unknown", "customerId")
    assert len(every(stack)) == 1


def test_own_customer_is_taken(stack):
    alice = stack.session("alice")
    create(alice, plan="basic")
    [customer] = stack.sandbox.api("GET", "/v1/customers")["data"]
    assert create(alice, plan="basic", customerId=customer["id"])["status"] == "incomplete"


def test_same_plan_again_is_the_same_secret(stack):
    alice = stack.session("alice")
    assert create(alice, plan="basic") == create(alice, plan="basic")
    assert len(calls(stack, SUBSCRIPTIONS)) == 1


def test_other_plan_cancels_the_one_that_waits(stack):
    alice = stack.session("alice")
    first, second = create(alice, plan="basic"), create(alice, plan="premium")
    assert at_stripe(stack, first)["status"] in ("canceled", "incomplete_expired")
    assert at_stripe(stack, second)["status"] == "trialing"
    assert create(alice, plan="basic")["subscriptionId"] != first["subscriptionId"]


def test_other_quantity_is_another_purchase(stack_factory):
    stack = stack_factory(site={"plans": 'plan "basic" { lookup_key = "basic_monthly" quantity_max = 5 }'})
    alice = stack.session("alice")
    first, second = create(alice, plan="basic"), create(alice, plan="basic", quantity=3)
    assert at_stripe(stack, first)["status"] in ("canceled", "incomplete_expired")
    assert at_stripe(stack, second)["items"]["data"][0]["quantity"] == 3


def test_clicks_at_the_same_time_make_one_subscription_and_one_customer(stack):
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: create(stack.session("alice"), plan="basic"), range(6)))
    assert len({answer["clientSecret"] for answer in answers}) == 1
    assert len(every(stack)) == 1
    assert len(stack.sandbox.api("GET", "/v1/customers")["data"]) == 1


def test_clicks_at_the_same_time_begin_one_trial(stack):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: create(stack.session("alice"), plan="premium"), range(4)))
    assert len({answer["subscriptionId"] for answer in answers}) == 1
    assert len(every(stack)) == 1


def test_second_subscription_to_the_product_is_refused(stack):
    alice = stack.session("alice")
    confirm(stack, create(alice, plan="basic")["clientSecret"])
    stack.settle()
    assert error(create(alice, status=409, plan="basic")) == ("already_subscribed", None)
    assert create(alice, plan="premium")["status"] == "trialing"


def test_subscription_of_checkout_is_refused_too(stack):
    alice = stack.session("alice")
    hold_events(stack)
    pay(stack, check_out(alice, plan="basic")["sessionId"])
    assert error(create(alice, status=409, plan="basic")) == ("already_subscribed", None)
    assert len(every(stack)) == 1


def test_open_checkout_is_expired_so_that_it_cannot_be_paid_too(stack):
    alice = stack.session("alice")
    session = check_out(alice, plan="basic")["sessionId"]
    create(alice, plan="basic")
    assert stack.sandbox.api("GET", f"/v1/checkout/sessions/{session}")["status"] == "expired"
    assert check_out(alice, plan="premium")["sessionId"] != session


def test_paid_one_is_noticed_although_no_event_came(stack):
    hold_events(stack)
    alice = stack.session("alice")
    confirm(stack, create(alice, plan="basic")["clientSecret"])
    assert error(create(alice, status=409, plan="basic")) == ("already_subscribed", None)
    assert listed(alice)[0]["status"] == "active"


def test_ended_one_is_bought_again_although_the_event_was_lost(stack):
    alice = stack.session("alice")
    first = create(alice, plan="basic")
    confirm(stack, first["clientSecret"])
    stack.settle()
    stack.sandbox.control("POST", "delivery", {"drop": 1.0})
    end(stack, first)
    second = create(alice, plan="basic")
    assert second["subscriptionId"] != first["subscriptionId"] and second["status"] == "incomplete"


def test_one_that_expired_unpaid_is_made_anew(stack):
    alice = stack.session("alice")
    first = create(alice, plan="basic")
    end(stack, first)
    second = create(alice, plan="basic")
    assert second["subscriptionId"] != first["subscriptionId"]
    confirm(stack, second["clientSecret"])
    assert at_stripe(stack, second)["status"] == "active"


def test_lost_answer_is_repeated_with_the_same_idempotency_key(stack):
    stack.sandbox.control("POST", "faults", {"method": "POST", "path": "^/v1/subscriptions$", "drop": "after"})
    create(stack.session("alice"), plan="basic")
    first, second = calls(stack, SUBSCRIPTIONS)
    assert first["headers"]["idempotency_key"] == second["headers"]["idempotency_key"]
    assert len(every(stack)) == 1


def test_stored_failure_is_not_met_again(stack):
    alice = stack.session("alice")
    stack.sandbox.control("POST", "faults", {"method": "POST", "path": "^/v1/subscriptions$",
                                             "status": 500, "store": True, "times": 1})
    assert create(alice, status=502)["error"]["type"] == "api_error"
    assert create(alice)["clientSecret"]


def test_attempt_in_doubt_is_taken_up_again(stack_factory):
    """Stripe made it, and neither an answer nor an event told of it."""
    stack = stack_factory(site={"settings": 'stripe_timeout = "2s"'})
    hold_events(stack)
    alice = stack.session("alice")
    stack.sandbox.control("POST", "faults", {"method": "POST", "path": "^/v1/subscriptions$",
                                             "drop": "after", "times": 0})
    create(alice, status=503)
    stack.sandbox.control("DELETE", "faults")
    answer = create(alice)
    assert [answer["subscriptionId"]] == [one["id"] for one in every(stack)]


def test_customer_deleted_at_stripe_is_replaced(stack):
    alice = stack.session("alice")
    create(alice, plan="basic")
    stack.sandbox.control("POST", "delivery", {"drop": 1.0})
    [customer] = stack.sandbox.api("GET", "/v1/customers")["data"]
    stack.sandbox.session.delete(f"{stack.sandbox.base}/v1/customers/{customer['id']}",
                                 headers={"Authorization": "Bearer sk_test_sandbox"})
    assert at_stripe(stack, create(alice, plan="premium"))["customer"] != customer["id"]


def test_redis_down_is_503_and_asks_stripe_nothing(stack):
    stack.redis.stop()
    try:
        answer = stack.session("alice").post(CREATE, json={"plan": "basic"})
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
        assert stack.session("alice").get(LIST).status_code == 503
        assert not calls(stack, SUBSCRIPTIONS)
    finally:
        stack.redis.start()


TRIALS = """
  plan "basic"   { lookup_key = "basic_monthly" trial_days = 7 }
  plan "premium" { lookup_key = "premium_monthly" trial_days = 14 trial_without_card = true trial_end = "cancel" }
"""


def test_trial_with_card_is_set_up(stack_factory):
    stack = stack_factory(site={"plans": TRIALS})
    alice = stack.session("alice")
    answer = create(alice, plan="basic")
    assert (answer["type"], answer["status"]) == ("setup", "trialing")
    assert create(alice, plan="basic") == answer
    confirm(stack, answer["clientSecret"])
    assert at_stripe(stack, answer)["default_payment_method"]
    stack.settle()


def test_trial_without_card_asks_for_none(stack_factory):
    stack = stack_factory(site={"plans": TRIALS})
    answer = create(stack.session("alice"), plan="premium")
    assert (answer["type"], answer["clientSecret"], answer["status"]) == ("none", None, "trialing")
    assert at_stripe(stack, answer)["trial_settings"]["end_behavior"]["missing_payment_method"] == "cancel"


def test_set_up_fee_is_on_the_first_invoice(stack_factory):
    stack = stack_factory(site={
        "plans": 'plan "basic" { lookup_key = "basic_monthly" setup_lookup_key = "setup" }'})
    seed_fee(stack)
    answer = create(stack.session("alice"), plan="basic")
    assert confirm(stack, answer["clientSecret"])["amount"] == 1500


def promotion_code(stack, percent):
    stack.sandbox.api("POST", "/v1/coupons", id=f"off{percent}", percent_off=percent, duration="once")
    stack.sandbox.api("POST", "/v1/promotion_codes", code=f"OFF{percent}", **{
        "promotion[type]": "coupon", "promotion[coupon]": f"off{percent}"})
    return f"OFF{percent}"


def test_promotion_code_lowers_what_is_due(stack):
    code = promotion_code(stack, 40)
    answer = create(stack.session("alice"), plan="basic", promotionCode=code)
    assert confirm(stack, answer["clientSecret"])["amount"] == 300


def test_free_first_invoice_leaves_only_the_card_to_be_set_up(stack):
    code = promotion_code(stack, 100)
    answer = create(stack.session("alice"), plan="basic", promotionCode=code)
    assert (answer["type"], answer["status"]) == ("setup", "active")


def test_declined_card_can_be_followed_by_a_good_one(stack):
    alice = stack.session("alice")
    answer = create(alice, plan="basic")
    intent = answer["clientSecret"].split("_secret_")[0]
    refused = stack.sandbox.session.post(
        f"{stack.sandbox.base}/v1/payment_intents/{intent}/confirm",
        data={"payment_method": "pm_card_visa_chargeDeclinedInsufficientFunds", "return_url": stack.url},
        headers={"Authorization": "Bearer sk_test_sandbox"})
    assert refused.status_code == 402
    assert create(alice, plan="basic")["subscriptionId"] == answer["subscriptionId"]
    confirm(stack, create(alice, plan="basic")["clientSecret"])
    assert at_stripe(stack, answer)["status"] == "active"
