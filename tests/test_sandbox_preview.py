"""The Stripe sandbox: what a change will cost is what it costs."""
import os
import sys

import pytest

from test_sandbox import DAY, HOUR, SPEC, START, Shapes, prices, running, sandbox  # noqa: F401 (fixtures)


def item_of(subscription):
    return subscription["items"]["data"][0]["id"]


def preview(sandbox, subscription, **details):
    return sandbox.post("invoices/create_preview", subscription=subscription["id"], subscription_details=details,
                        expand=["lines", "total_discount_amounts.discount"])


def update(sandbox, subscription, **params):
    return sandbox.post("subscriptions/" + subscription["id"], expand=["latest_invoice"],
                        payment_behavior="pending_if_incomplete", **params)


@pytest.mark.parametrize("target", ["basic", "yearly"])
@pytest.mark.parametrize("moved", [1, 11 * DAY + 4567])
def test_preview_is_what_the_update_costs(sandbox, prices, target, moved):
    subscription = sandbox.subscribe(prices["monthly"])
    sandbox.advance(by=moved)
    change = {"items": [{"id": item_of(subscription), "price": prices[target], "quantity": 3}],
              "proration_behavior": "always_invoice", "proration_date": START + moved}
    shown = preview(sandbox, subscription, **change)
    sandbox.advance(by=600)
    charged = update(sandbox, subscription, **change)["latest_invoice"]
    for name in ("amount_due", "total", "starting_balance", "ending_balance"):
        assert shown[name] == charged[name], name
    assert [row["amount"] for row in shown["lines"]["data"]] == [row["amount"] for row in charged["lines"]["data"]]


