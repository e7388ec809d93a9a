"""The Stripe sandbox: bank debits, publishable keys, paying what is open, usage, Payment Links, the portal."""
import os
import re
import sys

import pytest
import requests

from test_sandbox import DAY, HOUR, SPEC, START, Shapes, prices, running, sandbox  # noqa: F401 (fixtures)

PUBLIC = "pk_test_sandbox"
JENNY = {"name": "Jenny Rosen", "email": "jenny@example.com"}


def incomplete(sandbox, price, **params):
    customer = sandbox.post("customers", email="jenny@example.com")["id"]
    return sandbox.post("subscriptions", customer=customer, items=[{"price": price}],
                        payment_behavior="default_incomplete",
                        payment_settings={"save_default_payment_method": "on_subscription"},
                        expand=["latest_invoice.confirmation_secret", "pending_setup_intent"], **params)


def intent_of(invoice):
    secret = invoice["confirmation_secret"]["client_secret"]
    return secret.partition("_secret_")[0], secret


def confirm_as_browser(sandbox, invoice, card="4242424242424242", **params):
    """As Stripe.js does: with the publishable key and the secret."""
    method = sandbox.call("POST", "payment_methods", {"type": "card", "card": {
        "number": card, "exp_month": 12, "exp_year": 2034, "cvc": "123"}}, key=PUBLIC)
    identifier, secret = intent_of(invoice)
    return sandbox.call("POST", "payment_intents/%s/confirm" % identifier,
                        {"client_secret": secret, "payment_method": method["id"], **params}, key=PUBLIC)


def open_invoice(sandbox, subscription):
    invoice = sandbox.get("subscriptions/" + subscription["id"])["latest_invoice"]
    return sandbox.get("invoices/" + invoice, expand=["confirmation_secret"])


def behind(sandbox, prices, end):
    """A subscription whose renewal could not be paid."""
    sandbox.control("POST", "settings", retries={"schedule_days": [1], "end": end})
    subscription = sandbox.subscribe(prices["monthly"])
    bad = sandbox.post("payment_methods/pm_card_chargeCustomerFail/attach", customer=subscription["customer"])["id"]
    sandbox.post("subscriptions/" + subscription["id"], default_payment_method=bad)
    sandbox.advance(to=subscription["items"]["data"][0]["current_period_end"] + 3 * DAY)
    return subscription


# Publishable keys


@pytest.mark.parametrize("method, path", [("GET", "customers"), ("POST", "payment_intents"),
                                          ("GET", "payment_methods")])
def test_publishable_key_is_no_secret_key(sandbox, method, path):
    refused = sandbox.refused(path, {}, method, key=PUBLIC)
    assert refused.status == 403 and refused.error["code"] == "secret_key_required"


@pytest.mark.parametrize("secret, code", [(None, "parameter_missing"),
                                          ("pi_x_secret_y", "payment_intent_invalid_parameter")])
def test_publishable_key_needs_the_secret(sandbox, prices, secret, code):
    identifier, _ = intent_of(incomplete(sandbox, prices["monthly"])["latest_invoice"])
    params = {"client_secret": secret} if secret else {}
    assert sandbox.refused("payment_intents/" + identifier, params, "GET", key=PUBLIC).error["code"] == code


def test_publishable_key_expands_only_the_method(sandbox, prices):
    identifier, secret = intent_of(incomplete(sandbox, prices["monthly"])["latest_invoice"])
    refused = sandbox.refused("payment_intents/" + identifier, {"client_secret": secret, "expand": ["customer"]}, "GET",
                              key=PUBLIC)
    assert refused.error["param"] == "expand"


def test_browser_of_another_origin_may_ask(sandbox):
    answer = requests.options(sandbox.url + "/v1/payment_methods", headers={
        "Origin": "https://shop.test", "Access-Control-Request-Headers": "authorization"})
    assert answer.status_code == 204 and "authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert sandbox.raw("GET", "prices").headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("params, kind", [({"use_stripe_sdk": True}, "use_stripe_sdk"),
                                          ({"return_url": "https://shop.test/done"}, "redirect_to_url")])
