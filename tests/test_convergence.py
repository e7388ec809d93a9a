"""Whatever happens to the events, the record and the gate end equal to Stripe's: the
faults by name, through nginx, tollgate-webhook and tollgate-sync."""
import threading
import time

import pytest
from histories import figures
from histories.proxy import Proxy
from histories.shop import AGO, Shop
from testenv.process import wait_until
from testenv.sandbox import WEBHOOK_SECRET
from testenv.sync import sync_once

DAY = 86400
CANCELED = "canceled"


@pytest.fixture
def shop(stack):
    return Shop(stack)


@pytest.fixture
def proxy(shop, directory):
    """Between tollgate-sync and Stripe, when it is run with .config."""
    config = shop.stack.site.config
    proxy = Proxy(shop.sandbox.base, directory / "proxied.conf", config)
    yield proxy
    proxy.stop()


def subscriber(shop, **params):
    """ann, whose subscription is active and known."""
    customer = shop.customer()
    subscription = shop.subscribe(customer, **params)
    shop.deliver(*shop.events())
    shop.pass_time()
    return customer, subscription


def only(events):
    assert len(events) == 1, [event["type"] for event in events]
    return events[0]


def changed(shop, change):
    """The one event of a subscription that the change makes, and time passes."""
    before = {event["id"] for event in shop.events()}
    change()
    event = only([event for event in shop.subscription_events() if event["id"] not in before])
    shop.pass_time()
    return event


def test_stale_active_after_deleted(shop):
    customer, subscription = subscriber(shop)
    stale = changed(shop, lambda: shop.update(subscription, description="dear"))
    deleted = changed(shop, lambda: shop.cancel(subscription))
    shop.deliver(deleted, stale)
    assert shop.ask() == CANCELED
    shop.check()


def test_deleted_before_created_active(shop):
    customer = shop.customer()
    shop.deliver(*shop.events())
    subscription = shop.subscribe(customer)
    created = only(shop.subscription_events("active"))
    shop.pass_time()
    deleted = changed(shop, lambda: shop.cancel(subscription))
    shop.deliver(deleted, created)
    assert shop.ask() == CANCELED
    shop.check()


def begun_and_paid_at_once(shop):
    """(created while incomplete, updated when paid), both of one second."""
    customer = shop.customer(card="pm_card_chargeCustomerFail")
    shop.deliver(*shop.events())
    subscription = shop.subscribe(customer)
    invoice = shop.get(subscription)["latest_invoice"]
    shop.pay_with(customer, "pm_card_visa")
    shop.api("POST", f"/v1/invoices/{invoice}/pay")
    created, paid = only(shop.subscription_events("incomplete")), only(shop.subscription_events("active"))
    assert created["created"] == paid["created"]
    return customer, created, paid


def test_same_second_in_order_incomplete_to_active(shop):
    customer, created, paid = begun_and_paid_at_once(shop)
    shop.deliver(created)
    assert shop.ask() == "incomplete"
    shop.deliver(paid)
    assert shop.ask() == 204
    assert not shop.is_dirty(customer)
    shop.check()


def test_updated_active_before_created_incomplete(shop):
    customer, created, paid = begun_and_paid_at_once(shop)
    shop.deliver(paid, created)
    assert shop.ask() == 204
    shop.check()


def test_two_concurrent_reads_where_the_older_lands_last(shop, proxy):
    customer, subscription = subscriber(shop)
    with proxy.holding("/v1/subscriptions") as held:
        older = threading.Thread(target=shop.sync, args=("--customer", customer), kwargs={"config": proxy.config})
        older.start()
        assert held.wait(10)
        shop.cancel(subscription)
        shop.pass_time()
        shop.sync("--customer", customer)
        assert shop.ask() == CANCELED
    older.join()
    assert shop.ask() == CANCELED
    shop.check()


def test_store_error_once(shop):
    customer, subscription = subscriber(shop)
    deleted = changed(shop, lambda: shop.cancel(subscription))
    shop.redis.config_set("maxmemory", "1")
    assert shop.try_to_deliver(deleted) == 503
    shop.redis.config_set("maxmemory", "0")
    assert shop.ask() == 204
    shop.deliver(deleted)
    assert shop.ask() == CANCELED
    shop.check()


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429}, {"drop": "before"}, {"drop": "after"}])
def test_stripe_error_once(shop, fault):
    customer, subscription = subscriber(shop)
    shop.patch(subscription, status="unpaid", event=False)
    shop.redis.zadd(shop.key("dirty"), {customer: 1})
    shop.sandbox.control("POST", "faults", {"path": "^/v1/subscriptions", "method": "GET", "times": 1, **fault})
    shop.pass_time()
    wait_until(lambda: shop.try_to_sync() == 0)
    assert shop.ask() == "unpaid"
    assert not shop.is_dirty(customer)
    shop.check()


