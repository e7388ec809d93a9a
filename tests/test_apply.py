"""How what Stripe says ends in the record: late, twice, in any order, in the shapes of any version."""
import itertools
import json
import time

import pytest
from test_attacks import cancel
from test_subscription import confirm
from test_subscription_change import set_at_stripe
from testenv.webhook import Webhook, event, invoice, subscription

DAY = 86400
UPDATED = "customer.subscription.updated"


@pytest.fixture(scope="module")
def webhook_process():
    webhook = Webhook()
    yield webhook
    webhook.stop()


@pytest.fixture
def webhook(webhook_process):
    webhook_process.redis.flushall()
    return webhook_process


@pytest.fixture
def now():
    return int(time.time())


def snapshot(webhook, id="sub_1"):
    return json.loads(webhook.record()[f"subscription:{id}"])


def test_late_event_does_not_bring_back_an_ended_subscription(webhook, now):
    webhook.show("canceled", now - 5, kind="deleted")
    webhook.show("active", now - 8, kind="created")
    assert webhook.status() == "canceled"
    assert webhook.is_dirty()


def test_event_older_than_a_minute_is_dropped_without_a_mark(webhook, now):
    webhook.show("active", now)
    webhook.show("incomplete", now - 61)
    assert webhook.status() == "active"
    assert not webhook.is_dirty()


def test_created_and_updated_of_one_second_end_active_in_both_orders(webhook, now):
    created = event("customer.subscription.created", subscription("incomplete"), created=now)
    updated = event(UPDATED, subscription("active"), created=now, before={"status": "incomplete"})
    for order in ([created, updated], [updated, created]):
        webhook.redis.flushall()
        webhook.take(*order)
        assert webhook.status() == "active"


def test_previous_attributes_order_the_changes_of_one_second(webhook, now):
    webhook.show("active", now - 60)
    item = subscription()["items"]["data"][0]
    for quantity in (2, 3, 4):
        changed = subscription(items={"data": [{**item, "quantity": quantity}]})
        before = {"items": {"data": [{**item, "quantity": quantity - 1}]}}
        webhook.take(event(UPDATED, changed, created=now, before=before if quantity > 2 else None))
    assert snapshot(webhook)["items"][0]["quantity"] == 4


def test_what_goes_to_and_fro_within_a_second_is_read(webhook, now):
    """The last change was seen and read; one before it seems to follow it."""
    plain = subscription()
    paused = {**plain, "pause_collection": {"behavior": "void"}}
    webhook.take(event(UPDATED, plain, created=now))
    webhook.take(event(UPDATED, paused, created=now, before={"pause_collection": None}))
    assert webhook.is_dirty()


LIFE = [("created", "incomplete", None), ("updated", "active", "incomplete"),
        ("updated", "past_due", "active"), ("deleted", "canceled", "past_due")]


@pytest.mark.parametrize("seconds", [(0, 1, 2, 3), (0, 0, 1, 1), (0, 0, 0, 1), (0, 0, 0, 0)])
def test_every_order_of_a_life_ends_canceled_or_is_read_again(webhook, now, seconds):
    events = [event(f"customer.subscription.{kind}", subscription(status), created=now - 10 + second,
                    before={"status": before} if before else None)
              for second, (kind, status, before) in zip(seconds, LIFE)]
    for order in itertools.permutations(events):
        webhook.redis.flushall()
        webhook.take(*order, *order)
        assert webhook.status() == "canceled" or webhook.is_dirty(), [e["data"] for e in order]


@pytest.mark.parametrize("seconds", [(0, 1, 2), (0, 0, 1), (0, 1, 1), (0, 0, 0)])
def test_every_order_of_a_life_that_goes_on_ends_right_or_is_read_again(webhook, now, seconds):
    events = [event(f"customer.subscription.{kind}", subscription(status), created=now - 10 + second,
                    before={"status": before} if before else None)
              for second, (kind, status, before) in zip(seconds, LIFE[:3])]
    for order in itertools.permutations(events):
        webhook.redis.flushall()
        webhook.take(*order)
        assert webhook.status() == "past_due" or webhook.is_dirty(), [e["data"] for e in order]


