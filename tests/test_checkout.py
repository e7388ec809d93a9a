"""create-checkout-session and expire-checkout-session, through nginx, against the Stripe stand-in."""
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

CREATE = "/billing/create-checkout-session"
EXPIRE = "/billing/expire-checkout-session"
SESSIONS = "/v1/checkout/sessions"


def calls(stack, path, method="POST"):
    return [r for r in stack.sandbox.requests() if r["method"] == method and r["path"] == path]


def create(session, status=200, **fields):
    answer = session.post(CREATE, json=fields or {"plan": "basic"})
    assert answer.status_code == status, answer.text
    return answer.json()


def error(answer):
    return answer["error"]["code"], answer["error"].get("param")


def pay(stack, session_id, card="4242424242424242", **more):
    return stack.sandbox.control("POST", f"checkout/sessions/{session_id}/pay", {"card": card, **more})


def test_program_gets_the_url_of_stripes_page(stack):
    answer = create(stack.session("alice", email="alice@example.com"), plan="basic")
    assert answer["url"].startswith(stack.sandbox.base)
    session = stack.sandbox.api("GET", f"{SESSIONS}/{answer['sessionId']}")
    assert session["success_url"] == f"{stack.url}/billing/return?session_id={{CHECKOUT_SESSION_ID}}"
    assert session["cancel_url"] == f"{stack.url}/pricing"
    assert session["metadata"] == {"tollgate_user": "alice", "tollgate_site": "shop"}


def test_browsers_form_is_redirected_to_stripes_page(stack):
    answer = stack.session("alice", cookie=True).post(CREATE, data={"plan": "basic"})
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(stack.sandbox.base)
    assert answer.headers["Cache-Control"] == "no-store"


def test_customer_is_made_once_and_carries_the_user(stack):
    alice = stack.session("alice", email="alice@example.com")
    create(alice, plan="basic")
    create(alice, plan="premium")
    [customer] = stack.sandbox.api("GET", "/v1/customers")["data"]
    assert customer["email"] == "alice@example.com"
    assert customer["metadata"] == {"tollgate_user": "alice", "tollgate_site": "shop"}


@pytest.mark.parametrize("fields, lookup_key", [
    ({"plan": "premium"}, "premium_monthly"),
    ({"plan": "premium", "interval": "year"}, "premium_yearly"),
    ({"lookupKey": "premium_yearly"}, "premium_yearly"),
    ({"lookup_key": "premium_yearly"}, "premium_yearly"),
])
def test_plan_interval_and_lookup_key_name_a_price(stack, fields, lookup_key):
    create(stack.session("alice"), **fields)
    [price] = stack.sandbox.api("GET", "/v1/prices", **{"lookup_keys[]": lookup_key})["data"]
    [call] = calls(stack, SESSIONS)
    assert call["params"]["line_items"]["0"]["price"] == price["id"]


def test_price_id_of_a_plan_is_sold(stack):
    [price] = stack.sandbox.api("GET", "/v1/prices", **{"lookup_keys[]": "basic_monthly"})["data"]
    assert create(stack.session("alice"), priceId=price["id"])["url"]


def withdraw(stack, lookup_key):
    """At Stripe it is sold no more; its id."""
    [price] = stack.sandbox.api("GET", "/v1/prices", **{"lookup_keys[]": lookup_key})["data"]
    stack.sandbox.api("POST", f"/v1/prices/{price['id']}", active="false")
    return price["id"]


@pytest.mark.parametrize("endpoint, path", [("create-checkout-session", SESSIONS),
                                            ("create-subscription", "/v1/subscriptions")])
