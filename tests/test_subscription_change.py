"""cancel-, resume- and pause-subscription, through nginx, against the Stripe stand-in."""
import time

import pytest
from test_checkout import calls, error
from test_subscription import SUBSCRIPTIONS, at_stripe, confirm, create, end, hold_events, listed

SERVER = "location = /page { auth_request /_tollgate/any; try_files /page.html =404; }"
DAY = 86400


def post(session, endpoint, status=200, **fields):
    answer = session.post(f"/billing/{endpoint}", json=fields)
    assert answer.status_code == status, answer.text
    return answer.json()


def cancel(session, bought, status=200, **fields):
    return post(session, "cancel-subscription", status, subscriptionId=bought["subscriptionId"], **fields)


def resume(session, bought, status=200, **fields):
    return post(session, "resume-subscription", status, subscriptionId=bought["subscriptionId"], **fields)


def pause(session, bought, status=200, **fields):
    return post(session, "pause-subscription", status, subscriptionId=bought["subscriptionId"], **fields)


def buy(stack, user="alice", **fields):
    """A client, and the subscription that she has paid for."""
    session = stack.session(user)
    bought = create(session, **(fields or {"plan": "basic"}))
    confirm(stack, bought["clientSecret"])
    stack.settle()
    return session, bought


def change_at_stripe(stack, bought, **params):
    return stack.sandbox.api("POST", f"{SUBSCRIPTIONS}/{bought['subscriptionId']}", **params)


def set_at_stripe(stack, bought, **fields):
    """States that only time would bring about, with their event."""
    stack.sandbox.control("POST", f"subscriptions/{bought['subscriptionId']}/set", fields)
    stack.settle()


@pytest.fixture
def pausable(stack_factory):
    return stack_factory(site={"site_settings": "allow_pause = true"}, server=SERVER)


def test_cancel_ends_it_at_once(stack):
    alice, bought = buy(stack)
    hold_events(stack)
    answer = cancel(alice, bought, feedback="too_expensive", comment="Zu teuer.")
    assert answer["subscription"]["status"] == "canceled"
    assert listed(alice)[0]["status"] == "canceled"
    details = at_stripe(stack, bought)["cancellation_details"]
    assert (details["feedback"], details["comment"]) == ("too_expensive", "Zu teuer.")


def test_gate_agrees_before_any_event(stack_factory):
    stack = stack_factory(server=SERVER)
    (stack.nginx.root / "page.html").write_text("paid for\n")
    alice, bought = buy(stack)
    hold_events(stack)
    assert alice.get("/page").status_code == 200
    cancel(alice, bought)
    assert alice.get("/page").status_code == 403


def test_canceled_later_it_runs_to_the_end_of_its_period(stack):
    alice, bought = buy(stack)
    hold_events(stack)
    answer = cancel(alice, bought, when="period_end")["subscription"]
    assert (answer["status"], answer["cancel_at_period_end"]) == ("active", True)
    assert answer["cancel_at"] == answer["current_period_end"]
    assert listed(alice)[0]["cancel_at"] == answer["cancel_at"]


def test_cancel_again_changes_nothing(stack):
    alice, bought = buy(stack)
    first = cancel(alice, bought)
    assert cancel(alice, bought) == first
    assert len(calls(stack, f"{SUBSCRIPTIONS}/{bought['subscriptionId']}", "DELETE")) == 1


def test_what_ended_elsewhere_is_told_so(stack):
    alice, bought = buy(stack)
    hold_events(stack)
    end(stack, bought)
    assert cancel(alice, bought)["subscription"]["status"] == "canceled"
    assert listed(alice)[0]["status"] == "canceled"
    assert error(resume(alice, bought, status=409)) == ("subscription_ended", "subscriptionId")


@pytest.mark.parametrize("status", ["past_due", "incomplete"])
def test_what_is_not_paid_for_is_canceled_only_now(stack, status):
    alice, bought = buy(stack)
    set_at_stripe(stack, bought, status=status)
    assert error(cancel(alice, bought, status=409, when="period_end")) == ("cancel_only_now", "when")
    assert cancel(alice, bought)["subscription"]["status"] in ("canceled", "incomplete_expired")


@pytest.mark.parametrize("fields, param", [
    ({"when": "tomorrow"}, "when"),
    ({"feedback": "none"}, "feedback"),
    ({"comment": "x" * 5001}, "comment"),
])
def test_refused_cancel_names_its_field(stack, fields, param):
    alice, bought = buy(stack)
    assert error(cancel(alice, bought, status=400, **fields)) == ("parameter_invalid", param)
    assert at_stripe(stack, bought)["status"] == "active"


