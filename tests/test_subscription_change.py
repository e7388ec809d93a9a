"""What a subscriber does with hers, behind a web server, against the Stripe stand-in: change, cancel, resume, pause."""
import threading
import time

import pytest
from test_checkout import calls, error, seed_fee
from test_subscription import SUBSCRIPTIONS, at_stripe, confirm, create, end, hold_events, listed
from testenv.stack import Stack

GATED = {"any": "any"}
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


@pytest.fixture(scope="module")
def pausable_process(web_server):
    stack = Stack(web_server, site={"site_settings": "allow_pause = true"}, gated=GATED)
    yield stack
    stack.stop()


@pytest.fixture
def pausable(pausable_process):
    """A site where subscriptions may be paused."""
    pausable_process.fresh()
    return pausable_process


def test_cancel_ends_it_at_once(stack):
    alice, bought = buy(stack)
    hold_events(stack)
    answer = cancel(alice, bought, feedback="too_expensive", comment="Zu teuer.")
    assert answer["subscription"]["status"] == "canceled"
    assert listed(alice)[0]["status"] == "canceled"
    details = at_stripe(stack, bought)["cancellation_details"]
    assert (details["feedback"], details["comment"]) == ("too_expensive", "Zu teuer.")


def test_gate_agrees_before_any_event(stack_factory):
    stack = stack_factory(gated=GATED)
    alice, bought = buy(stack)
    hold_events(stack)
    assert alice.get("/any/page").status_code == 200
    cancel(alice, bought)
    assert alice.get("/any/page").status_code == stack.web.unpaid


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
        cancel(alice, bought, when="period_end")
        assert at_stripe(stack, bought)["cancel_at"]
        resume(alice, bought)
        assert at_stripe(stack, bought)["cancel_at"] is None


def test_pause_needs_the_sites_leave(stack):
    alice, bought = buy(stack)
    assert error(pause(alice, bought, status=403)) == ("pause_not_allowed", None)
    assert at_stripe(stack, bought)["status"] == "active"


def test_paused_one_is_no_ticket(pausable):
    alice, bought = buy(pausable)
    hold_events(pausable)
    assert pause(alice, bought)["subscription"]["status"] == "paused"
    assert alice.get("/any/page").headers.get("Location") is None
    assert alice.get("/any/page").status_code == pausable.web.unpaid
    assert at_stripe(pausable, bought)["pause_collection"] is None


def test_paid_period_is_not_paid_for_again(pausable):
    alice, bought = buy(pausable)
    pause(alice, bought)
    answer = resume(alice, bought)
    assert answer["subscription"]["status"] == "active" and "clientSecret" not in answer
    assert len(pausable.sandbox.api("GET", "/v1/invoices")["data"]) == 1


def test_pause_gives_no_credit_and_resuming_costs_nothing_twice(pausable):
    """Stripe's defaults would put both on the next invoice."""
    pausable.sandbox.control("POST", "clock", {"now": int(time.time()) - 15 * DAY})
    alice, bought = buy(pausable)
    pause(alice, bought)
    pausable.sandbox.control("POST", "clock", {"live": True})
    resume(alice, bought)
    end = at_stripe(pausable, bought)["items"]["data"][0]["current_period_end"]
    pausable.sandbox.control("POST", "clock", {"now": end + 60})
    assert [line["amount"] for line in invoices(pausable)[0]["lines"]["data"]] == [500]
    pausable.settle()


def invoices(stack):
    """Newest first."""
    return stack.sandbox.api("GET", "/v1/invoices")["data"]


def renew(stack):
    """A subscription two weeks after a month that was paid for; the next one's invoice is a draft."""
    stack.sandbox.control("POST", "clock", {"now": int(time.time()) - 45 * DAY})
    alice, bought = buy(stack)
    end = at_stripe(stack, bought)["items"]["data"][0]["current_period_end"]
    stack.sandbox.control("POST", "clock", {"now": end + 60})
    stack.sandbox.api("POST", f"/v1/invoices/{invoices(stack)[0]['id']}", auto_advance="false")
    return alice, bought