def test_price_that_another_took_the_place_of_is_sold_at_once(stack, endpoint, path):
    """The one that was read less than five minutes ago is refused by Stripe."""
    ann, bob = stack.session("ann"), stack.session("bob")
    assert ann.post(f"/billing/{endpoint}", json={"plan": "basic"}).status_code == 200
    old = withdraw(stack, "basic_monthly")
    new = stack.sandbox.api("POST", "/v1/prices", product="prod_basic", currency="usd", unit_amount=700,
                            lookup_key="basic_monthly", transfer_lookup_key="true",
                            **{"recurring[interval]": "month"})["id"]
    answer = bob.post(f"/billing/{endpoint}", json={"plan": "basic"})
    assert answer.status_code == 200, answer.text
    items = "line_items" if path == SESSIONS else "items"
    assert [call["params"][items]["0"]["price"] for call in calls(stack, path)] == [old, old, new]


@pytest.mark.parametrize("endpoint", ["create-checkout-session", "create-subscription"])
def test_price_that_is_sold_no_more_is_told(stack, endpoint):
    create(stack.session("ann"), plan="basic")
    withdraw(stack, "basic_monthly")
    for _ in range(2):
        answer = stack.session("bob").post(f"/billing/{endpoint}", json={"plan": "basic"})
        assert answer.status_code == 502 and error(answer.json())[0] == "plan_unavailable", answer.text


@pytest.mark.parametrize("fields, code, param", [
    ({"plan": "gold"}, "plan_unknown", "plan"),
    ({"plan": "free"}, "plan_free", "plan"),
    ({"priceId": "price_of_another_site"}, "price_not_in_plans", "priceId"),
    ({"lookupKey": "gold_monthly"}, "price_not_in_plans", "lookupKey"),
    ({"plan": "basic", "interval": "year"}, "parameter_invalid", "interval"),
    ({"plan": "basic", "lookupKey": "basic_monthly"}, "parameter_invalid", "plan"),
    ({"plan": "basic", "lookup_key": "basic_monthly"}, "parameter_invalid", "plan"),
    ({"lookup_key": "basic_monthly", "lookupKey": "premium_monthly"}, "parameter_invalid", "lookup_key"),
    ({"plan": "basic", "quantity": 2}, "parameter_invalid", "quantity"),
    ({"plan": "basic", "quantity": 0}, "parameter_invalid", "quantity"),
    ({"plan": "basic", "quantity": "many"}, "parameter_invalid", "quantity"),
    ({"plan": "basic", "uiMode": "popup"}, "parameter_invalid", "uiMode"),
    ({"plan": "basic", "promotionCode": "NOSUCH"}, "promotion_code_unknown", "promotionCode"),
    ({"plan": ["basic"]}, "parameter_invalid", "plan"),
])
def test_refusal_names_field_and_reason_and_writes_nothing(stack, fields, code, param):
    answer = create(stack.session("alice"), status=400, **fields)
    assert error(answer) == (code, param)
    assert not calls(stack, SESSIONS) and not calls(stack, "/v1/customers")


def test_empty_body_without_a_default_plan_is_told_what_is_missing(stack):
    answer = stack.session("alice").post(CREATE)
    assert (answer.status_code, error(answer.json())) == (400, ("parameter_missing", "plan"))


def test_empty_body_means_default_plan_and_ui_mode(stack_factory):
    stack = stack_factory(site={"site_settings": 'default_plan = "basic" ui_mode = "embedded_page"'})
    answer = stack.session("alice").post(CREATE)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"clientSecret", "sessionId"}


@pytest.mark.parametrize("ui_mode, sent", [
    ("embedded_page", "embedded_page"), ("elements", "elements"), ("hosted_page", "hosted_page"),
    ("embedded", "embedded_page"), ("custom", "elements"), ("hosted", "hosted_page"),
])
def test_ui_modes_and_their_older_names(stack, ui_mode, sent):
    answer = create(stack.session("alice"), plan="basic", uiMode=ui_mode)
    [call] = calls(stack, SESSIONS)
    assert call["params"]["ui_mode"] == sent
    assert ("url" if sent == "hosted_page" else "clientSecret") in answer
    assert ("success_url" in call["params"]) == (sent == "hosted_page")
    assert ("return_url" in call["params"]) == (sent != "hosted_page")