def test_event_before_the_user_is_linked(shop):
    customer = shop.customer(linked=False)
    shop.subscribe(customer)
    shop.deliver(*shop.events())
    assert shop.record(customer) and "user" not in shop.record(customer)
    shop.pass_time()
    shop.link(customer)
    shop.deliver(shop.events("customer.updated")[-1])
    assert shop.ask() == 204
    shop.check()


def test_duplicate_delivery_gives_one_notice(shop):
    customer, subscription = subscriber(shop)
    canceled = changed(shop, lambda: shop.cancel(subscription))
    shop.deliver(canceled, canceled, canceled)
    told, = [notice for notice in shop.notices("subscription_status_changed") if notice["data"]["to"] == CANCELED]
    assert told["id"].startswith(canceled["id"]) and told["data"]["from"] == "active"
    shop.check()


def test_item_swapped_then_a_stale_event(shop):
    customer, subscription = subscriber(shop, lookup_key="premium_monthly")
    stale = changed(shop, lambda: shop.update(subscription, description="dear"))
    swapped = changed(shop, lambda: shop.swap(subscription, "basic_monthly"))
    shop.deliver(swapped, stale)
    assert (shop.ask("plan:basic"), shop.ask("plan:premium")) == (204, "other_plan")
    shop.deliver(*shop.events("entitlements.active_entitlement_summary.updated"))
    shop.check()


def test_event_never_delivered(shop):
    shop.sync()
    customer, subscription = subscriber(shop)
    shop.until_now()
    shop.cancel(subscription)
    assert shop.ask() == 204
    shop.sync()
    assert shop.ask() == CANCELED
    shop.check()


def test_payload_of_an_api_version_before_the_period_moved_to_the_items(shop):
    shop.sandbox.control("DELETE", "webhooks")
    shop.sandbox.control("POST", "webhooks", {"url": f"{shop.stack.url}/billing/webhook",
                                              "secret": WEBHOOK_SECRET, "api_version": "2024-06-20"})
    customer, subscription = subscriber(shop)
    ends = shop.get(subscription)["items"]["data"][0]["current_period_end"]
    assert ends > time.time() + DAY
    assert shop.ask() == 204
    shop.check()


def test_second_subscription_of_the_same_customer(shop):
    customer, first = subscriber(shop)
    second = shop.subscribe(customer, "premium_monthly")
    shop.deliver(*shop.events())
    assert shop.ask("plan:premium") == 204
    told, = shop.notices("duplicate_subscription")
    assert told["data"] == {"subscription": second, "other": first}
    shop.pass_time()
    shop.cancel(first)
    shop.deliver(*shop.events())
    assert (shop.ask("plan:premium"), shop.ask("plan:basic")) == (204, "other_plan")
    shop.check()


def renewal_fails(shop, ago=5 * DAY):
    """A subscription whose renewal failed; it was begun a month earlier. Nothing of it was delivered."""
    shop.sandbox.control("POST", "settings", {"retries": {"schedule_days": [3, 5, 7], "end": "past_due"}})
    shop.sandbox.control("POST", "clock", {"now": int(time.time()) - 31 * DAY - ago})
    customer = shop.customer()
    subscription = shop.subscribe(customer)
    shop.pay_with(customer, "pm_card_chargeCustomerFail")
    shop.pass_time(31 * DAY + 2 * 3600)
    assert shop.get(subscription)["status"] == "past_due"
    return customer, subscription


def test_past_due_then_a_stale_active(shop):
    customer, subscription = renewal_fails(shop, ago=2 * 3600 + AGO)
    renewed = shop.subscription_events("active")[-1]
    overdue = only(shop.subscription_events("past_due"))
    shop.deliver(overdue, renewed)
    shop.sync()
    record = shop.record(customer)
    assert record[f"status:{subscription}"] == "past_due"
    shop.deliver(renewed)
    assert shop.ask() == 204
    shop.check()


def test_status_paused(shop):
    customer, subscription = subscriber(shop)
    shop.api("POST", f"/v1/subscriptions/{subscription}/pause", type="subscription")
    shop.deliver(*shop.events())
    assert shop.ask() == "paused"
    shop.deliver(*shop.events("entitlements.active_entitlement_summary.updated"))
    shop.check()


def test_created_that_is_already_canceled(shop):
    customer = shop.customer()
    shop.deliver(*shop.events())
    subscription = shop.subscribe(customer)
    shop.cancel(subscription)
    created = shop.make_event("customer.subscription.created", shop.get(subscription))
    shop.deliver(created)
    assert shop.ask() == CANCELED
    shop.check()


def test_change_between_a_read_and_its_date(shop, proxy):
    customer, subscription = subscriber(shop)

    def meanwhile():
        shop.cancel(subscription)
        shop.pass_time(1)
    with proxy.after("/v1/subscriptions", meanwhile):
        shop.sync("--customer", customer, config=proxy.config)
    assert shop.ask() == 204
    shop.deliver(*shop.subscription_events(CANCELED))
    assert shop.ask() == CANCELED
    shop.check()