def test_next_action_is_what_the_caller_can_do(sandbox, prices, params, kind):
    invoice = incomplete(sandbox, prices["monthly"])["latest_invoice"]
    intent = confirm_as_browser(sandbox, invoice, "4000002500003155", **params)
    assert intent["status"] == "requires_action" and intent["next_action"]["type"] == kind
    if kind == "redirect_to_url":
        answer = requests.post(intent["next_action"]["redirect_to_url"]["url"], data={"answer": "fail"},
                               allow_redirects=False)
        assert answer.headers["Location"].startswith("https://shop.test/done?payment_intent=pi_")
        assert answer.headers["Location"].endswith("redirect_status=failed")


# Paying what is open


def test_incomplete_is_paid_and_the_card_is_kept(sandbox, prices):
    subscription = incomplete(sandbox, prices["monthly"])
    intent = confirm_as_browser(sandbox, subscription["latest_invoice"])
    now = sandbox.get("subscriptions/" + subscription["id"])
    assert now["status"] == "active" and now["default_payment_method"] == intent["payment_method"]


def test_past_due_is_paid_by_hand(sandbox, prices):
    subscription = behind(sandbox, prices, "past_due")
    assert sandbox.status(subscription) == "past_due"
    confirm_as_browser(sandbox, open_invoice(sandbox, subscription))
    assert sandbox.status(subscription) == "active"


def test_unpaid_is_paid_by_its_latest_draft(sandbox, prices):
    subscription = behind(sandbox, prices, "unpaid")
    sandbox.advance(by=31 * DAY)
    draft = open_invoice(sandbox, subscription)
    assert (sandbox.status(subscription), draft["status"], draft["auto_advance"]) == ("unpaid", "draft", False)
    assert draft["confirmation_secret"] is None
    sandbox.post("invoices/" + draft["id"], auto_advance=True)
    final = sandbox.post("invoices/%s/finalize" % draft["id"], expand=["confirmation_secret"])
    confirm_as_browser(sandbox, final)
    assert sandbox.status(subscription) == "active"


def test_paused_is_resumed_by_its_payment(sandbox, prices):
    subscription = incomplete(sandbox, prices["monthly"], trial_period_days=3,
                              trial_settings={"end_behavior": {"missing_payment_method": "pause"}})
    assert subscription["pending_setup_intent"]["status"] == "requires_payment_method"
    sandbox.advance(by=3 * DAY)
    assert sandbox.status(subscription) == "paused"
    resumed = sandbox.post("subscriptions/%s/resume" % subscription["id"],
                           payment_behavior="resume_on_payment_success")
    assert resumed["status"] == "paused"
    confirm_as_browser(sandbox, open_invoice(sandbox, subscription))
    assert sandbox.status(subscription) == "active"


# Bank debits


@pytest.mark.parametrize("kind, details, wrong", [
    ("au_becs_debit", {"bsb_number": "00-00", "account_number": "900123456"}, "invalid_bsb_number"),
    ("sepa_debit", {"iban": "AT32"}, "invalid_bank_account_iban"),
])
def test_wrong_bank_account_is_refused(sandbox, kind, details, wrong):
    refused = sandbox.refused("payment_methods", {"type": kind, kind: details, "billing_details": JENNY}, key=PUBLIC)
    assert refused.error["code"] == wrong


def test_becs_debit_of_a_closed_account(sandbox, prices):
    session = sandbox.pay(sandbox.session_for(prices["monthly"]), "000-000/111111113")["session"]
    assert session["payment_status"] == "unpaid"
    sandbox.advance(by=HOUR)
    assert sandbox.get("payment_intents")["data"][0]["last_payment_error"]["code"] == "account_closed"


# Usage


@pytest.fixture
def meter(sandbox):
    return sandbox.post("billing/meters", display_name="Calls", event_name="calls",
                        default_aggregation={"formula": "sum"})


def report(sandbox, customer, value, **more):
    return sandbox.post("billing/meter_events", event_name="calls",
                        payload={"stripe_customer_id": customer, "value": str(value)}, **more)


