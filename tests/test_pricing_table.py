"""customer-session, and payments that begin on a page of Stripe's: a pricing table, a Payment Link."""
import base64
import time

import pytest
from test_checkout import calls, error
from test_portal import price
from testenv.sync import sync_once

SESSION = "/billing/customer-session"


def open_table(session, status=200):
    answer = session.post(SESSION, json={})
    assert answer.status_code == status, answer.text
    return answer.json()


def pay_by_link(stack, reference=None, **more):
    """Somebody pays on Stripe's page, as a customer whom Stripe makes. Her id."""
    given = {"price": price(stack, "basic_monthly"), "email": "pays@example.com", **more}
    paid = stack.sandbox.control("POST", "payment_links/pay", {
        **given, **({"client_reference_id": reference} if reference else {})})
    stack.settle()
    return paid["session"]["customer"]


def owner(stack, customer):
    return stack.redis.client().hget("tollgate:{shop}:customer:" + customer, "user")


def notices(stack):
    return [fields["type"] for _, fields in stack.redis.client().xrange("tollgate:{shop}:notices")]


def subscriptions(session):
    return session.get("/billing/subscriptions").json()["subscriptions"]["data"]


def changed(reference, at):
    raw = bytearray(base64.urlsafe_b64decode(reference + "=" * (-len(reference) % 4)))
    raw[at] ^= 1
    return base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()


def test_page_gets_what_a_pricing_table_needs(stack):
    answer = open_table(stack.session("alice"))
    [customer] = stack.sandbox.api("GET", "/v1/customers")["data"]
    assert answer["clientSecret"].startswith("cuss_") and answer["expiresAt"] > time.time()
    assert answer["customerId"] == customer["id"]
    [call] = calls(stack, "/v1/customer_sessions")
    assert call["params"] == {"customer": customer["id"], "components": {"pricing_table": {"enabled": "true"}}}


@pytest.mark.parametrize("user", ["a", "ä" * 64, "x" * 128])
def test_reference_is_one_that_stripe_takes(stack, user):
    reference = open_table(stack.session(user))["clientReferenceId"]
    assert len(reference) <= 200 and reference.replace("-", "").replace("_", "").isalnum()
    assert owner(stack, pay_by_link(stack, reference)) == user


def test_payment_with_her_reference_is_hers(stack):
    alice = stack.session("alice")
    pay_by_link(stack, open_table(alice)["clientReferenceId"])
    sync_once(stack.site, "--once")
    assert [one["status"] for one in subscriptions(alice)] == ["active"]
    assert "unlinked_subscription" not in notices(stack)


@pytest.mark.parametrize("at", [0, 3, 4, 19, 20])
def test_forged_reference_links_nobody_and_the_site_is_told(stack, at):
    reference = open_table(stack.session("alice"))["clientReferenceId"]
    assert not owner(stack, pay_by_link(stack, changed(reference, at)))
    assert "unlinked_subscription" in notices(stack)


@pytest.mark.parametrize("reference", [None, "alice", "order-17", "A" * 200])
def test_reference_of_the_sites_own_links_nobody(stack, reference):
    assert not owner(stack, pay_by_link(stack, reference))
    assert "unlinked_subscription" in notices(stack)


def test_link_outlives_a_flush_of_redis(stack):
    alice = stack.session("alice")
    customer = pay_by_link(stack, open_table(alice)["clientReferenceId"])
    sync_once(stack.site, "--once")
    stack.settle()
    assert stack.sandbox.api("GET", f"/v1/customers/{customer}")["metadata"] == {
        "tollgate_user": "alice", "tollgate_site": "shop"}
    stack.redis.flush()
    assert [one["status"] for one in subscriptions(alice)] == ["active"]


def test_customer_deleted_at_stripe_is_replaced(stack):
    alice = stack.session("alice")
    first = open_table(alice)["customerId"]
    stack.sandbox.control("POST", "delivery", {"drop": 1.0})
    stack.sandbox.session.delete(f"{stack.sandbox.base}/v1/customers/{first}",
                                 headers={"Authorization": "Bearer sk_test_sandbox"})
    assert open_table(alice)["customerId"] != first


def test_stranger_gets_none(stack):
    assert error(stack.session().post(SESSION, json={}).json())[0] == "identity_required"