@pytest.mark.parametrize("endpoint, fields", [
    ("cancel-subscription", {}),
    ("resume-subscription", {}),
])
def test_subscription_of_another_is_as_one_that_is_none(stack, endpoint, fields):
    _, bought = buy(stack)
    mallory = stack.session("mallory")
    hers = post(mallory, endpoint, 404, subscriptionId=bought["subscriptionId"], **fields)
    none = post(mallory, endpoint, 404, subscriptionId="sub_none", **fields)
    assert error(hers) == error(none) == ("subscription_unknown", "subscriptionId")
    assert hers["error"]["message"] == none["error"]["message"]
    assert at_stripe(stack, bought)["status"] == "active"


def test_only_one_need_not_be_named(stack):
    alice, bought = buy(stack)
    assert post(alice, "cancel-subscription")["subscription"]["id"] == bought["subscriptionId"]
    assert error(post(alice, "cancel-subscription", 400)) == ("parameter_missing", "subscriptionId")


def test_form_of_another_site_cancels_nothing(stack):
    _, bought = buy(stack)
    alice = stack.session("alice", cookie=True)
    alice.headers["Sec-Fetch-Site"] = "cross-site"
    answer = alice.post("/billing/cancel-subscription", data={"subscriptionId": bought["subscriptionId"]})
    assert answer.status_code == 403
    assert at_stripe(stack, bought)["status"] == "active"


def test_failure_at_stripe_is_502_and_the_next_try_works(stack):
    alice, bought = buy(stack)
    stack.sandbox.control("POST", "faults", {"method": "DELETE", "path": "^/v1/subscriptions/", "status": 500,
                                             "store": True, "times": 1})
    cancel(alice, bought, status=502)
    assert cancel(alice, bought)["subscription"]["status"] == "canceled"


@pytest.mark.parametrize("scheduled", [{"cancel_at_period_end": "true"}, {"cancel_at": "max_period_end"}])
def test_resume_takes_back_a_cancel_that_is_to_come(stack, scheduled):
    alice, bought = buy(stack)
    change_at_stripe(stack, bought, **scheduled)
    hold_events(stack)
    answer = resume(alice, bought)
    assert "clientSecret" not in answer
    assert (answer["subscription"]["cancel_at"], answer["subscription"]["cancel_at_period_end"]) == (None, False)
    assert listed(alice)[0]["cancel_at"] is None
    assert resume(alice, bought) == answer


def test_canceled_and_resumed_over_and_over(stack):
    """Each is done anew, not answered with what Stripe has stored."""
    alice, bought = buy(stack)
    for _ in range(3):
        assert cancel(alice, bought, when="period_end")["subscription"]["cancel_at"]
        assert resume(alice, bought)["subscription"]["cancel_at"] is None
    assert at_stripe(stack, bought)["cancel_at"] is None


def test_pause_needs_the_sites_leave(stack):
    alice, bought = buy(stack)
    assert error(pause(alice, bought, status=403)) == ("pause_not_allowed", None)
    assert at_stripe(stack, bought)["status"] == "active"


def test_paused_one_is_no_ticket(pausable):
    (pausable.nginx.root / "page.html").write_text("paid for\n")
    alice, bought = buy(pausable)
    hold_events(pausable)
    assert pause(alice, bought)["subscription"]["status"] == "paused"
    assert alice.get("/page").headers.get("Location") is None
    assert alice.get("/page").status_code == 403
    assert at_stripe(pausable, bought)["pause_collection"] is None


def test_paid_period_is_not_paid_for_again(pausable):
    alice, bought = buy(pausable)
    pause(alice, bought)
    answer = resume(alice, bought)
    assert answer["subscription"]["status"] == "active" and "clientSecret" not in answer
    assert len(pausable.sandbox.api("GET", "/v1/invoices")["data"]) == 1


def test_resuming_after_the_period_waits_for_its_payment(pausable):
    """There is no card any more; the same secret until it is paid."""
    pausable.sandbox.control("POST", "clock", {"now": int(time.time()) - 40 * DAY})
    alice, bought = buy(pausable)
    pause(alice, bought)
    set_at_stripe(pausable, bought, default_payment_method=None)
    pausable.sandbox.control("POST", "clock", {"live": True})
    answer = resume(alice, bought)
    assert answer["subscription"]["status"] == "paused"
    assert resume(alice, bought)["clientSecret"] == answer["clientSecret"]
    confirm(pausable, answer["clientSecret"])
    assert at_stripe(pausable, bought)["status"] == "active"
    pausable.settle()


@pytest.mark.parametrize("when", ["2026-12-24", 1893456000])
def test_end_of_a_pause_is_not_promised(pausable, when):
    alice, bought = buy(pausable)
    assert error(pause(alice, bought, status=400, resumesAt=when)) == ("parameter_unsupported", "resumesAt")


def test_only_what_runs_is_paused(pausable):
    alice, bought = buy(pausable)
    set_at_stripe(pausable, bought, status="past_due")
    assert error(pause(alice, bought, status=409)) == ("pause_only_active", "subscriptionId")