def test_resent_event_after_a_flush(shop):
    shop.sandbox.control("POST", "clock", {"now": int(time.time()) - 3600})
    customer, subscription = subscriber(shop)
    created = only(shop.subscription_events("active"))
    shop.cancel(subscription)
    shop.until_now()
    shop.stack.redis.flush()
    shop.deliver(created)
    assert shop.ask() != 204
    assert shop.is_dirty(customer)
    shop.sync()
    assert shop.ask() == CANCELED
    shop.check()


def test_entitlement_tie(shop):
    customer, subscription = subscriber(shop, lookup_key="premium_monthly")
    shop.swap(subscription, "basic_monthly")
    shop.swap(subscription, "premium_monthly")
    lost, won = shop.events("entitlements.active_entitlement_summary.updated")[-2:]
    assert lost["created"] == won["created"]
    shop.deliver(*shop.subscription_events(), won, lost)
    assert shop.is_dirty(customer)
    shop.pass_time()
    shop.sync()
    assert shop.ask("feature:exports") == 204
    shop.check()


@pytest.mark.parametrize("days,answer", [(3, 204), (9, "past_due"), (33, "past_due")])
def test_grace_that_does_not_restart_with_each_period(shop, days, answer):
    """Retries and a second renewal that fails are no new grace."""
    customer, subscription = renewal_fails(shop, ago=days * DAY)
    shop.until_now()
    shop.deliver(*shop.events())
    shop.sync()
    assert shop.ask() == answer
    shop.check()


def debit(shop, iban):
    """A subscription whose first payment, a bank debit, is under way; (customer, subscription)."""
    customer = shop.customer()
    subscription = shop.subscribe(customer, payment_behavior="default_incomplete", **{
        "payment_settings[payment_method_types][]": "sepa_debit", "expand[]": "latest_invoice.payments"})
    intents = shop.api("GET", "/v1/payment_intents", customer=customer)["data"]
    method = shop.api("POST", "/v1/payment_methods", type="sepa_debit", **{
        "sepa_debit[iban]": iban, "billing_details[name]": "Ann", "billing_details[email]": "ann@example.com"})
    shop.api("POST", f"/v1/payment_intents/{intents[0]['id']}/confirm", payment_method=method["id"])
    assert shop.get(subscription)["status"] == "active"
    return customer, subscription


@pytest.mark.parametrize("delivered", [True, False])
def test_first_sepa_payment_that_fails_while_stripe_keeps_active(shop, delivered):
    shop.sandbox.control("POST", "settings", {"processing": 60})
    shop.sync()
    customer, subscription = debit(shop, "AT861904300235473202")
    shop.deliver(*shop.events())
    assert shop.ask() == 204
    shop.pass_time(60)
    assert shop.get(subscription)["status"] == "active"
    if delivered:
        shop.deliver(*shop.events("invoice.payment_failed"))
        assert shop.ask() == "payment_failed"
        assert len(shop.notices("payment_failed")) == 1
    shop.until_now()
    shop.sync()
    assert shop.ask() == "payment_failed"
    shop.check()


def test_first_sepa_payment_that_failed_before_a_change_of_plan(shop):
    """Then the latest invoice is no longer the one that tells."""
    shop.sandbox.control("POST", "settings", {"processing": 60})
    customer, subscription = debit(shop, "AT861904300235473202")
    shop.pass_time(60)
    item = shop.get(subscription)["items"]["data"][0]["id"]
    shop.update(subscription, proration_behavior="always_invoice", **{
        "items[0][id]": item, "items[0][quantity]": 0, "items[0][price]": shop.price("basic_monthly")})
    assert shop.get(subscription)["status"] == "active"
    shop.until_now()
    shop.sync("--customer", customer)
    assert shop.ask() == "payment_failed"
    shop.check()


def test_first_sepa_payment_that_succeeds(shop):
    customer, subscription = debit(shop, "AT321904300235473204")
    shop.deliver(*shop.events())
    shop.sandbox.control("POST", "settings", {"processing": 60})
    assert shop.ask() == 204
    shop.check()


def test_rebuild_while_stripe_fails_takes_nobody_for_paid(shop):
    """The lists answer, what is read beside them does not."""
    shop.sandbox.control("POST", "settings", {"processing": 60})
    customer, subscription = debit(shop, "AT861904300235473202")
    shop.pass_time(60)
    shop.until_now()
    shop.sandbox.control("POST", "faults", {"method": "GET", "path": "/v1/invoice_payments", "status": 500, "times": 3})
    assert sync_once(shop.stack.site, "--customer", customer).returncode != 0
    shop.sandbox.control("DELETE", "faults")
    shop.sync()
    assert shop.ask() == "payment_failed"
    shop.check()


def test_renewal_whose_events_come_in_order_asks_stripe_nothing(shop):
    figures.renew(shop)
    assert figures.calls(shop) == {}
    shop.check()