def end_invoice(stack, verb):
    """What the draft becomes when somebody, or Stripe on a pause, ends it."""
    draft = invoices(stack)[0]["id"]
    if verb != "leave":
        stack.sandbox.api("POST", f"/v1/invoices/{draft}/finalize", auto_advance="false")
        stack.sandbox.api("POST", f"/v1/invoices/{draft}/{verb}")
    stack.sandbox.control("POST", "clock", {"live": True})
    stack.settle()


def pause_at_stripe(stack, bought):
    """As somebody in Stripe's dashboard would."""
    stack.sandbox.api("POST", f"{SUBSCRIPTIONS}/{bought['subscriptionId']}/pause",
                      **{"bill_for[unused_time_from][type]": "none"})


UNPAID = pytest.mark.parametrize("verb", ["leave", "void", "mark_uncollectible"])


@UNPAID
def test_period_that_was_not_paid_for_is_not_resumed_for_nothing(pausable, verb):
    alice, bought = renew(pausable)
    pause_at_stripe(pausable, bought)
    end_invoice(pausable, verb)
    answer = resume(alice, bought)["subscription"]
    pausable.settle()
    assert [invoice["status"] for invoice in invoices(pausable)].count("paid") == 2
    assert (answer["status"], invoices(pausable)[0]["status"]) == ("active", "paid")
    assert alice.get("/any/page").status_code == 200


@UNPAID
def test_without_a_payment_it_stays_paused(pausable, verb):
    alice, bought = renew(pausable)
    pause_at_stripe(pausable, bought)
    end_invoice(pausable, verb)
    use_card(pausable, bought, "4000000000000341")
    answer = resume(alice, bought)
    pausable.settle()
    assert answer["subscription"]["status"] == "paused" and answer["clientSecret"]
    assert alice.get("/any/page").status_code == pausable.web.unpaid


@UNPAID
def test_period_that_is_not_paid_for_is_not_paused(pausable, verb):
    alice, bought = renew(pausable)
    end_invoice(pausable, verb)
    assert error(pause(alice, bought, status=409)) == ("payment_due", "subscriptionId")
    assert at_stripe(pausable, bought)["status"] == "active"


def test_trial_is_paused_and_goes_on(pausable):
    """Its invoice of nothing is paid."""
    alice = pausable.session("alice")
    bought = create(alice, plan="premium")
    assert bought["status"] == "trialing"
    assert pause(alice, bought)["subscription"]["status"] == "paused"
    resume(alice, bought)
    assert [invoice["amount_due"] for invoice in invoices(pausable)] == [0]


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


PREVIEW = "/v1/invoices/create_preview"
PLANS = """
  plan "basic"   { lookup_key = "basic_monthly" quantity_max = 5 }
  plan "premium" { lookup_keys = {"premium_monthly", "premium_yearly"} quantity_max = 5 }
"""


@pytest.fixture(scope="module")
def changeable_process(web_server):
    stack = Stack(web_server, site={"plans": PLANS})
    yield stack
    stack.stop()


@pytest.fixture
def changeable(changeable_process):
    """Without trials, and with more than one of each plan for sale."""
    changeable_process.fresh()
    return changeable_process


def preview(session, bought, status=200, **fields):
    return post(session, "create-preview-invoice", status, subscriptionId=bought["subscriptionId"], **fields)


def update(session, bought, status=200, **fields):
    return post(session, "update-subscription", status, subscriptionId=bought["subscriptionId"], **fields)


def price(stack, lookup_key):
    return stack.sandbox.api("GET", "/v1/prices", **{"lookup_keys[]": lookup_key})["data"][0]["id"]