def test_old_event_about_nobody_known_only_asks(webhook, now):
    webhook.show("active", now - 700)
    assert webhook.record() == {}
    assert webhook.is_dirty()
    assert webhook.counters() == {"stale": 1}


def test_payload_of_an_older_version_is_read_alike(webhook, now):
    new = subscription(latest_invoice="in_1")
    [item] = new["items"]["data"]
    period_end = item["current_period_end"]
    old_item = {key: value for key, value in item.items() if key != "current_period_end"}
    old = {**new, "current_period_end": period_end, "items": {"data": [old_item]}}
    webhook.take(event("customer.subscription.created", old, created=now, api_version="2020-08-27"))
    assert snapshot(webhook)["items"][0]["current_period_end"] == period_end
    webhook.take(event(UPDATED, new, created=now))
    assert not webhook.is_dirty()


def test_test_clock_is_followed_and_always_read(webhook, now):
    clock = {"test_clock": "clock_1"}
    webhook.show("incomplete", now + 90 * DAY, kind="created", **clock)
    webhook.show("active", now + 80 * DAY, before={"status": "incomplete"}, **clock)
    assert webhook.status() == "active"
    assert webhook.is_dirty()


def test_past_due_since_is_the_first_event_that_says_so(webhook, now):
    webhook.show("past_due", now - 50)
    webhook.show("past_due", now - 10, latest_invoice="in_2")
    assert webhook.record()["past_due_since:sub_1"] == str(now - 50)
    webhook.show("active", now)
    assert "past_due_since:sub_1" not in webhook.record()


def test_past_due_is_read_when_it_begins_and_when_something_was_missed(webhook, now):
    overdue, later = subscription("past_due", latest_invoice="in_2"), {"latest_invoice": "in_3"}
    webhook.take(event(UPDATED, {**overdue, "status": "active"}, created=now - 60))
    for data, before, read in (
            (overdue, {"status": "active"}, True), ({**overdue, **later}, {"latest_invoice": "in_2"}, False),
            ({**overdue, **later, "cancel_at": now + DAY}, {"status": "active"}, True)):
        webhook.redis.delete(webhook.key("dirty"))
        now += 1
        webhook.take(event(UPDATED, data, created=now - 50, before=before))
        assert webhook.is_dirty() == read


def test_failed_bank_debit_of_the_first_invoice_is_recorded(webhook):
    webhook.take(event("customer.subscription.created", subscription("active")))
    webhook.take(event("invoice.payment_failed", invoice()))
    assert webhook.record()["first_payment:sub_1"] == "failed"
    webhook.take(event("invoice.paid", invoice(status="paid")))
    webhook.take(event("invoice.payment_failed", invoice()))
    assert webhook.record()["first_payment:sub_1"] == "paid"


def test_failure_from_before_it_was_active_is_asked_about(webhook, now):
    """A card was declined, the next one taken: who has paid is not shut out by an event that came late."""
    webhook.show("incomplete", now - 100, kind="created")
    webhook.show("active", now - 10)
    webhook.redis.delete(webhook.key("dirty"))
    webhook.take(event("invoice.payment_failed", invoice(), created=now - 60))
    assert "first_payment:sub_1" not in webhook.record()
    assert webhook.is_dirty()


def test_paid_session_stays_so(webhook, now):
    def told(payment_status, created):
        return event("checkout.session.completed", {
            "object": "checkout.session", "id": "cs_1", "mode": "subscription", "customer": "cus_1",
            "subscription": "sub_1", "status": "complete", "payment_status": payment_status,
            "expires_at": now + DAY}, created=created)
    late = told("unpaid", now - 5)
    key = webhook.key("session", "cs_1")
    for made, expected in ((late, "unpaid"), (told("paid", now), "paid"), (late, "paid"), (told("unpaid", now - 3), "paid")):
        webhook.take(made)
        assert webhook.redis.hget(key, "payment_status") == expected


def test_invoice_never_moves_status_or_time(webhook, now):
    webhook.show("past_due", now - 20)
    webhook.take(event("invoice.paid", invoice(status="paid"), created=now))
    assert webhook.status() == "past_due"
    assert webhook.record()["as_of:sub_1"] == str(now - 20)