def test_trial_without_card_asks_for_none_and_pauses_at_its_end(stack):
    create(stack.session("alice"), plan="premium")
    params = calls(stack, SESSIONS)[0]["params"]
    assert params["payment_method_collection"] == "if_required"
    assert params["subscription_data"]["trial_period_days"] == "14"
    assert params["subscription_data"]["trial_settings"] == {
        "end_behavior": {"missing_payment_method": "pause"}}


EVERYTHING = """
  allow_promotion_codes = true automatic_tax = true billing_address_collection = "required"
  submit_text = "You can cancel at any time." terms_text = "I agree to the terms."
"""
PLAN_WITH_FEE = """
  plan "basic" { lookup_key = "basic_monthly" setup_lookup_key = "setup" quantity_max = 5
                 trial_days = 7 trial_without_card = true trial_end = "cancel" }
"""


def seed_fee(stack):
    stack.sandbox.control("POST", "seed", {"products": [{"name": "Setup", "prices": [
        {"lookup_key": "setup", "unit_amount": 1000, "currency": "eur", "one_time": True}]}]})


@pytest.mark.parametrize("ui_mode", ["hosted_page", "embedded_page", "elements"])
def test_every_option_together_is_taken_by_stripe_in_every_mode(stack_factory, ui_mode):
    stack = stack_factory(site={"site_settings": EVERYTHING, "plans": PLAN_WITH_FEE})
    seed_fee(stack)
    create(stack.session("alice"), plan="basic", quantity=3, uiMode=ui_mode)
    params = calls(stack, SESSIONS)[0]["params"]
    assert [item["quantity"] for item in params["line_items"].values()] == ["3", "1"]
    assert params["subscription_data"]["trial_settings"]["end_behavior"] == {
        "missing_payment_method": "cancel"}
    assert params["automatic_tax"] == {"enabled": "true"}
    assert params["customer_update"] == {"address": "auto"}
    assert params["allow_promotion_codes"] == "true"
    assert ("custom_text" in params) == (ui_mode != "elements")


@pytest.mark.parametrize("endpoint, path", [("create-checkout-session", SESSIONS),
                                            ("create-subscription", "/v1/subscriptions")])
def test_changed_configuration_ends_an_attempt_in_doubt(stack_factory, endpoint, path):
    """Stripe would refuse other parameters under the key of before."""
    stack = stack_factory(site={"settings": 'stripe_timeout = "1s"'})
    alice = stack.session("alice")
    create(stack.session("ann"), plan="basic")
    assert alice.post("/billing/create-customer", json={}).status_code == 200
    stack.sandbox.control("POST", "faults", {"method": "POST", "path": f"{path}$", "delay": 2, "times": 1})
    assert alice.post(f"/billing/{endpoint}", json={"plan": "basic"}).status_code in (409, 504)
    time.sleep(2)
    config = stack.site.config.read_text()
    stack.site.config.write_text(config.replace("cancel_path =", "automatic_tax = true\n  cancel_path ="))
    for name in ("checkout", "subscription"):
        stack.responders[name].restart()
    answer = alice.post(f"/billing/{endpoint}", json={"plan": "basic"})
    assert answer.status_code == 200, answer.text


def test_failure_to_expire_that_stripe_keeps_is_no_lasting_one(stack):
    alice = stack.session("alice")
    create(alice, plan="basic")
    stack.sandbox.control("POST", "faults", {"method": "POST", "path": "/expire$", "status": 500, "store": True})
    assert alice.post(CREATE, json={"plan": "premium"}).status_code == 502
    create(alice, plan="premium")