def test_identifier_of_a_meter_event_is_taken_for_a_day(sandbox, meter):
    customer = sandbox.post("customers")["id"]
    assert report(sandbox, customer, 2, identifier="one")["identifier"] == "one"
    refused = sandbox.refused("billing/meter_events", {"event_name": "calls", "identifier": "one", "payload": {
        "stripe_customer_id": customer, "value": "2"}})
    assert refused.status == 400 and refused.error["message"] == "An event already exists with identifier one."
    sandbox.advance(by=DAY)
    report(sandbox, customer, 3, identifier="one")
    found = sandbox.get("billing/meters/%s/event_summaries" % meter["id"], customer=customer, start_time=START,
                        end_time=START + 2 * DAY)
    assert found["data"][0]["aggregated_value"] == 5


@pytest.mark.parametrize("params", [
    {"event_name": "other", "payload": {"stripe_customer_id": "CUS", "value": "1"}},
    {"payload": {"value": "1"}}, {"payload": {"stripe_customer_id": "CUS"}},
    {"payload": {"stripe_customer_id": "CUS", "value": "many"}},
    {"payload": {"stripe_customer_id": "CUS", "value": "1"}, "timestamp": START - 36 * DAY},
])
def test_wrong_meter_event_is_refused(sandbox, meter, params):
    customer = sandbox.post("customers")["id"]
    payload = {name: value.replace("CUS", customer) for name, value in params["payload"].items()}
    assert sandbox.refused("billing/meter_events", {"event_name": "calls", **params, "payload": payload}).status == 400


def test_metered_price_is_seeded(sandbox):
    seeded = [{"name": "Calls", "prices": [{"lookup_key": "calls", "unit_amount": 7, "currency": "eur",
                                            "meter": "calls"}]}]
    made = [sandbox.control("POST", "seed", products=seeded)["prices"]["calls"] for _ in range(2)]
    assert made[0] == made[1] and len(sandbox.get("billing/meters")["data"]) == 1
    assert sandbox.get("prices/" + made[0])["recurring"]["usage_type"] == "metered"


def test_use_is_billed_at_the_end_of_the_period(sandbox, prices, meter):
    price = sandbox.post("prices", currency="eur", unit_amount=7, product_data={"name": "Calls"}, recurring={
        "interval": "month", "usage_type": "metered", "meter": meter["id"]})["id"]
    assert sandbox.refused("subscriptions", {"customer": sandbox.payer(), "items": [{"price": price, "quantity": 1}]}
                           ).error["param"] == "items[0][quantity]"
    subscription = sandbox.subscribe(price)
    item = subscription["items"]["data"][0]
    assert "quantity" not in item and sandbox.status(subscription) == "active"
    report(sandbox, subscription["customer"], 5)
    sandbox.advance(to=item["current_period_end"] + 2 * HOUR)
    invoice = open_invoice(sandbox, subscription)
    assert (invoice["amount_paid"], invoice["lines"]["data"][0]["quantity"]) == (35, 5)


# Pricing tables and Payment Links


def test_customer_session_for_a_pricing_table(sandbox):
    customer = sandbox.post("customers")["id"]
    session = sandbox.post("customer_sessions", customer=customer, components={"pricing_table": {"enabled": True}})
    assert session["client_secret"] and session["components"]["pricing_table"] == {"enabled": True}
    assert sandbox.refused("customer_sessions", {"customer": customer, "components": {
        "pricing_table": {"enabled": False}}}).status == 400


def test_payment_link_makes_a_session_of_its_own(sandbox, prices):
    paid = sandbox.control("POST", "payment_links/pay", price=prices["monthly"], client_reference_id="user_1.sig",
                           email="jenny@example.com")["session"]
    assert (paid["status"], paid["client_reference_id"], paid["metadata"]) == ("complete", "user_1.sig", {})
    assert paid["payment_link"].startswith("plink_")
    assert sandbox.get("subscriptions/" + paid["subscription"])["metadata"] == {}


# The portal