def test_payment_intent_matters_while_the_first_payment_is_open(webhook, now):
    intent = {"object": "payment_intent", "id": "pi_1", "customer": "cus_1"}
    webhook.show("active", now)
    webhook.take(event("payment_intent.succeeded", intent))
    assert not webhook.is_dirty()
    webhook.show("incomplete", now, id="sub_2")
    webhook.take(event("payment_intent.processing", intent))
    assert webhook.is_dirty()


@pytest.mark.parametrize("kind", ["invoice.voided", "invoice.marked_uncollectible",
                                  "subscription_schedule.released", "subscription_schedule.updated"])
def test_what_an_event_cannot_say_is_asked(webhook, now, kind):
    webhook.show("active", now)
    webhook.take(event(kind, {"object": "x", "id": "x_1", "customer": "cus_1"}))
    assert webhook.is_dirty()


def test_deleted_customer_stays_deleted(webhook, now):
    customer = {"object": "customer", "id": "cus_1", "email": "ada@shop.example"}
    webhook.take(event("customer.created", customer, created=now - 9))
    webhook.take(event("customer.deleted", customer, created=now - 5))
    webhook.take(event("customer.updated", customer, created=now))
    webhook.show("active", now)
    assert webhook.record()["deleted"] == "1"


def test_email_follows_its_own_time(webhook, now):
    for email, age in (("a@shop.example", 9), ("c@shop.example", 0), ("b@shop.example", 5)):
        webhook.take(event("customer.created" if age == 9 else "customer.updated",
                           {"object": "customer", "id": "cus_1", "email": email}, created=now - age))
    assert webhook.record()["email"] == "c@shop.example"


def entitlements(*keys, has_more=False):
    data = [{"object": "entitlements.active_entitlement", "lookup_key": key} for key in keys]
    return {"object": "entitlements.active_entitlement_summary", "customer": "cus_1",
            "entitlements": {"object": "list", "data": data, "has_more": has_more}}


def test_features_follow_their_own_time(webhook, now):
    kind = "entitlements.active_entitlement_summary.updated"
    webhook.show("active", now)
    webhook.take(event(kind, entitlements("exports", "imports"), created=now - 5))
    webhook.take(event(kind, entitlements("exports"), created=now - 9))
    assert json.loads(webhook.record()["features"]) == ["exports", "imports"]
    assert not webhook.is_dirty()
    webhook.take(event(kind, entitlements("imports"), created=now - 5))
    assert webhook.is_dirty()


def test_more_features_than_an_event_holds_are_listed(webhook, now):
    webhook.show("active", now)
    webhook.take(event("entitlements.active_entitlement_summary.updated",
                       entitlements("exports", has_more=True)))
    assert "features" not in webhook.record()
    assert webhook.is_dirty()


def session(**more):
    return {"object": "checkout.session", "id": "cs_1", "mode": "subscription", "customer": "cus_1",
            "subscription": "sub_1", "status": "complete", "payment_status": "paid",
            "expires_at": int(time.time()) + 3600, "metadata": {}, **more}


OURS = {"metadata": {"tollgate_site": "shop", "tollgate_user": "ada"}}


def test_completed_session_links_and_asks_for_what_is_missing(webhook, now):
    webhook.take(event("checkout.session.completed", session(**OURS)))
    assert webhook.record()["user"] == "ada"
    assert webhook.is_dirty()
    assert webhook.redis.hget(webhook.key("session", "cs_1"), "status") == "complete"
    assert webhook.notices() == []


def test_completed_session_of_a_known_subscription_asks_nothing(webhook, now):
    webhook.show("active", now)
    webhook.take(event("checkout.session.completed", session(**OURS)))
    assert not webhook.is_dirty()


def test_payment_that_cannot_be_linked_is_told(webhook):
    webhook.take(event("checkout.session.completed", session()))
    [notice] = webhook.notices()
    assert (notice["type"], notice["customer"], notice["user"]) == ("unlinked_subscription", "cus_1", "")
    assert notice["data"]["subscription"] == "sub_1"


def test_link_is_never_overwritten(webhook, now):
    for user in ("ada", "eve"):
        webhook.show("active", now, metadata={"tollgate_site": "shop", "tollgate_user": user})
    assert webhook.record()["user"] == "ada"


