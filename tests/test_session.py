"""session-status: what the return page learns, and access before the webhook."""
import pytest

from test_checkout import create, pay

STATUS = "/billing/session-status"


def status(session, session_id):
    answer = session.get(STATUS, params={"session_id": session_id})
    assert answer.status_code == 200, answer.text
    return answer.json()


def gate_records(stack):
    return [key for key in stack.redis.client().keys("tollgate:{shop}:customer:*")
            if stack.redis.client().hkeys(key)]


def test_open_session_is_open(stack):
    alice = stack.session("alice")
    session_id = create(alice, plan="basic")["sessionId"]
    assert status(alice, session_id) == {"status": "open", "payment_status": "unpaid",
                                         "customer_email": None, "subscription_status": None}


def test_paid_session_lets_in_before_any_event(stack):
    stack.sandbox.control("POST", "delivery", {"hold": True})
    alice = stack.session("alice", email="alice@example.com")
    session_id = create(alice, plan="basic")["sessionId"]
    pay(stack, session_id)
    assert status(alice, session_id) == {
        "status": "complete", "payment_status": "paid", "customer_email": "alice@example.com",
        "subscription_status": "active"}


def test_answer_comes_from_redis_once_the_events_are_there(stack):
    alice = stack.session("alice")
    session_id = create(alice, plan="basic")["sessionId"]
    pay(stack, session_id)
    stack.settle()
    stack.sandbox.control("DELETE", "requests")
    assert status(alice, session_id)["subscription_status"] == "active"
    assert stack.sandbox.requests() == []


def test_trial_needs_no_payment(stack):
    alice = stack.session("alice")
    session_id = create(alice, plan="premium")["sessionId"]
    pay(stack, session_id)
    answer = status(alice, session_id)
    assert answer["payment_status"] == "no_payment_required"
    assert answer["subscription_status"] == "trialing"


def test_expired_session_is_expired(stack):
    alice = stack.session("alice")
    session_id = create(alice, plan="basic")["sessionId"]
    alice.post("/billing/expire-checkout-session", json={"sessionId": session_id})
    assert status(alice, session_id)["status"] == "expired"


@pytest.mark.parametrize("flushed", [False, True])
def test_another_users_session_looks_like_none(stack, flushed):
    session_id = create(stack.session("alice"), plan="basic")["sessionId"]
    pay(stack, session_id)
    stack.settle()
    if flushed:
        stack.redis.flush()
    answer = stack.session("mallory").get(STATUS, params={"session_id": session_id})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "session_unknown")
    assert "alice" not in answer.text


def test_flushed_redis_is_filled_again_from_stripe(stack):
    alice = stack.session("alice")
    session_id = create(alice, plan="basic")["sessionId"]
    pay(stack, session_id)
    stack.settle()
    stack.redis.flush()
    assert status(alice, session_id)["subscription_status"] == "active"
    assert gate_records(stack)


def test_session_made_by_other_code_is_nobodys(stack):
    customer = stack.sandbox.api("POST", "/v1/customers", email="bob@example.com")
    [price] = stack.sandbox.api("GET", "/v1/prices", **{"lookup_keys[]": "basic_monthly"})["data"]
    session = stack.sandbox.api("POST", "/v1/checkout/sessions", mode="subscription",
                                customer=customer["id"], success_url="https://other.example/", **{
                                    "line_items[0][price]": price["id"],
                                    "line_items[0][quantity]": 1})
    answer = stack.session("bob").get(STATUS, params={"session_id": session["id"]})
    assert answer.status_code == 404


def test_missing_session_id_is_named(stack):
    answer = stack.session("alice").get(STATUS)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "session_id"