def buy_days_ago(stack, days=10, **fields):
    """Somebody in the middle of a period."""
    stack.sandbox.control("POST", "clock", {"now": int(time.time()) - days * DAY})
    alice, bought = buy(stack, **fields)
    stack.sandbox.control("POST", "clock", {"live": True})
    stack.settle()
    return alice, bought


def plan_of(subscription):
    return subscription["items"]["data"][0]["price"]["lookup_key"], subscription["items"]["data"][0]["quantity"]


def invoices(stack):
    return stack.sandbox.api("GET", "/v1/invoices")["data"]


def last_charge(stack, bought):
    return stack.sandbox.api("GET", f"/v1/invoices/{at_stripe(stack, bought)['latest_invoice']}")


def use_card(stack, bought, card):
    """Her card is another one now."""
    method = stack.sandbox.api("POST", "/v1/payment_methods", **{
        "type": "card", "card[number]": card, "card[exp_month]": 12, "card[exp_year]": 2034, "card[cvc]": 123})
    stack.sandbox.api("POST", f"/v1/payment_methods/{method['id']}/attach",
                      customer=at_stripe(stack, bought)["customer"])
    change_at_stripe(stack, bought, default_payment_method=method["id"])


def test_amount_charged_is_the_amount_shown(changeable):
    alice, bought = buy_days_ago(changeable)
    shown = preview(alice, bought, newPlan="premium")
    assert [line["amount"] < 0 for line in shown["lines"]["data"]] == [True, False]
    time.sleep(2)
    hold_events(changeable)
    answer = update(alice, bought, newPlan="premium", prorationDate=shown["prorationDate"])
    assert "clientSecret" not in answer
    assert plan_of(answer["subscription"]) == ("premium_monthly", 1)
    assert last_charge(changeable, bought)["amount_paid"] == shown["amount_due"] > 0
    assert plan_of(listed(alice)[0]) == ("premium_monthly", 1)


def test_preview_changes_nothing(changeable):
    alice, bought = buy(changeable)
    preview(alice, bought, newPlan="premium")
    assert plan_of(at_stripe(changeable, bought)) == ("basic_monthly", 1)
    assert len(invoices(changeable)) == 1


def test_preview_and_update_ask_for_the_same(changeable):
    alice, bought = buy(changeable)
    shown = preview(alice, bought, newLookupKey="premium_yearly", quantity=3)
    update(alice, bought, newLookupKey="premium_yearly", quantity=3, prorationDate=shown["prorationDate"])
    [asked] = calls(changeable, PREVIEW)
    sent = calls(changeable, f"{SUBSCRIPTIONS}/{bought['subscriptionId']}")[-1]["params"]
    asked = asked["params"]["subscription_details"]
    for name in ("items", "proration_behavior", "proration_date"):
        assert sent[name] == asked[name], name
    assert sent["payment_behavior"] == "pending_if_incomplete"


def test_quantity_is_kept_by_a_new_price(changeable):
    alice, bought = buy(changeable, plan="basic", quantity=3)
    answer = update(alice, bought, newPriceId=price(changeable, "premium_monthly"))
    assert plan_of(answer["subscription"]) == ("premium_monthly", 3)


def test_quantity_alone_is_changed(changeable):
    alice, bought = buy(changeable)
    shown = preview(alice, bought, quantity=4)
    assert plan_of(update(alice, bought, quantity=4, prorationDate=shown["prorationDate"])["subscription"]) == (
        "basic_monthly", 4)


def test_made_up_date_is_refused(changeable):
    """A caller who could choose the date would choose the price."""
    alice, bought = buy_days_ago(changeable)
    end = at_stripe(changeable, bought)["items"]["data"][0]["current_period_end"]
    answer = update(alice, bought, status=400, newPlan="premium", prorationDate=end - 1)
    assert error(answer) == ("preview_expired", "prorationDate")
    assert plan_of(at_stripe(changeable, bought)) == ("basic_monthly", 1)


@pytest.mark.parametrize("fields", [
    {"newPlan": "premium", "quantity": 2}, {"newLookupKey": "premium_yearly"}, {"quantity": 5}])