def test_preview_changes_nothing(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"])
    before, count = sandbox.get("subscriptions/" + subscription["id"]), len(sandbox.get("events", limit=100)["data"])
    shown = preview(sandbox, subscription, items=[{"id": item_of(subscription), "price": prices["yearly"]}])
    assert shown["id"].startswith("upcoming_in_") and shown["status"] == "draft"
    assert sandbox.get("subscriptions/" + subscription["id"]) == before
    assert len(sandbox.get("events", limit=100)["data"]) == count and len(sandbox.get("invoices")["data"]) == 1


def test_preview_of_a_downgrade_becomes_credit(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"])
    change = {"items": [{"id": item_of(subscription), "price": prices["basic"]}],
              "proration_behavior": "always_invoice", "proration_date": START}
    shown = preview(sandbox, subscription, **change)
    assert (shown["total"], shown["amount_due"], shown["ending_balance"]) == (-500, 0, -500)


def test_preview_without_a_change_is_the_renewal(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"])
    shown = preview(sandbox, subscription)
    end = subscription["items"]["data"][0]["current_period_end"]
    assert shown["amount_due"] == 1000 and shown["lines"]["data"][0]["period"]["start"] == end


def test_preview_of_cancel_now_and_of_none(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"])
    assert preview(sandbox, subscription, cancel_now=True, proration_date=START)["total"] == -1000
    refused = sandbox.refused("invoices/create_preview", {"subscription": subscription["id"],
                              "subscription_details": {"cancel_at_period_end": True}})
    assert refused.status == 404 and refused.error["code"] == "invoice_upcoming_none"


@pytest.mark.parametrize("params, param", [
    ({"proration_date": START + 60 * DAY}, "proration_date"),
    ({"items": [{"id": "si_foreign", "quantity": 2}]}, "items[0][id]"),
])
def test_preview_refuses_what_the_update_refuses(sandbox, prices, params, param):
    subscription = sandbox.subscribe(prices["monthly"])
    refused = sandbox.refused("invoices/create_preview", {"subscription": subscription["id"],
                                                          "subscription_details": params})
    assert refused.status == 400 and refused.error["param"] == param


@pytest.mark.parametrize("params, param", [
    ({"cancel_at": START + 5 * DAY}, "cancel_at"),
    ({"default_payment_method": ""}, "default_payment_method"),
])
def test_pending_update_refuses_other_parameters(sandbox, prices, params, param):
    subscription = sandbox.subscribe(prices["monthly"])
    with pytest.raises(Exception) as caught:
        update(sandbox, subscription, items=[{"id": item_of(subscription), "quantity": 2}], **params)
    assert caught.value.status == 400 and caught.value.error["param"] == param


def test_second_pending_update_takes_the_place_of_the_first(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"], "pm_card_chargeCustomerFail", trial_end=START + HOUR)
    sandbox.control("POST", "subscriptions/%s/set" % subscription["id"], status="active", trial_end=None)
    first, second = (update(sandbox, subscription, items=[{"id": item_of(subscription), "quantity": quantity}],
                            proration_behavior="always_invoice") for quantity in (2, 3))
    assert sandbox.get("invoices/" + first["latest_invoice"]["id"])["status"] == "void"
    assert second["pending_update"]["subscription_items"][0]["quantity"] == 3
    sandbox.advance(by=23 * HOUR)
    ended = sandbox.get("subscriptions/" + subscription["id"])
    assert ended["pending_update"] is None and ended["items"]["data"][0]["quantity"] == 1


@pytest.mark.skipif(not os.path.exists(SPEC), reason="needs Stripe's description of its API")
def test_preview_has_stripes_shape(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"])
    assert Shapes().problems(preview(sandbox, subscription)) == []


if __name__ == "__main__":
    sys.exit(pytest.main([__file__]))


def change_with_fee(sandbox, subscription, target, once):
    """(What is shown, what it came to), with one-time prices on top."""
    change = {"items": [{"id": item_of(subscription), "price": target}], "proration_behavior": "always_invoice"}
    shown = sandbox.post("invoices/create_preview", subscription=subscription["id"], subscription_details=change,
                         invoice_items=[{"price": once}])
    return shown, update(sandbox, subscription, **change, add_invoice_items=[{"price": once}])


@pytest.mark.parametrize("target", ["basic", "yearly"])
def test_one_time_price_is_on_the_invoice_of_the_change(sandbox, prices, target):
    subscription = sandbox.subscribe(prices["monthly"])
    shown, changed = change_with_fee(sandbox, subscription, prices[target], prices["setup"])
    charged = changed["latest_invoice"]
    assert shown["total"] == charged["total"]
    assert [row["amount"] for row in charged["lines"]["data"]].count(2000) == 1


def test_one_time_price_alone_waits_for_the_next_invoice(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"], trial_period_days=5)
    shown, changed = change_with_fee(sandbox, subscription, prices["basic"], prices["setup"])
    assert changed["status"] == "trialing" and changed["latest_invoice"]["id"] == subscription["latest_invoice"]
    sandbox.advance(by=5 * DAY + HOUR + 1)
    latest = sandbox.get("invoices/" + sandbox.get("subscriptions/" + subscription["id"])["latest_invoice"])
    assert latest["total"] == shown["total"] == 500 + 2000


@pytest.mark.parametrize("name, given", [("add_invoice_items", "subscriptions/{}"),
                                         ("invoice_items", "invoices/create_preview")])
def test_recurring_price_is_no_one_time_price(sandbox, prices, name, given):
    subscription = sandbox.subscribe(prices["monthly"])
    which = {} if "{}" in given else {"subscription": subscription["id"]}
    refused = sandbox.refused(given.format(subscription["id"]), {**which, name: [{"price": prices["basic"]}]})
    assert refused.status == 400 and refused.error["param"] == name + "[0][price]"


def test_pending_update_ends_with_its_period(sandbox, prices):
    subscription = sandbox.subscribe(prices["basic"])
    end = subscription["items"]["data"][0]["current_period_end"]
    bad = sandbox.post("payment_methods/pm_card_chargeCustomerFail/attach", customer=subscription["customer"])["id"]
    sandbox.post("subscriptions/" + subscription["id"], default_payment_method=bad)
    sandbox.advance(to=end - HOUR)
    waits = update(sandbox, subscription, items=[{"id": item_of(subscription), "price": prices["yearly"]}])
    assert waits["pending_update"]["expires_at"] == end
    sandbox.advance(to=end)
    renewed = sandbox.get("subscriptions/" + subscription["id"], expand=["latest_invoice"])
    assert renewed["pending_update"] is None and renewed["latest_invoice"]["billing_reason"] == "subscription_cycle"
    assert sandbox.get("invoices/" + waits["latest_invoice"]["id"])["status"] == "void"