def test_purchase_that_is_opened_again_is_counted_once(stack_factory):
    stack = stack_factory(site={"site_settings": 'creation_limit = "1/10m"'})
    create(stack.session("ann"), plan="basic")
    withdraw(stack, "basic_monthly")
    stack.sandbox.api("POST", "/v1/prices", product="prod_basic", currency="eur", unit_amount=700,
                      lookup_key="basic_monthly", transfer_lookup_key="true", **{"recurring[interval]": "month"})
    create(stack.session("bob"), plan="basic")


def test_set_up_fee_that_another_took_the_place_of_is_charged_at_once(stack_factory):
    stack = stack_factory(site={"plans": PLAN_WITH_FEE})
    seed_fee(stack)
    create(stack.session("ann"), plan="basic")
    withdraw(stack, "setup")
    new = stack.sandbox.api("POST", "/v1/prices", product="prod_basic", currency="eur", unit_amount=900,
                            lookup_key="setup", transfer_lookup_key="true")["id"]
    create(stack.session("bob"), plan="basic")
    assert calls(stack, SESSIONS)[-1]["params"]["line_items"]["1"]["price"] == new


def test_promotion_code_is_looked_up_and_takes_the_place_of_the_field(stack_factory):
    stack = stack_factory(site={"site_settings": "allow_promotion_codes = true"})
    stack.sandbox.api("POST", "/v1/coupons", id="half", percent_off=50, duration="once")
    code = stack.sandbox.api("POST", "/v1/promotion_codes", code="HALF", **{
        "promotion[type]": "coupon", "promotion[coupon]": "half"})
    create(stack.session("alice"), plan="basic", promotionCode="HALF")
    params = calls(stack, SESSIONS)[0]["params"]
    assert params["discounts"]["0"]["promotion_code"] == code["id"]
    assert "allow_promotion_codes" not in params


def test_currency_that_the_price_has_not_is_the_callers_fault(stack):
    answer = create(stack.session("alice"), status=400, plan="basic", currency="jpy")
    assert answer["error"]["param"] == "currency"


def test_who_has_begun_to_buy_is_known_to_have_nothing(stack):
    """No page has to wait for an event or a reading to say so."""
    stack.sandbox.control("POST", "delivery", {"hold": True})
    create(stack.session("alice"), plan="basic")
    [customer] = stack.sandbox.api("GET", "/v1/customers")["data"]
    record = stack.redis.client().hgetall("tollgate:{shop}:customer:" + customer["id"])
    assert record["user"] == "alice" and int(record["generation"]) > 0


def test_same_plan_again_is_the_same_open_session(stack):
    alice = stack.session("alice")
    first, second = create(alice, plan="basic"), create(alice, plan="basic")
    assert first == second
    assert len(calls(stack, SESSIONS)) == 1


def test_other_options_expire_the_earlier_session(stack):
    alice = stack.session("alice")
    first, second = create(alice, plan="basic"), create(alice, plan="premium")
    assert first["sessionId"] != second["sessionId"]
    assert stack.sandbox.api("GET", f"{SESSIONS}/{first['sessionId']}")["status"] == "expired"
    assert create(alice, plan="basic")["sessionId"] not in (first["sessionId"], second["sessionId"])


def test_clicks_at_the_same_time_make_one_session_and_one_customer(stack):
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: create(stack.session("alice"), plan="basic"), range(6)))
    assert len({answer["sessionId"] for answer in answers}) == 1
    assert len(stack.sandbox.api("GET", "/v1/customers")["data"]) == 1


def test_second_subscription_to_the_product_is_refused(stack):
    alice = stack.session("alice")
    pay(stack, create(alice, plan="basic")["sessionId"])
    stack.settle()
    assert error(create(alice, status=409, plan="basic")) == ("already_subscribed", None)
    assert create(alice, plan="premium")["url"]


def test_paid_session_is_noticed_although_no_event_came(stack):
    stack.sandbox.control("POST", "delivery", {"hold": True})
    alice = stack.session("alice")
    pay(stack, create(alice, plan="basic")["sessionId"])
    assert error(create(alice, status=409, plan="basic")) == ("already_subscribed", None)