@pytest.fixture
def portal(sandbox, prices):
    """Opens a session in which everything is allowed, for this subscription and flow; answers its page."""
    product = sandbox.get("prices/" + prices["monthly"])["product"]
    config = sandbox.post("billing_portal/configurations", features={
        "subscription_update": {"enabled": True, "default_allowed_updates": ["price"],
                                "proration_behavior": "always_invoice",
                                "products": [{"product": product, "prices": [prices["monthly"], prices["yearly"]]}]},
        "subscription_pause": {"enabled": True}, "payment_method_update": {"enabled": True}})["id"]

    def enter(subscription, kind=None, **about):
        flow = kind and {"type": kind, "after_completion": {"type": "redirect", "redirect": {
            "return_url": "https://shop.test/done"}}}
        if about or kind not in (None, "payment_method_update"):
            flow[kind] = {"subscription": subscription["id"], **about}
        session = sandbox.post("billing_portal/sessions", customer=subscription["customer"], configuration=config,
                               **({"flow_data": flow} if flow else {}))
        return requests.get(session["url"])
    return enter


def submit(page, **fields):
    action = re.search(r'<form method="post" action="([^"]+)"', page.text)[1]
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)"', page.text))
    return requests.post(page.url.split("/p/")[0] + action, data={**hidden, **fields}, allow_redirects=False)


def test_plan_is_changed_in_the_portal(sandbox, prices, portal):
    subscription = sandbox.subscribe(prices["basic"])
    page = portal(subscription, "subscription_update")
    done = submit(submit(page, price=prices["monthly"]))
    assert done.headers["Location"] == "https://shop.test/done"
    assert sandbox.get("subscriptions/" + subscription["id"])["items"]["data"][0]["price"]["id"] == prices["monthly"]


def test_change_of_plan_is_confirmed_and_not_made_without_payment(sandbox, prices, portal):
    subscription = sandbox.subscribe(prices["basic"])
    bad = sandbox.post("payment_methods/pm_card_chargeCustomerFail/attach", customer=subscription["customer"])["id"]
    sandbox.post("subscriptions/" + subscription["id"], default_payment_method=bad)
    item = subscription["items"]["data"][0]["id"]
    page = portal(subscription, "subscription_update_confirm", items=[{"id": item, "price": prices["monthly"],
                                                                       "quantity": 1}])
    assert "5.00 EUR" in page.text
    refused = submit(page)
    assert refused.status_code == 402 and "declined" in refused.text
    now = sandbox.get("subscriptions/" + subscription["id"])
    assert now["pending_update"] is None and now["items"]["data"][0]["price"]["id"] == prices["basic"]


def test_price_that_the_portal_does_not_offer(sandbox, prices, portal):
    page = portal(sandbox.subscribe(prices["monthly"]), "subscription_update")
    confirm = submit(page, price=prices["yearly"])
    assert "is not offered" in submit(confirm, price=prices["basic"]).text


def test_pause_and_payment_method_by_deep_link(sandbox, prices, portal):
    subscription = sandbox.subscribe(prices["monthly"])
    page = portal(subscription, "payment_method_update")
    assert submit(page, cardNumber="5555555555554444", cardCvc="123").headers["Location"] == "https://shop.test/done"
    method = sandbox.get("subscriptions/" + subscription["id"], expand=["default_payment_method"])
    assert method["default_payment_method"]["card"]["brand"] == "mastercard"
    submit(portal(subscription, "subscription_pause"))
    assert sandbox.status(subscription) == "paused"
    home = portal(subscription)
    assert 'id="resume-' in home.text


# Shapes


@pytest.mark.skipif(not os.path.exists(SPEC), reason="needs Stripe's description of its API")
def test_objects_have_stripes_shapes(sandbox, prices, meter, portal):
    test_use_is_billed_at_the_end_of_the_period(sandbox, prices, meter)
    test_becs_debit_of_a_closed_account(sandbox, prices)
    test_next_action_is_what_the_caller_can_do(sandbox, prices, {"use_stripe_sdk": True}, "use_stripe_sdk")
    customer = sandbox.post("customers")["id"]
    seen = [event["data"]["object"] for event in sandbox.get("events", limit=100)["data"]]
    seen += [meter, report(sandbox, customer, 1), sandbox.post("customer_sessions", customer=customer, components={
        "pricing_table": {"enabled": True}})]
    for noun in ("prices", "invoices", "payment_intents", "payment_methods?customer=" + customer, "billing/meters",
                 "billing_portal/configurations", "checkout/sessions"):
        seen += sandbox.get(noun)["data"]
    shapes = Shapes()
    assert {problem for obj in seen for problem in shapes.problems(obj)} == set()


if __name__ == "__main__":
    sys.exit(pytest.main([__file__]))