def test_metadata_of_another_site_links_nobody(webhook, now):
    webhook.show("active", now, metadata={"tollgate_site": "other", "tollgate_user": "ada"})
    assert "user" not in webhook.record()


def test_expired_session_is_never_open_again(webhook):
    webhook.take(event("checkout.session.expired", session(status="expired")))
    webhook.take(event("checkout.session.async_payment_failed", session(status="open")))
    assert webhook.redis.hget(webhook.key("session", "cs_1"), "status") == "expired"
    assert len(webhook.notices("checkout_async_payment_failed")) == 1


def test_status_change_is_told_with_its_reason(webhook, now):
    webhook.show("active", now - 5)
    webhook.show("canceled", now, kind="deleted", cancellation_details={"reason": "payment_failed"})
    assert webhook.notices("subscription_status_changed")[-1]["data"] == {
        "subscription": "sub_1", "from": "active", "to": "canceled", "reason": "payment_failed"}


def test_second_subscription_is_told(webhook, now):
    webhook.show("active", now - 5)
    webhook.show("trialing", now, id="sub_2")
    [notice] = webhook.notices("duplicate_subscription")
    assert notice["data"] == {"subscription": "sub_2", "other": "sub_1"}


def test_notice_has_an_id_that_stays(webhook):
    failed = event("invoice.payment_failed", invoice(next_payment_attempt=1800000000))
    webhook.take(failed)
    [notice] = webhook.notices()
    assert notice["id"] == failed["id"] + "-payment_failed"
    assert notice["data"]["next_payment_attempt"] == 1800000000
    assert notice["data"]["amount_due"] == 500


def test_nothing_older_than_three_days_is_told(webhook, now):
    webhook.take(event("invoice.payment_failed", invoice(), created=now - 3 * DAY - 5))
    assert webhook.notices() == []


def test_trial_will_end_is_applied_and_waits_for_the_reading_that_completes_it(webhook, now):
    webhook.show("trialing", now, kind="trial_will_end", trial_end=now + 3 * DAY)
    assert webhook.notices("trial_will_end") == [] and webhook.is_dirty()
    awaited = json.loads(webhook.record()["awaited:sub_1"])
    assert json.loads(awaited["data"])["trial_end"] == now + 3 * DAY
    assert webhook.status() == "trialing"


def test_life_at_stripe_ends_alike_whatever_its_events_go_through(stack):
    stack.sandbox.control("POST", "delivery", {"shuffle": True, "copies": 2, "seed": 7, "jitter": 0.05})
    ada = stack.session("ada", email="ada@shop.example")
    session_id = ada.post("/billing/create-checkout-session", json={"plan": "basic"}).json()["sessionId"]
    stack.sandbox.control("POST", f"checkout/sessions/{session_id}/pay", {"card": "4242424242424242"})
    stack.settle()
    redis = stack.redis.client()
    [truth] = stack.sandbox.api("GET", "/v1/subscriptions", status="all")["data"]
    record = redis.hgetall("tollgate:{shop}:customer:" + truth["customer"])
    assert record["user"] == "ada"
    assert (record["status:" + truth["id"]] == truth["status"]
            or redis.zscore("tollgate:{shop}:dirty", truth["customer"]))


def bought(stack, card="4242424242424242", hold=False):
    """Ada has bought; the session's id and her customer's."""
    stack.sandbox.control("POST", "delivery", {"hold": hold})
    ada = stack.session("ada", email="ada@shop.example")
    session_id = ada.post("/billing/create-checkout-session", json={"plan": "basic"}).json()["sessionId"]
    stack.sandbox.control("POST", f"checkout/sessions/{session_id}/pay", {"card": card})
    return session_id, stack.sandbox.api("GET", f"/v1/checkout/sessions/{session_id}")["customer"]


def read(stack, session_id, customer):
    """The customer's record, empty before, as it was read from Stripe for the return page."""
    stack.redis.flush()
    answer = stack.session("ada").get("/billing/session-status", params={"session_id": session_id})
    assert answer.status_code == 200, answer.text
    return stack.redis.client().hgetall("tollgate:{shop}:customer:" + customer)


@pytest.mark.parametrize("card, state, advance", [
    ("4242424242424242", "paid", 0), ("AT321904300235473204", "paid", 600),
    ("AT861904300235473202", "failed", 600)])