def test_cancelled_subscriber_buys_again_although_the_event_was_lost(stack):
    alice = stack.session("alice")
    pay(stack, create(alice, plan="basic")["sessionId"])
    stack.settle()
    stack.sandbox.control("POST", "delivery", {"drop": 1.0})
    [subscription] = stack.sandbox.api("GET", "/v1/subscriptions")["data"]
    stack.sandbox.session.delete(f"{stack.sandbox.base}/v1/subscriptions/{subscription['id']}",
                                 headers={"Authorization": "Bearer sk_test_sandbox"})
    assert create(alice, plan="basic")["url"]


def test_customer_is_found_at_stripe_when_redis_was_flushed(stack):
    alice = stack.session("al'ice\\")
    pay(stack, create(alice, plan="basic")["sessionId"])
    stack.settle()
    stack.redis.flush()
    assert error(create(alice, status=409, plan="basic")) == ("already_subscribed", None)
    assert len(stack.sandbox.api("GET", "/v1/customers")["data"]) == 1


def test_customer_deleted_at_stripe_is_replaced(stack):
    alice = stack.session("alice")
    create(alice, plan="basic")
    stack.sandbox.control("POST", "delivery", {"drop": 1.0})
    [customer] = stack.sandbox.api("GET", "/v1/customers")["data"]
    stack.sandbox.session.delete(f"{stack.sandbox.base}/v1/customers/{customer['id']}",
                                 headers={"Authorization": "Bearer sk_test_sandbox"})
    answer = create(alice, plan="premium")
    session = stack.sandbox.api("GET", f"{SESSIONS}/{answer['sessionId']}")
    assert session["customer"] != customer["id"]


@pytest.mark.parametrize("path", [CREATE, "/billing/create-subscription"])
def test_what_a_deleted_customer_bought_is_in_nobodys_way(stack, path):
    alice = stack.session("alice")
    pay(stack, create(alice, plan="basic")["sessionId"])
    stack.settle()
    stack.sandbox.control("POST", "delivery", {"drop": 1.0})
    [customer] = stack.sandbox.api("GET", "/v1/customers")["data"]
    stack.sandbox.api("DELETE", f"/v1/customers/{customer['id']}")
    answer = alice.post(path, json={"plan": "basic"})
    assert answer.status_code == 200, answer.text


def test_lost_answer_is_repeated_with_the_same_idempotency_key(stack):
    stack.sandbox.control("POST", "faults", {"method": "POST", "path": "^/v1/checkout/sessions$",
                                             "drop": "after"})
    create(stack.session("alice"), plan="basic")
    first, second = calls(stack, SESSIONS)
    assert first["headers"]["idempotency_key"] == second["headers"]["idempotency_key"]
    assert len(stack.sandbox.api("GET", SESSIONS)["data"]) == 1


def test_stored_failure_is_not_met_again(stack):
    """Stripe replays a stored 500 for the same key: trying again must send another."""
    alice = stack.session("alice")
    stack.sandbox.control("POST", "faults", {"method": "POST", "path": "^/v1/checkout/sessions$",
                                             "status": 500, "store": True, "times": 1})
    answer = create(alice, status=502, plan="basic")
    assert answer["error"]["type"] == "api_error"
    assert create(alice, plan="basic")["url"]


def test_callers_own_idempotency_key_takes_the_place_of_the_attempt(stack):
    alice = stack.session("alice")
    alice.headers["Idempotency-Key"] = "order 17"
    create(alice, plan="basic")
    stack.redis.client().delete("tollgate:{shop}:open_session:"
                                "2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90")
    create(alice, plan="basic")
    keys = {call["headers"]["idempotency_key"] for call in calls(stack, SESSIONS)}
    assert len(keys) == 1 and len(stack.sandbox.api("GET", SESSIONS)["data"]) == 1