def test_date_of_another_change_is_refused(changeable, fields):
    alice, bought = buy_days_ago(changeable)
    shown = preview(alice, bought, newPlan="premium")
    answer = update(alice, bought, status=400, prorationDate=shown["prorationDate"], **fields)
    assert error(answer) == ("preview_expired", "prorationDate")


def test_date_shown_to_another_is_refused(changeable):
    alice, hers = buy_days_ago(changeable)
    bob, his = buy(changeable, "bob")
    shown = preview(alice, hers, newPlan="premium")
    answer = update(bob, his, status=400, newPlan="premium", prorationDate=shown["prorationDate"])
    assert error(answer) == ("preview_expired", "prorationDate")


def test_preview_is_good_for_a_quarter_of_an_hour(changeable):
    alice, bought = buy(changeable)
    shown = preview(alice, bought, newPlan="premium")
    redis = changeable.redis.client()
    [key] = redis.keys("tollgate:{shop}:preview:*")
    assert 890 < redis.ttl(key) <= 900
    redis.delete(key)
    answer = update(alice, bought, status=400, newPlan="premium", prorationDate=shown["prorationDate"])
    assert error(answer) == ("preview_expired", "prorationDate")


def test_preview_of_another_trial_is_no_price(changeable):
    alice, bought = buy(changeable)
    shown = preview(alice, bought, newPlan="premium", trialEndDate=int(time.time()) + 20 * DAY)
    assert shown["prorationDate"] is None
    assert not changeable.redis.client().keys("tollgate:{shop}:preview:*")
    answer = preview(alice, bought, status=400, newPlan="premium", trialEndDate=5)
    assert error(answer) == ("parameter_invalid", "trialEndDate")


def test_second_click_changes_nothing(changeable):
    alice, bought = buy(changeable)
    shown = preview(alice, bought, newPlan="premium")
    first = update(alice, bought, newPlan="premium", prorationDate=shown["prorationDate"])
    assert update(alice, bought, newPlan="premium", prorationDate=shown["prorationDate"]) == first
    assert len(invoices(changeable)) == 2


def test_there_and_back_and_there(changeable):
    """Each is made anew, not answered with what Stripe has stored."""
    alice, bought = buy(changeable)
    for plan in ("premium", "basic", "premium"):
        assert update(alice, bought, newPlan=plan)["subscription"]["plan"] == plan
    assert plan_of(at_stripe(changeable, bought)) == ("premium_monthly", 1)


def test_declined_upgrade_leaves_the_old_plan(changeable):
    alice, bought = buy_days_ago(changeable)
    use_card(changeable, bought, "4000000000000341")
    shown = preview(alice, bought, newPlan="premium")
    answer = update(alice, bought, newPlan="premium", prorationDate=shown["prorationDate"])
    assert plan_of(answer["subscription"]) == ("basic_monthly", 1)
    assert answer["subscription"]["status"] == "active"
    again = update(alice, bought, newPlan="premium", prorationDate=shown["prorationDate"])
    assert again["clientSecret"] == answer["clientSecret"]
    paid = confirm(changeable, answer["clientSecret"])
    assert (paid["status"], paid["amount"]) == ("succeeded", shown["amount_due"])
    assert plan_of(at_stripe(changeable, bought)) == ("premium_monthly", 1)
    changeable.settle()
    assert plan_of(listed(alice)[0]) == ("premium_monthly", 1)


def test_upgrade_waits_for_authentication(changeable):
    alice, bought = buy_days_ago(changeable)
    use_card(changeable, bought, "4000002760003184")
    answer = update(alice, bought, newPlan="premium")
    assert plan_of(answer["subscription"]) == ("basic_monthly", 1)
    intent = changeable.sandbox.api("GET", f"/v1/payment_intents/{answer['clientSecret'].split('_secret_')[0]}")
    assert intent["status"] == "requires_action"