def test_first_payment_is_read(stack, card, state, advance):
    session_id, customer = bought(stack, card, hold=True)
    if advance:
        stack.sandbox.control("POST", "clock", {"now": int(time.time())})
        stack.sandbox.control("POST", "clock/advance", {"by": advance})
    record = read(stack, session_id, customer)
    [(status, payment)] = [(record["status:" + id], record["first_payment:" + id]) for id in
                           (field.split(":")[1] for field in record if field.startswith("subscription:"))]
    assert (status, payment) == ("active", state)


@pytest.mark.parametrize("card, state, advance", [
    ("4242424242424242", ["paid"], 0), ("AT321904300235473204", ["processing"], 0),
    ("AT861904300235473202", ["failed"], 600)])
def test_first_payment_of_what_was_canceled_is_read(stack, card, state, advance):
    session_id, customer = bought(stack, card, hold=True)
    [subscription] = stack.sandbox.api("GET", "/v1/subscriptions", customer=customer)["data"]
    cancel(stack, subscription["id"])
    if advance:
        stack.sandbox.control("POST", "clock", {"now": int(time.time())})
        stack.sandbox.control("POST", "clock/advance", {"by": advance})
    record = read(stack, session_id, customer)
    assert record["status:" + subscription["id"]] == "canceled"
    assert [value for field, value in record.items() if field.startswith("first_payment:")] == state


def test_what_expired_before_anybody_paid_is_held_against_nobody(stack):
    answer = begun_in_the_own_form(stack)
    cancel(stack, answer["subscriptionId"])
    assert read_again(stack) == ["incomplete_expired"]


def begun_in_the_own_form(stack):
    """What create-subscription answers, without a word of it to Redis."""
    stack.sandbox.control("POST", "delivery", {"hold": True})
    answer = stack.session("ada").post("/billing/create-subscription", json={"plan": "basic"}).json()
    stack.redis.flush()
    return answer


def read_again(stack):
    """Her record, and what it says of the first payment."""
    assert stack.session("ada").get("/billing/subscriptions").status_code == 200
    [customer] = stack.sandbox.api("GET", "/v1/customers")["data"]
    record = stack.redis.client().hgetall("tollgate:{shop}:customer:" + customer["id"])
    return [value for field, value in record.items() if field.startswith(("status:", "first_payment:"))]


def test_first_debit_that_a_browser_confirmed_is_read(stack):
    """Of which the invoice says that nothing was attempted."""
    answer = begun_in_the_own_form(stack)
    method = stack.sandbox.api("POST", "/v1/payment_methods", **{
        "type": "sepa_debit", "sepa_debit[iban]": "AT321904300235473204", "billing_details[name]": "Ada",
        "billing_details[email]": "ada@shop.example"})
    confirm(stack, answer["clientSecret"], method["id"])
    [invoice] = stack.sandbox.api("GET", "/v1/invoices")["data"]
    assert not invoice["attempted"]
    assert sorted(read_again(stack)) == ["active", "processing"]


def test_payment_that_nobody_tried_has_not_failed(stack):
    answer = begun_in_the_own_form(stack)
    set_at_stripe(stack, answer, status="active")  # as one that a schedule began
    assert read_again(stack) == ["active"]


def test_key_without_the_permission_for_payments_reads_the_rest(stack):
    session_id, customer = bought(stack, "AT321904300235473204", hold=True)
    stack.sandbox.control("POST", "faults", {"path": "/v1/invoice_payments", "status": 403, "times": 0})
    record = read(stack, session_id, customer)
    assert "active" in record.values()
    assert not [field for field in record if field.startswith("first_payment:")]


def test_more_subscriptions_than_a_page_are_all_read(stack):
    session_id, customer = bought(stack, hold=True)
    [first] = stack.sandbox.api("GET", "/v1/subscriptions", customer=customer)["data"]
    price = first["items"]["data"][0]["price"]["id"]
    for _ in range(100):
        stack.sandbox.api("POST", "/v1/subscriptions", customer=customer, **{
            "items[0][price]": price, "trial_period_days": 7})
    record = read(stack, session_id, customer)
    assert sum(field.startswith("subscription:") for field in record) == 101