@pytest.mark.parametrize("fault, status, code", [
    ({"status": 500, "times": 0}, 502, "stripe_failed"),
    ({"status": 429, "times": 0, "headers": {"Retry-After": "7"}}, 429, "rate_limit"),
    ({"drop": "before", "times": 0}, 503, "stripe_unreachable"),
    ({"delay": 10, "times": 0}, 504, "stripe_timeout"),
    ({"status": 401, "times": 0}, 502, "stripe_refused"),
])
def test_stripes_failures_have_statuses_of_their_own(stack_factory, fault, status, code):
    stack = stack_factory(site={"settings": 'stripe_timeout = "2s"'})
    stack.sandbox.control("POST", "faults", {"path": "^/v1/", **fault})
    answer = stack.session("alice").post(CREATE, json={"plan": "basic"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert "sk_test" not in answer.text
    if status == 429:
        assert answer.headers["Retry-After"] == "7"
        assert len(stack.sandbox.requests()) == 1


def test_answer_without_its_list_is_no_empty_list(stack):
    """Else who has a customer at Stripe would be given another."""
    stack.sandbox.control("POST", "faults", {"path": "^/v1/customers/search$", "status": 200})
    assert create(stack.session("alice"), status=502, plan="basic")["error"]["code"] == "stripe_failed"
    assert not calls(stack, "/v1/customers")


def test_redis_down_is_503_with_retry_after(stack):
    stack.redis.stop()
    try:
        answer = stack.session("alice").post(CREATE, json={"plan": "basic"})
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
        assert not calls(stack, SESSIONS)
    finally:
        stack.redis.start()


def test_expired_on_request(stack):
    alice = stack.session("alice")
    session_id = create(alice, plan="basic")["sessionId"]
    for _ in range(2):
        answer = alice.post(EXPIRE, json={"sessionId": session_id})
        assert (answer.status_code, answer.json()) == (200, {"status": "expired"})
    assert create(alice, plan="basic")["sessionId"] != session_id


def test_complete_session_cannot_be_expired(stack):
    alice = stack.session("alice")
    session_id = create(alice, plan="basic")["sessionId"]
    pay(stack, session_id)
    answer = alice.post(EXPIRE, json={"sessionId": session_id})
    assert (answer.status_code, error(answer.json())) == (409, ("session_complete", "sessionId"))


@pytest.mark.parametrize("session_id", ["cs_test_nosuch", "../customers", "cs_test_a/../../x", "x"])
def test_session_that_does_not_exist_cannot_be_expired(stack, session_id):
    answer = stack.session("alice").post(EXPIRE, json={"sessionId": session_id})
    assert (answer.status_code, error(answer.json())) == (404, ("session_unknown", "sessionId"))


def test_another_users_session_looks_like_none(stack):
    session_id = create(stack.session("alice"), plan="basic")["sessionId"]
    answer = stack.session("mallory").post(EXPIRE, json={"sessionId": session_id})
    assert (answer.status_code, error(answer.json())) == (404, ("session_unknown", "sessionId"))
    assert stack.sandbox.api("GET", f"{SESSIONS}/{session_id}")["status"] == "open"


def test_stripe_is_told_version_and_client(stack):
    create(stack.session("alice"), plan="basic")
    for call in stack.sandbox.requests():
        assert call["headers"]["stripe_version"] == "2026-10-28.endive"
        assert call["headers"]["user_agent"].startswith("tollgate/")
        assert (call["method"] == "POST") == bool(call["headers"]["idempotency_key"])


def test_connected_account_is_named_on_every_call(stack_factory):
    stack = stack_factory(site={"site_settings": 'stripe_account = "acct_shop1"'})
    stack.sandbox.control("POST", "accounts", {"id": "acct_shop1"})
    stack.session("alice").post(CREATE, json={"plan": "basic"})
    assert {call["headers"]["stripe_account"] for call in stack.sandbox.requests()
            if call["headers"]["user_agent"].startswith("tollgate/")} == {"acct_shop1"}