def test_other_change_takes_the_place_of_one_that_waits(changeable):
    alice, bought = buy_days_ago(changeable)
    use_card(changeable, bought, "4000000000000341")
    first = update(alice, bought, newPlan="premium")
    second = update(alice, bought, newPlan="premium", quantity=2)
    assert second["clientSecret"] != first["clientSecret"]
    assert confirm(changeable, second["clientSecret"])["status"] == "succeeded"
    assert plan_of(at_stripe(changeable, bought)) == ("premium_monthly", 2)
    changeable.settle()


def test_lost_answer_charges_once(changeable):
    alice, bought = buy_days_ago(changeable)
    changeable.sandbox.control("POST", "faults", {"method": "POST", "path": "^/v1/subscriptions/sub_", "drop": "after"})
    assert update(alice, bought, newPlan="premium")["subscription"]["plan"] == "premium"
    assert len(invoices(changeable)) == 2


def test_bank_debit_is_changed_in_the_portal(changeable):
    alice = changeable.session("alice")
    bought = create(alice, plan="basic")
    method = changeable.sandbox.api("POST", "/v1/payment_methods", **{
        "type": "sepa_debit", "sepa_debit[iban]": "AT321904300235473204", "billing_details[name]": "Alice",
        "billing_details[email]": "alice@example.com"})
    confirm(changeable, bought["clientSecret"], method["id"])
    changeable.settle()
    assert error(update(alice, bought, status=409, newPlan="premium")) == ("use_portal", "subscriptionId")
    assert error(preview(alice, bought, status=409, newPlan="premium")) == ("use_portal", "subscriptionId")


@pytest.mark.parametrize("status, code", [
    ("past_due", "payment_due"), ("unpaid", "payment_due"), ("incomplete", "payment_due"),
    ("paused", "subscription_paused"), ("canceled", "subscription_ended"),
])
def test_what_is_open_comes_first(changeable, status, code):
    alice, bought = buy(changeable)
    set_at_stripe(changeable, bought, status=status)
    assert error(update(alice, bought, status=409, newPlan="premium")) == (code, "subscriptionId")


def test_invoices_that_are_sent_are_changed_in_the_portal(changeable):
    alice, bought = buy(changeable)
    set_at_stripe(changeable, bought, collection_method="send_invoice")
    assert error(update(alice, bought, status=409, newPlan="premium")) == ("use_portal", "subscriptionId")


def test_one_of_several_items_must_be_named(changeable):
    alice, bought = buy(changeable)
    changeable.sandbox.api("POST", "/v1/subscription_items", subscription=bought["subscriptionId"],
                           price=price(changeable, "premium_monthly"))
    changeable.settle()
    assert error(update(alice, bought, status=409, quantity=2)) == ("several_items", "itemId")
    item = at_stripe(changeable, bought)["items"]["data"][1]["id"]
    update(alice, bought, quantity=2, itemId=item)
    assert [row["quantity"] for row in at_stripe(changeable, bought)["items"]["data"]] == [1, 2]
    assert error(update(alice, bought, status=404, quantity=3, itemId="si_none")) == ("item_unknown", "itemId")


@pytest.mark.parametrize("fields, code, param", [
    ({}, "parameter_missing", "newPriceId"),
    ({"newPriceId": "price_of_another_site"}, "price_not_in_plans", "newPriceId"),
    ({"newPlan": "gold"}, "plan_unknown", "newPlan"),
    ({"newLookupKey": "gold_monthly"}, "price_not_in_plans", "newLookupKey"),
    ({"newPlan": "premium", "newPriceId": "price_1"}, "parameter_invalid", "newPriceId"),
    ({"newPlan": "premium", "quantity": 6}, "parameter_invalid", "quantity"),
    ({"newPlan": "premium", "quantity": 0}, "parameter_invalid", "quantity"),
    ({"newPlan": "premium", "prorationDate": "yesterday"}, "parameter_invalid", "prorationDate"),
])
def test_refused_change_names_its_field(changeable, fields, code, param):
    alice, bought = buy(changeable)
    assert error(update(alice, bought, status=400, **fields)) == (code, param)
    assert plan_of(at_stripe(changeable, bought)) == ("basic_monthly", 1)


@pytest.mark.parametrize("endpoint", ["create-preview-invoice", "update-subscription"])
def test_nobody_changes_what_is_anothers(changeable, endpoint):
    _, bought = buy(changeable)
    answer = post(changeable.session("mallory"), endpoint, 404, subscriptionId=bought["subscriptionId"],
                  newPlan="premium")
    assert error(answer) == ("subscription_unknown", "subscriptionId")
    assert not calls(changeable, PREVIEW)


def test_customer_of_a_preview_is_the_subscriptions(changeable):
    alice, bought = buy(changeable)
    customer = at_stripe(changeable, bought)["customer"]
    assert preview(alice, bought, newPlan="premium", customerId=customer)["lines"]["data"]
    answer = preview(alice, bought, status=404, newPlan="premium", customerId="cus_none")
    assert error(answer) == ("customer_unknown", "customerId")


def charge_renewal_in_vain(stack, days):
    """Somebody who began so long ago, and how long it took her to find a good card. The invoice."""
    stack.sandbox.control("POST", "clock", {"now": int(time.time()) - days * DAY})
    alice, bought = buy(stack)
    use_card(stack, bought, "4000000000000341")
    end = at_stripe(stack, bought)["items"]["data"][0]["current_period_end"]
    stack.sandbox.control("POST", "clock/advance", {"to": end + DAY // 2})
    use_card(stack, bought, "4242424242424242")
    return alice, bought, at_stripe(stack, bought)["latest_invoice"]


@pytest.mark.parametrize("days, end, status", [
    (40, "void", 200), (40, "mark_uncollectible", 409), (70, "mark_uncollectible", 200)])
def test_invoice_stands_in_the_way_while_what_it_is_for_runs(changeable, days, end, status):
    alice, bought, unpaid = charge_renewal_in_vain(changeable, days)
    changeable.sandbox.api("POST", f"/v1/invoices/{unpaid}/{end}")
    changeable.sandbox.control("POST", "clock", {"live": True})
    set_at_stripe(changeable, bought, status="active")
    answer = update(alice, bought, status=status, newPlan="premium")
    assert status == 200 or error(answer) == ("payment_due", "subscriptionId")


def test_open_invoice_of_long_ago_is_to_be_paid_first(changeable):
    alice, bought, unpaid = charge_renewal_in_vain(changeable, 70)
    changeable.sandbox.api("POST", f"/v1/invoices/{unpaid}", auto_advance="false")
    changeable.sandbox.control("POST", "clock", {"live": True})
    set_at_stripe(changeable, bought, status="active")
    assert error(update(alice, bought, status=409, newPlan="premium")) == ("payment_due", "subscriptionId")
    confirm(changeable, post(alice, "pay-invoice")["clientSecret"])
    assert update(alice, bought, newPlan="premium")["subscription"]["plan"] == "premium"


def test_preview_of_another_change_is_shown_while_one_waits(changeable):
    alice, bought = buy_days_ago(changeable)
    use_card(changeable, bought, "4000000000000341")
    assert update(alice, bought, newPlan="premium")["clientSecret"]
    assert preview(alice, bought, newPlan="premium", quantity=2)["amount_due"] > 0


def test_preview_that_has_gone_meanwhile_is_no_error(changeable):
    alice, bought = buy(changeable)
    use_card(changeable, bought, "4000000000000341")
    shown = preview(alice, bought, newPlan="premium")
    changeable.sandbox.control("POST", "faults", {"method": "POST", "path": "^/v1/subscriptions/sub_", "delay": 1})
    redis = changeable.redis.client()
    [key] = redis.keys("tollgate:{shop}:preview:*")
    thread = threading.Timer(0.5, redis.delete, [key])
    thread.start()
    assert update(alice, bought, newPlan="premium", prorationDate=shown["prorationDate"])["clientSecret"]
    thread.join()
    assert not redis.exists(key)


TRIALS = """
  plan "basic"   { lookup_key = "basic_monthly" trial_days = 14 quantity_max = 5 }
  plan "premium" { lookup_key = "premium_monthly" %s }
"""


@pytest.mark.parametrize("trial, kept", [
    ("", False), ("trial_days = 7", False), ("trial_days = 14", True), ("trial_days = 30", True)])
def test_trial_is_kept_by_a_plan_that_gives_as_long_a_one(stack_factory, trial, kept):
    stack = stack_factory(site={"plans": TRIALS % trial})
    alice, bought = buy(stack)
    ends = at_stripe(stack, bought)["trial_end"]
    shown = preview(alice, bought, newPlan="premium")
    answer = update(alice, bought, newPlan="premium", prorationDate=shown["prorationDate"])["subscription"]
    assert (answer["plan"], answer["status"]) == ("premium", "trialing" if kept else "active")
    assert (at_stripe(stack, bought)["trial_end"] == ends) == kept
    assert last_charge(stack, bought)["amount_paid"] == (0 if kept else shown["amount_due"])


def test_trial_is_kept_by_another_quantity(stack_factory):
    stack = stack_factory(site={"plans": TRIALS % ""})
    alice, bought = buy(stack)
    assert update(alice, bought, quantity=2)["subscription"]["status"] == "trialing"


@pytest.fixture
def with_fee(stack_factory):
    stack = stack_factory(site={"plans": PLANS.replace(
        '"premium_yearly"}', '"premium_yearly"} setup_lookup_key = "setup"')})
    seed_fee(stack)
    return stack


def amounts(invoice):
    return [line["amount"] for line in invoice["lines"]["data"]]


def test_set_up_fee_of_another_plan_is_shown_and_charged(with_fee):
    alice, bought = buy_days_ago(with_fee)
    shown = preview(alice, bought, newPlan="premium")
    update(alice, bought, newPlan="premium", prorationDate=shown["prorationDate"])
    charged = last_charge(with_fee, bought)
    assert 1000 in amounts(shown) and amounts(charged) == amounts(shown)
    assert charged["amount_paid"] == shown["amount_due"]


@pytest.mark.parametrize("fields", [{"newLookupKey": "premium_yearly"}, {"quantity": 2}, {"newPlan": "basic"}])
def test_set_up_fee_is_not_charged_again(with_fee, fields):
    alice, bought = buy(with_fee, plan="premium")
    shown = preview(alice, bought, **fields)
    update(alice, bought, prorationDate=shown["prorationDate"], **fields)
    assert 1000 not in amounts(shown) + amounts(last_charge(with_fee, bought))


def test_preview_with_another_set_up_fee_is_refused(with_fee):
    alice, bought = buy(with_fee)
    shown = preview(alice, bought, newPlan="premium")
    with_fee.sandbox.api("POST", "/v1/prices", product="prod_basic", currency="eur", unit_amount=9900,
                         lookup_key="setup", transfer_lookup_key="true")
    with_fee.redis.client().delete("tollgate:{shop}:price")
    answer = update(alice, bought, status=400, newPlan="premium", prorationDate=shown["prorationDate"])
    assert error(answer) == ("preview_expired", "prorationDate")


def test_what_she_has_already_is_sold_when_it_has_ended(changeable):
    """No event has said so: Stripe is asked before it is refused."""
    alice, premium = buy(changeable, plan="premium")
    _, basic = buy(changeable)
    for show_or_make in (preview, update):
        answer = show_or_make(alice, basic, status=409, newPlan="premium")
        assert error(answer) == ("already_subscribed", None)
    hold_events(changeable)
    end(changeable, premium)
    assert update(alice, basic, newPlan="premium")["subscription"]["plan"] == "premium"
