"""The Stripe sandbox: strict like Stripe, with a clock, faults and webhooks of its own."""
import collections
import hashlib
import hmac
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
import requests

HERE = os.path.dirname(os.path.abspath(__file__))
SPEC = os.path.join(HERE, "..", "..", "shared", "stripe", "spec-subset.json")
START = 1790000000
DAY = 86400
HOUR = 3600
VERSION = "2026-10-28.endive"
LONG_KEY = "k" * 41


def flat(value, prefix=""):
    """Nested parameters as the pairs of a form: {'a': {'b': [1]}} is a[b][0]=1."""
    if not isinstance(value, (dict, list)):
        return [(prefix, str(value).lower() if isinstance(value, bool) else value)]
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    return [pair for key, item in pairs for pair in flat(item, "%s[%s]" % (prefix, key) if prefix else str(key))]


class Refused(Exception):
    def __init__(self, response):
        self.response = response
        self.status = response.status_code
        self.error = response.json()["error"]
        super().__init__("%d %s" % (self.status, self.error["message"]))


class Sandbox:
    def __init__(self, *options):
        command = ["/usr/bin/python3", os.path.join(HERE, "sandbox"), "--port", "0", "--quiet", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        self.session = requests.Session()

    def stop(self):
        self.process.terminate()
        return self.process.wait(5)

    def raw(self, method, path, params=None, key="sk_test_sandbox", **headers):
        pairs = flat(params or {})
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            headers["Authorization"] = "Bearer " + key
        place = {"data": pairs} if method == "POST" else {"params": pairs}
        return self.session.request(method, self.url + "/v1/" + path, headers=headers, **place)

    def call(self, method, path, params=None, **more):
        response = self.raw(method, path, params, **more)
        if response.status_code != 200:
            raise Refused(response)
        return response.json()

    def get(self, path, **params):
        return self.call("GET", path, params)

    def post(self, path, **params):
        return self.call("POST", path, params)

    def delete(self, path, **params):
        return self.call("DELETE", path, params)

    def refused(self, path, params, method="POST", **more):
        with pytest.raises(Refused) as caught:
            self.call(method, path, params, **more)
        return caught.value

    def control(self, method, path, /, **body):
        response = self.session.request(method, self.url + "/_sandbox/" + path, json=body)
        assert response.status_code == 200, response.text
        return response.json()

    def advance(self, **by):
        return self.control("POST", "clock/advance", **by)

    def seed(self):
        return self.control("POST", "seed", products=[
            {"name": "Basic", "prices": [{"lookup_key": "basic", "unit_amount": 500, "currency": "eur"}]},
            {"name": "Premium", "features": ["exports"], "prices": [
                {"lookup_key": "monthly", "unit_amount": 1000, "currency": "eur"},
                {"lookup_key": "yearly", "unit_amount": 10000, "currency": "eur", "interval": "year"},
                {"lookup_key": "dollars", "unit_amount": 1100, "currency": "usd"},
                {"lookup_key": "setup", "unit_amount": 2000, "currency": "eur", "one_time": True}]}])["prices"]

    def payer(self, token="pm_card_visa"):
        """A customer with a default card."""
        customer = self.post("customers", email="jenny@example.com")["id"]
        method = self.post("payment_methods/%s/attach" % token, customer=customer)["id"]
        self.post("customers/" + customer, invoice_settings={"default_payment_method": method})
        return customer

    def subscribe(self, price, token="pm_card_visa", **params):
        return self.post("subscriptions", customer=self.payer(token), items=[{"price": price}], **params)

    def session_for(self, price, **params):
        params = {"mode": "subscription", "line_items": [{"price": price, "quantity": 1}],
                  "success_url": "https://shop.test/ok?session_id={CHECKOUT_SESSION_ID}",
                  "cancel_url": "https://shop.test/pricing", **params}
        return self.post("checkout/sessions", **params)

    def pay(self, session, card="4242424242424242", **form):
        return self.control("POST", "checkout/sessions/%s/pay" % session["id"], card=card, **form)

    def status(self, subscription):
        return self.get("subscriptions/" + subscription["id"])["status"]

    def event_types(self):
        return [event["type"] for event in reversed(self.get("events", limit=100)["data"])]


class Receiver:
    """Takes webhooks and answers what it is told to."""

    def __init__(self):
        self.received = []
        self.statuses = collections.deque()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((body, self.headers["Stripe-Signature"]))
                self.send_response(receiver.statuses.popleft() if receiver.statuses else 200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/hook" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self):
        return [json.loads(body) for body, _ in self.received]


@pytest.fixture(scope="module")
def running():
    sandbox = Sandbox("--now", str(START), "--key", "sk_test_sandbox", "--key", "sk_test_other")
    yield sandbox
    sandbox.stop()


@pytest.fixture
def sandbox(running):
    running.control("POST", "reset")
    return running


@pytest.fixture
def prices(sandbox):
    return sandbox.seed()


@pytest.fixture
def receiver(sandbox):
    receiver = Receiver()
    sandbox.control("POST", "webhooks", url=receiver.url, secret="whsec_test")
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


# Starting and stopping


def test_port_file_and_sigterm(tmp_path):
    sandbox = Sandbox("--port-file", str(tmp_path / "port"))
    assert sandbox.url.endswith(":" + (tmp_path / "port").read_text().strip())
    started = time.monotonic()
    sandbox.process.send_signal(signal.SIGTERM)
    assert sandbox.process.wait(5) == 0 and time.monotonic() - started < 1


def test_endpoint_of_the_command_line_survives_a_reset():
    receiver = Receiver()
    sandbox = Sandbox("--webhook", receiver.url, "--webhook-secret", "whsec_cli")
    for name in "ab":
        sandbox.control("POST", "reset")
        sandbox.post("customers", name=name)
        sandbox.control("POST", "settle", timeout=5)
    sandbox.stop()
    receiver.server.shutdown()
    assert [event["data"]["object"]["name"] for event in receiver.events()] == ["a", "b"]
    assert signed_with("whsec_cli", *receiver.received[0])


def test_live_clock_runs_by_itself():
    sandbox = Sandbox()
    sandbox.control("POST", "settings", processing=1)
    prices = sandbox.seed()
    session = sandbox.pay(sandbox.session_for(prices["monthly"]), "AT321904300235473204")["session"]
    assert session["payment_status"] == "unpaid"
    time.sleep(2.2)
    assert sandbox.control("GET", "state")["clock"]["frozen"] is False
    types = sandbox.event_types()
    sandbox.stop()
    assert types[-1] == "checkout.session.async_payment_succeeded"


# Keys


@pytest.mark.parametrize("key", [None, "sk_test_wrong"])
def test_bad_key_is_refused(sandbox, key):
    refused = sandbox.refused("customers", {}, key=key)
    assert refused.status == 401 and refused.error["type"] == "invalid_request_error"


def test_basic_authentication_is_taken(sandbox):
    assert requests.get(sandbox.url + "/v1/customers", auth=("sk_test_sandbox", "")).status_code == 200


def test_restricted_key_needs_its_permission(sandbox):
    sandbox.control("POST", "keys", key="rk_test_1", permissions={"customer": "read", "price": "write"})
    assert sandbox.raw("GET", "customers", key="rk_test_1").status_code == 200
    assert sandbox.raw("GET", "prices", key="rk_test_1").status_code == 200
    refused = sandbox.refused("customers", {}, key="rk_test_1")
    assert refused.status == 403 and "'rak_customer_write'" in refused.error["message"]


def test_restricted_key_expands_only_what_it_may_read(sandbox, prices):
    sandbox.control("POST", "keys", key="rk_test_1", permissions={"price": "read"})
    path = "prices/" + prices["monthly"]
    refused = sandbox.refused(path, {"expand": ["product"]}, "GET", key="rk_test_1")
    assert refused.status == 403 and "'rak_product_read'" in refused.error["message"]


# Parameters


@pytest.mark.parametrize("path, params, param, message", [
    ("customers", {"colour": "red"}, "colour", "Received unknown parameter: colour"),
    ("customers", {"address": {"planet": "x"}}, "address[planet]", "Received unknown parameter: address[planet]"),
    ("customers", {"email": "nobody"}, "email", "Invalid email address: nobody"),
    ("customers", {"balance": "much"}, "balance", "Invalid integer: much"),
    ("customers", {"metadata": "x"}, "metadata", "Invalid object"),
    ("customers", {"preferred_locales": "de"}, "preferred_locales", "Invalid array"),
    ("customers", {"tax_exempt": "maybe"}, "tax_exempt",
     "Invalid tax_exempt: must be one of none, exempt, or reverse"),
    ("customers", {"email": ""}, "email", "You passed an empty string for 'email'"),
    ("customers", {"metadata": {LONG_KEY: "v"}}, "metadata[%s]" % LONG_KEY, "Metadata keys can be at most"),
    ("products", {}, "name", "Missing required param: name."),
    ("products", {"name": "x", "active": "yes"}, "active", "Invalid boolean: yes"),
    ("products", {"name": "x", "url": "shop"}, "url", "Not a valid URL"),
    ("coupons", {"percent_off": "half"}, "percent_off", "Invalid decimal: half"),
    ("subscriptions", {"customer": "cus_none", "items": [{"price": "p"}]}, "customer", "No such customer: 'cus_none'"),
])
def test_wrong_parameter_is_named(sandbox, path, params, param, message):
    refused = sandbox.refused(path, params)
    assert refused.status == 400 and refused.error["param"] == param
    assert refused.error["message"].startswith(message)


def test_json_body_is_refused(sandbox):
    response = requests.post(sandbox.url + "/v1/customers", json={"email": "a@b.co"},
                             headers={"Authorization": "Bearer sk_test_sandbox"})
    assert response.status_code == 400 and "x-www-form-urlencoded" in response.text


def test_unknown_url_and_id_are_404(sandbox):
    assert "Unrecognized request URL" in sandbox.refused("horses", {}, "GET").error["message"]
    refused = sandbox.refused("customers/cus_none", {}, "GET")
    assert (refused.status, refused.error["code"], refused.error["param"]) == (404, "resource_missing", "id")


def test_headers_of_an_answer(sandbox):
    response = sandbox.raw("POST", "customers", Idempotency_Key="k1")
    assert response.headers["Date"] == "Mon, 21 Sep 2026 14:13:20 GMT"
    assert response.headers["Stripe-Version"] == VERSION
    assert response.headers["Idempotency-Key"] == "k1"
    assert re.match(r"req_\w+$", response.headers["Request-Id"])
    assert sandbox.raw("GET", "customers", Stripe_Version="soon").status_code == 400


def test_metadata_is_merged_and_deleted_by_key(sandbox):
    customer = sandbox.post("customers", metadata={"a": "1", "b": "2"})
    path = "customers/" + customer["id"]
    assert sandbox.post(path, metadata={"a": "", "c": "3"})["metadata"] == {"b": "2", "c": "3"}
    assert sandbox.post(path, metadata="")["metadata"] == {}


def test_expand(sandbox, prices):
    got = sandbox.get("prices", limit=1, expand=["data.product"])
    assert got["data"][0]["product"]["object"] == "product"
    for path in ("data.colour", "data.product.name", "data.id", "product"):
        refused = sandbox.refused("prices", {"expand": [path]}, "GET")
        assert refused.error["message"].startswith("This property cannot be expanded (%s)." % path)


def test_expand_that_is_refused_leaves_nothing_behind(sandbox):
    assert sandbox.refused("customers", {"expand": ["colour"]}).status == 400
    assert sandbox.get("customers")["data"] == []


def test_expand_through_what_is_expanded(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"])
    got = sandbox.get("subscriptions/" + subscription["id"], expand=[
        "latest_invoice.payments", "items.data.price.product", "customer.subscriptions"])
    assert got["latest_invoice"]["payments"]["data"][0]["payment"]["type"] == "payment_intent"
    assert got["items"]["data"][0]["price"]["product"]["name"] == "Premium"
    assert got["customer"]["subscriptions"]["data"][0]["id"] == subscription["id"]
    payment = sandbox.get("invoice_payments", invoice=got["latest_invoice"]["id"],
                          expand=["data.payment.payment_intent"])
    assert payment["data"][0]["payment"]["payment_intent"]["status"] == "succeeded"
    refused = sandbox.refused("subscriptions", {"expand": ["data.items.data.price.product"]}, "GET")
    assert refused.error["message"].startswith("You cannot expand more than 4 levels")


def test_lists_page_both_ways(sandbox):
    made = [sandbox.post("customers")["id"] for _ in range(5)][::-1]
    first = sandbox.get("customers", limit=2)
    assert [row["id"] for row in first["data"]] == made[:2] and first["has_more"]
    rest = sandbox.get("customers", starting_after=made[1])
    assert [row["id"] for row in rest["data"]] == made[2:] and not rest["has_more"]
    back = sandbox.get("customers", limit=1, ending_before=made[2])
    assert [row["id"] for row in back["data"]] == made[1:2] and back["has_more"]
    assert sandbox.refused("customers", {"limit": 101}, "GET").status == 400


# Idempotency


@pytest.mark.parametrize("created, message", [("x", "Invalid integer: x"), ({"since": 1}, "Received unknown")])
def test_either_of_two_types_is_explained(sandbox, created, message):
    assert sandbox.refused("customers", {"created": created}, "GET").error["message"].startswith(message)


def test_same_key_replays(sandbox):
    first = sandbox.raw("POST", "customers", {"name": "a"}, Idempotency_Key="k")
    again = sandbox.raw("POST", "customers", {"name": "a"}, Idempotency_Key="k")
    assert first.json() == again.json() and again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert len(sandbox.get("customers")["data"]) == 1


def test_same_key_with_other_parameters_is_refused(sandbox):
    sandbox.call("POST", "customers", {"name": "a"}, Idempotency_Key="k")
    for path, params in (("customers", {"name": "b"}), ("products", {"name": "a"})):
        refused = sandbox.refused(path, params, Idempotency_Key="k")
        assert refused.status == 400 and refused.error["type"] == "idempotency_error"


def test_key_is_forgotten_after_a_day_of_the_sandbox_clock(sandbox):
    first = sandbox.call("POST", "customers", {}, Idempotency_Key="k")
    sandbox.advance(by=DAY)
    assert sandbox.call("POST", "customers", {}, Idempotency_Key="k")["id"] != first["id"]


def test_decline_is_replayed_and_a_wrong_parameter_is_not(sandbox, prices):
    customer = sandbox.post("customers")["id"]
    refused = sandbox.refused("payment_methods/pm_card_visa_chargeDeclined/attach", {"customer": customer},
                              Idempotency_Key="k")
    again = sandbox.refused("payment_methods/pm_card_visa_chargeDeclined/attach", {"customer": customer},
                            Idempotency_Key="k")
    assert refused.status == again.status == 402 and again.response.headers["Idempotent-Replayed"] == "true"
    sandbox.refused("customers", {"colour": "red"}, Idempotency_Key="k2")
    sandbox.call("POST", "customers", {}, Idempotency_Key="k2")


def test_same_key_in_flight_is_409(sandbox):
    sandbox.control("POST", "faults", path="customers", delay=0.5)
    slow = threading.Thread(target=sandbox.raw, args=("POST", "customers"), kwargs={"Idempotency_Key": "k"})
    slow.start()
    time.sleep(0.2)
    response = requests.post(sandbox.url + "/v1/customers", auth=("sk_test_sandbox", ""),
                             headers={"Idempotency-Key": "k"})
    slow.join()
    assert response.status_code == 409 and response.json()["error"]["code"] == "idempotency_key_in_use"


# Faults


def test_429_is_not_stored(sandbox):
    sandbox.control("POST", "faults", method="POST", status=429, headers={"Retry-After": "1"}, store=True)
    refused = sandbox.refused("customers", {}, Idempotency_Key="k")
    assert (refused.status, refused.error["code"]) == (429, "rate_limit")
    assert refused.response.headers["Retry-After"] == "1"
    sandbox.call("POST", "customers", {}, Idempotency_Key="k")


@pytest.mark.parametrize("store", [True, False])
def test_500_is_stored_when_asked(sandbox, store):
    sandbox.control("POST", "faults", status=500, store=store)
    assert sandbox.refused("customers", {}, Idempotency_Key="k").status == 500
    assert sandbox.raw("POST", "customers", Idempotency_Key="k").status_code == (500 if store else 200)
    assert len(sandbox.get("customers")["data"]) == (0 if store else 1)


@pytest.mark.parametrize("when, made", [("before", 0), ("after", 1)])
def test_dropped_connection(sandbox, when, made):
    sandbox.control("POST", "faults", method="POST", drop=when)
    with pytest.raises(requests.ConnectionError):
        sandbox.raw("POST", "customers", Idempotency_Key="k")
    assert len(sandbox.get("customers")["data"]) == made
    again = sandbox.raw("POST", "customers", Idempotency_Key="k")
    assert ("Idempotent-Replayed" in again.headers) == bool(made)
    assert [row["status"] for row in sandbox.control("GET", "requests")["requests"]] == [None, 200, 200]


def test_fault_counts_down_and_fits_its_path(sandbox):
    sandbox.control("POST", "faults", path="^/v1/prices", status=503, times=2)
    assert sandbox.raw("GET", "customers").status_code == 200
    assert [sandbox.raw("GET", "prices").status_code for _ in range(3)] == [503, 503, 200]


def test_requests_are_logged(sandbox):
    sandbox.call("POST", "customers", {"metadata": {"a": "1"}}, Idempotency_Key="k", Stripe_Version=VERSION)
    row = sandbox.control("GET", "requests")["requests"][0]
    assert row["params"] == {"metadata": {"a": "1"}} and row["headers"]["idempotency_key"] == "k"
    assert row["status"] == 200 and "sk_test_sandbox" not in row["key"] and not row["replayed"]
    sandbox.control("DELETE", "requests")
    assert sandbox.control("GET", "requests")["requests"] == []


# Customers and search


def test_search_compares_and_escapes(sandbox):
    found = sandbox.post("customers", email="o'neil@example.com", metadata={"user": "a'b\\c"})["id"]
    sandbox.post("customers", email="other@example.com", metadata={"user": "x"})
    for query in ("email:'o\\'neil@example.com'", "email~'neil'", "metadata['user']:'a\\'b\\\\c'",
                  "metadata[\"user\"]:\"a'b\\\\c\" AND email~\"neil\"", "-email~'other'"):
        assert [row["id"] for row in sandbox.get("customers/search", query=query)["data"]] == [found]
    assert sandbox.refused("customers/search", {"query": "email:'a' AND"}, "GET").status == 400
    assert sandbox.refused("customers/search", {"query": "colour:'a'"}, "GET").status == 400


def test_search_pages(sandbox):
    for _ in range(3):
        sandbox.post("customers", name="Jenny")
    first = sandbox.get("customers/search", query="name:'Jenny'", limit=2)
    assert len(first["data"]) == 2 and first["has_more"]
    rest = sandbox.get("customers/search", query="name:'Jenny'", page=first["next_page"])
    assert len(rest["data"]) == 1 and rest["next_page"] is None


def test_search_lags_behind_creation_and_update(sandbox):
    sandbox.control("POST", "settings", search_lag=0.3)
    customer = sandbox.post("customers", email="a@example.com")["id"]

    def found(email):
        return len(sandbox.get("customers/search", query="email:'%s'" % email)["data"])

    assert found("a@example.com") == 0
    time.sleep(0.35)
    assert found("a@example.com") == 1
    sandbox.post("customers/" + customer, email="b@example.com")
    assert found("a@example.com") == 1 and found("b@example.com") == 0


def test_customer_comes_with_a_default_card_or_not_at_all(sandbox):
    params = {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    customer = sandbox.post("customers", **params)
    methods = sandbox.get("customers/%s/payment_methods" % customer["id"])["data"]
    assert [row["id"] for row in methods] == [customer["invoice_settings"]["default_payment_method"]]
    params["payment_method"] = "pm_card_visa_chargeDeclined"
    assert sandbox.refused("customers", {"payment_method": "pm_card_visa_chargeDeclined"}).status == 402
    assert sandbox.refused("customers", params).error["code"] == "resource_missing"
    assert len(sandbox.get("customers")["data"]) == 1


def test_deleted_customer_is_a_tombstone_and_its_subscriptions_end(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"])
    customer = subscription["customer"]
    sandbox.delete("customers/" + customer)
    assert sandbox.get("customers/" + customer) == {"id": customer, "object": "customer", "deleted": True}
    assert sandbox.status(subscription) == "canceled"
    assert sandbox.refused("customers/" + customer, {"name": "x"}).status == 404
    assert sandbox.get("customers")["data"] == []


# Prices


def test_lookup_key_is_unique_and_can_be_transferred(sandbox, prices):
    product = sandbox.get("prices/" + prices["monthly"])["product"]
    new = {"product": product, "currency": "eur", "unit_amount": 900, "lookup_key": "monthly",
           "recurring": {"interval": "month"}}
    assert "already uses that lookup key" in sandbox.refused("prices", new).error["message"]
    moved = sandbox.post("prices", transfer_lookup_key=True, **new)["id"]
    assert [row["id"] for row in sandbox.get("prices", lookup_keys=["monthly"])["data"]] == [moved]


def test_seed_is_idempotent(sandbox, prices):
    assert sandbox.seed() == prices


# Checkout: what is refused


HOSTED = {"success_url": "https://shop.test/ok"}


@pytest.mark.parametrize("params, param", [
    ({}, "success_url"),
    ({"success_url": "/relative"}, "success_url"),
    ({**HOSTED, "return_url": "https://shop.test"}, "return_url"),
    ({**HOSTED, "ui_mode": "hosted"}, "ui_mode"),
    ({**HOSTED, "ui_mode": "embedded_page"}, "success_url"),
    ({"ui_mode": "embedded_page"}, "return_url"),
    ({"ui_mode": "elements", "return_url": "https://shop.test", "cancel_url": "https://shop.test"}, "cancel_url"),
    ({"ui_mode": "elements", "return_url": "https://shop.test", "custom_text": {"submit": {"message": "x"}}},
     "custom_text"),
    ({**HOSTED, "allow_promotion_codes": True, "discounts": [{"coupon": "x"}]}, "allow_promotion_codes"),
    ({**HOSTED, "discounts": [{"coupon": "none"}]}, "discounts[0][coupon]"),
    ({**HOSTED, "discounts": [{"promotion_code": "TYPED"}]}, "discounts[0][promotion_code]"),
    ({**HOSTED, "custom_text": {"terms_of_service_acceptance": {"message": "x"}}},
     "custom_text[terms_of_service_acceptance]"),
    ({**HOSTED, "payment_method_types": ["card"]}, "payment_method_types"),
    ({**HOSTED, "expires_at": START + 60}, "expires_at"),
    ({**HOSTED, "expires_at": START + 2 * DAY}, "expires_at"),
    ({**HOSTED, "customer_update": {"address": "auto"}}, "customer_update"),
    ({**HOSTED, "subscription_data": {"trial_period_days": 0}}, "subscription_data[trial_period_days]"),
    ({**HOSTED, "subscription_data": {"trial_end": START + DAY}}, "subscription_data[trial_end]"),
    ({**HOSTED, "subscription_data": {"metadata": {LONG_KEY: "v"}}}, "subscription_data[metadata][%s]" % LONG_KEY),
    ({**HOSTED, "mode": "payment"}, "mode"),
    ({**HOSTED, "payment_intent_data": {"description": "x"}}, "payment_intent_data"),
    ({**HOSTED, "customer_email": "nobody"}, "customer_email"),
])
def test_checkout_combination_is_refused(sandbox, prices, params, param):
    given = {"mode": "subscription", "line_items": [{"price": prices["monthly"], "quantity": 1}], **params}
    refused = sandbox.refused("checkout/sessions", given)
    assert refused.status == 400 and refused.error["param"] == param


@pytest.mark.parametrize("keys, param", [
    (["setup"], "line_items"), (["monthly", "yearly"], "line_items"), (["monthly", "dollars"], "line_items")])
def test_checkout_refuses_lines_that_do_not_go_together(sandbox, prices, keys, param):
    lines = [{"price": prices[key], "quantity": 1} for key in keys]
    refused = sandbox.refused("checkout/sessions", {"mode": "subscription", "line_items": lines, **HOSTED})
    assert refused.error["param"] == param


def test_checkout_refuses_inactive_price_missing_quantity_and_taxed_customer(sandbox, prices):
    lines = [{"price": prices["monthly"]}]
    given = {"mode": "subscription", "line_items": lines, **HOSTED}
    assert sandbox.refused("checkout/sessions", given).error["param"] == "line_items[0][quantity]"
    lines[0]["quantity"] = 1
    taxed = {**given, "customer": sandbox.post("customers")["id"], "automatic_tax": {"enabled": True}}
    assert sandbox.refused("checkout/sessions", taxed).error["code"] == "customer_tax_location_invalid"
    sandbox.post("checkout/sessions", **taxed, customer_update={"address": "auto"})
    sandbox.post("prices/" + prices["monthly"], active=False)
    assert "inactive" in sandbox.refused("checkout/sessions", given).error["message"]


@pytest.mark.parametrize("ui_mode", ["embedded_page", "elements"])
def test_session_on_the_site_has_a_secret_and_no_page(sandbox, prices, ui_mode):
    session = sandbox.post("checkout/sessions", mode="subscription", ui_mode=ui_mode,
                           line_items=[{"price": prices["monthly"], "quantity": 1}], return_url="https://shop.test/r")
    assert session["client_secret"].startswith(session["id"] + "_secret_") and session["url"] is None
    assert requests.get("%s/c/pay/%s" % (sandbox.url, session["id"])).status_code == 404


# Checkout: what happens


def test_paid_session_makes_an_active_subscription(sandbox, prices):
    session = sandbox.session_for(prices["monthly"], customer_email="jenny@example.com",
                                  subscription_data={"metadata": {"user": "7"}, "description": "Club"})
    assert session["url"] == "%s/c/pay/%s" % (sandbox.url, session["id"]) and session["amount_total"] == 1000
    paid = sandbox.pay(session)
    assert paid["redirect"] == "https://shop.test/ok?session_id=" + session["id"]
    got = sandbox.get("checkout/sessions/" + session["id"],
                      expand=["subscription", "customer", "line_items", "invoice"])
    assert (got["status"], got["payment_status"], got["url"]) == ("complete", "paid", None)
    assert (got["subscription"]["status"], got["subscription"]["metadata"]) == ("active", {"user": "7"})
    assert got["customer"]["email"] == got["customer_details"]["email"] == "jenny@example.com"
    assert got["invoice"]["status"] == "paid" and got["line_items"]["data"][0]["description"] == "Premium"
    assert "already" in requests.get(session["url"]).text


def test_events_of_a_checkout_come_in_stripes_order(sandbox, prices):
    customer = sandbox.post("customers")["id"]
    sandbox.pay(sandbox.session_for(prices["monthly"], customer=customer))
    types = sandbox.event_types()
    order = ["payment_method.attached", "invoice.created", "customer.subscription.created", "invoice.finalized",
             "payment_intent.succeeded", "invoice_payment.paid", "invoice.paid", "customer.subscription.updated",
             "entitlements.active_entitlement_summary.updated", "invoice.payment_succeeded",
             "checkout.session.completed"]
    assert [kind for kind in types if kind in order] == order
    events = {event["type"]: event for event in sandbox.get("events", limit=100)["data"]}
    assert events["customer.subscription.created"]["data"]["object"]["status"] == "incomplete"
    updated = events["customer.subscription.updated"]
    assert updated["data"]["object"]["status"] == "active"
    assert updated["data"]["previous_attributes"] == {"default_payment_method": None, "status": "incomplete"}
    assert updated["api_version"] == VERSION and updated["created"] == START


def test_declined_session_stays_open(sandbox, prices):
    session = sandbox.session_for(prices["monthly"])
    declined = sandbox.pay(session, "4000000000009995")
    assert declined["error"]["decline_code"] == "insufficient_funds" and declined["status"] == "open"
    assert sandbox.get("subscriptions", status="all")["data"] == []
    assert sandbox.pay(session)["status"] == "complete"


def test_authentication_given_and_refused(sandbox, prices):
    session = sandbox.session_for(prices["monthly"])
    assert sandbox.pay(session, "4000002500003155")["error"]["code"] == "authentication_required"
    assert sandbox.pay(session, "4000002500003155", authenticate="fail")["status"] == "open"
    assert sandbox.pay(session, "4000002500003155", authenticate="succeed")["status"] == "complete"


def test_trial_without_card(sandbox, prices):
    session = sandbox.session_for(prices["monthly"], payment_method_collection="if_required",
                                  subscription_data={"trial_period_days": 14})
    assert session["amount_total"] == 0
    paid = sandbox.pay(session)
    assert paid["session"]["payment_status"] == "no_payment_required"
    subscription = sandbox.get("subscriptions/" + paid["session"]["subscription"])
    assert (subscription["status"], subscription["trial_end"]) == ("trialing", START + 14 * DAY)
    assert subscription["default_payment_method"] is None


def test_set_up_fee_and_promotion_code(sandbox, prices):
    coupon = sandbox.post("coupons", percent_off=50, duration="once")["id"]
    sandbox.post("promotion_codes", promotion={"type": "coupon", "coupon": coupon}, code="HALF")
    session = sandbox.session_for(prices["monthly"], allow_promotion_codes=True, line_items=[
        {"price": prices["monthly"], "quantity": 2}, {"price": prices["setup"], "quantity": 1}])
    assert session["amount_total"] == 4000
    paid = sandbox.pay(session, promotion_code="half")["session"]
    assert paid["amount_total"] == 2000
    invoice = sandbox.get("invoices/" + paid["invoice"])
    assert (invoice["total"], invoice["amount_paid"], len(invoice["lines"]["data"])) == (2000, 2000, 2)
    subscription = sandbox.get("subscriptions/" + paid["subscription"])
    assert [row["quantity"] for row in subscription["items"]["data"]] == [2]


def test_bank_debit_is_active_while_processing_and_after_it_failed(sandbox, prices):
    for iban, paid, kind in (("AT321904300235473204", "paid", "checkout.session.async_payment_succeeded"),
                             ("AT861904300235473202", "unpaid", "checkout.session.async_payment_failed")):
        session = sandbox.pay(sandbox.session_for(prices["monthly"]), iban)["session"]
        assert (session["status"], session["payment_status"]) == ("complete", "unpaid")
        assert sandbox.status({"id": session["subscription"]}) == "active"
        sandbox.advance(by=300)
        assert sandbox.get("checkout/sessions/" + session["id"])["payment_status"] == paid
        assert sandbox.status({"id": session["subscription"]}) == "active"
        assert sandbox.event_types()[-1] == kind


def test_session_expires_when_told_and_by_itself(sandbox, prices):
    told, left = sandbox.session_for(prices["monthly"]), sandbox.session_for(prices["monthly"])
    assert sandbox.post("checkout/sessions/%s/expire" % told["id"])["status"] == "expired"
    assert sandbox.refused("checkout/sessions/%s/expire" % told["id"], {}).status == 400
    sandbox.advance(by=DAY)
    assert sandbox.get("checkout/sessions/" + left["id"])["status"] == "expired"
    assert sandbox.event_types()[-2:] == ["checkout.session.expired"] * 2


# The pages


def form_of(sandbox, page, **fields):
    action = re.search(r'<form method="post" action="([^"]+)"', page.text).group(1)
    return requests.post(sandbox.url + action, fields, allow_redirects=False)


def test_hosted_page_declines_then_takes_the_card(sandbox, prices):
    session = sandbox.session_for(prices["monthly"], customer_email="jenny@example.com")
    page = requests.get(session["url"])
    for piece in ("Premium", "10.00 EUR", "jenny@example.com", 'name="cardNumber"', 'name="cardExpiry"',
                  'name="cardCvc"', 'name="billingName"', 'id="submit"',
                  'id="cancel" href="https://shop.test/pricing"'):
        assert piece in page.text
    card = {"cardExpiry": "12 / 34", "cardCvc": "123", "billingName": "Jenny Rosen"}
    declined = form_of(sandbox, page, cardNumber="4000 0000 0000 9995", **card)
    assert '<p id="error" role="alert">Your card has insufficient funds.</p>' in declined.text
    paid = form_of(sandbox, declined, cardNumber="4242 4242 4242 4242", **card)
    assert paid.status_code == 303
    assert paid.headers["Location"] == "https://shop.test/ok?session_id=" + session["id"]


def test_hosted_page_asks_for_consent(sandbox, prices):
    session = sandbox.session_for(prices["monthly"], consent_collection={"terms_of_service": "required"}, custom_text={
        "terms_of_service_acceptance": {"message": "Our <terms>"}, "submit": {"message": "You pay monthly"}})
    page = requests.get(session["url"])
    assert "Our &lt;terms&gt;" in page.text and "You pay monthly" in page.text
    form = {"cardNumber": "4242424242424242", "email": "jenny@example.com"}
    assert 'id="error"' in form_of(sandbox, page, **form).text
    assert form_of(sandbox, page, terms="accepted", **form).status_code == 303
    assert sandbox.get("checkout/sessions/" + session["id"])["consent"]["terms_of_service"] == "accepted"


@pytest.mark.parametrize("button, status", [("succeed", "complete"), ("fail", "open")])
def test_hosted_page_asks_for_authentication(sandbox, prices, button, status):
    session = sandbox.session_for(prices["monthly"])
    card = {"cardNumber": "4000 0025 0000 3155", "cardExpiry": "12/34", "cardCvc": "123"}
    asked = form_of(sandbox, requests.get(session["url"]), email="j@example.com", **card)
    bank = requests.get(sandbox.url + asked.headers["Location"])
    assert 'id="authenticate"' in bank.text and 'id="refuse"' in bank.text
    after = form_of(sandbox, bank, answer=button)
    assert sandbox.get("checkout/sessions/" + session["id"])["status"] == status
    assert ('id="error"' in after.text) == (status == "open")


def test_page_without_card_fields_when_none_is_needed(sandbox, prices):
    session = sandbox.session_for(prices["monthly"], payment_method_collection="if_required",
                                  subscription_data={"trial_period_days": 7})
    page = requests.get(session["url"])
    assert "cardNumber" not in page.text
    assert form_of(sandbox, page, email="jenny@example.com").status_code == 303


@pytest.mark.parametrize("mode, status", [("immediately", "canceled"), ("at_period_end", "active")])
def test_portal_cancels_as_configured_and_renews(sandbox, prices, mode, status):
    subscription = sandbox.subscribe(prices["monthly"])
    config = sandbox.post("billing_portal/configurations",
                          features={"subscription_cancel": {"enabled": True, "mode": mode}})["id"]
    session = sandbox.post("billing_portal/sessions", customer=subscription["customer"], configuration=config,
                           return_url="https://shop.test/account")
    page = requests.get(session["url"])
    assert 'id="return" href="https://shop.test/account"' in page.text
    assert 'id="cancel-%s"' % subscription["id"] in page.text
    confirm = requests.get("%s/subscriptions/%s/cancel" % (session["url"], subscription["id"]))
    assert 'id="confirm"' in confirm.text
    assert form_of(sandbox, confirm).status_code == 303
    got = sandbox.get("subscriptions/" + subscription["id"])
    assert (got["status"], got["cancel_at_period_end"]) == (status, mode == "at_period_end")
    if mode == "at_period_end":
        assert got["cancel_at"] == got["items"]["data"][0]["current_period_end"]
        page = requests.get(session["url"])
        assert 'id="renew-%s"' % subscription["id"] in page.text
        form_of(sandbox, page)
        assert sandbox.get("subscriptions/" + subscription["id"])["cancel_at"] is None


def test_portal_updates_the_payment_method(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"], "pm_card_chargeCustomerFail", trial_period_days=7)
    url = sandbox.post("billing_portal/sessions", customer=subscription["customer"])["url"]
    requests.post(url + "/payment_method", {"cardNumber": "4242424242424242", "cardExpiry": "12/34"})
    assert "4242" in requests.get(url).text
    sandbox.advance(by=8 * DAY)
    assert sandbox.status(subscription) == "active"


@pytest.mark.parametrize("flow, param", [
    ({"type": "subscription_cancel"}, "flow_data[subscription_cancel][subscription]"),
    ({"type": "subscription_cancel", "subscription_cancel": {"subscription": "sub_none"}},
     "flow_data[subscription_cancel][subscription]"),
    ({"type": "subscription_update", "subscription_update": {"subscription": "sub_none"}}, "flow_data[type]"),
    ({"type": "horse"}, "flow_data[type]"),
])
def test_portal_flow_is_checked(sandbox, flow, param):
    customer = sandbox.post("customers")["id"]
    refused = sandbox.refused("billing_portal/sessions", {"customer": customer, "flow_data": flow})
    assert refused.status == 400 and refused.error["param"] == param


def test_portal_refuses_the_subscription_of_another(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"])
    flow = {"type": "subscription_cancel", "subscription_cancel": {"subscription": subscription["id"]}}
    other = sandbox.post("customers")["id"]
    assert sandbox.refused("billing_portal/sessions", {"customer": other, "flow_data": flow}).status == 400
    url = sandbox.post("billing_portal/sessions", customer=subscription["customer"], flow_data=flow)["url"]
    assert 'id="confirm"' in requests.get(url).text


# Subscriptions


def test_subscription_needs_a_payment_method_unless_it_waits_for_one(sandbox, prices):
    customer = sandbox.post("customers")["id"]
    given = {"customer": customer, "items": [{"price": prices["monthly"]}]}
    assert "no attached payment source" in sandbox.refused("subscriptions", given).error["message"]
    waiting = sandbox.post("subscriptions", payment_behavior="default_incomplete", billing_mode={"type": "flexible"},
                           payment_settings={"save_default_payment_method": "on_subscription"},
                           expand=["latest_invoice.confirmation_secret", "pending_setup_intent"], **given)
    secret = waiting["latest_invoice"]["confirmation_secret"]
    assert (waiting["status"], secret["type"]) == ("incomplete", "payment_intent")
    assert "current_period_end" not in waiting and waiting["items"]["data"][0]["current_period_start"] == START
    intent = secret["client_secret"].partition("_secret_")[0]
    sandbox.post("payment_intents/%s/confirm" % intent, payment_method="pm_card_visa")
    got = sandbox.get("subscriptions/" + waiting["id"])
    assert got["status"] == "active" and got["default_payment_method"].startswith("pm_")


def test_trial_without_card_has_a_pending_setup_intent(sandbox, prices):
    subscription = sandbox.post("subscriptions", customer=sandbox.post("customers")["id"], trial_period_days=7,
                                items=[{"price": prices["monthly"]}], expand=["pending_setup_intent"],
                                payment_settings={"save_default_payment_method": "on_subscription"})
    intent = subscription["pending_setup_intent"]["id"]
    sandbox.post("setup_intents/%s/confirm" % intent, payment_method="pm_card_visa")
    got = sandbox.get("subscriptions/" + subscription["id"])
    assert got["pending_setup_intent"] is None and got["default_payment_method"]


def test_first_payment_that_needs_authentication_is_incomplete(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"], "pm_card_authenticationRequired",
                                     expand=["latest_invoice.confirmation_secret"])
    assert subscription["status"] == "incomplete"
    intent = subscription["latest_invoice"]["confirmation_secret"]["client_secret"].partition("_secret_")[0]
    assert sandbox.get("payment_intents/" + intent)["status"] == "requires_action"
    requests.post("%s/3ds/%s" % (sandbox.url, intent), {"answer": "succeed"})
    assert sandbox.status(subscription) == "active"


@pytest.mark.parametrize("params, param", [
    ({"items": [{"price": "monthly"}, {"price": "yearly"}]}, "items"),
    ({"items": [{"price": "monthly"}, {"price": "monthly"}]}, "items"),
    ({"items": [{"price": "setup"}]}, "items[0][price]"),
    ({"items": [{"price": "monthly"}], "currency": "usd"}, "items"),
    ({"items": [{"price": "monthly"}], "cancel_at": START + DAY, "cancel_at_period_end": True}, "cancel_at"),
    ({"items": [{"price": "monthly"}], "trial_end": START + DAY, "trial_period_days": 3}, "trial_end"),
    ({"items": [{"price": "monthly"}], "collection_method": "send_invoice"}, "days_until_due"),
    ({"items": [{"price": "monthly"}], "payment_behavior": "maybe"}, "payment_behavior"),
])
def test_wrong_subscription_is_refused(sandbox, prices, params, param):
    items = [{"price": prices[item["price"]]} for item in params["items"]]
    refused = sandbox.refused("subscriptions", {"customer": sandbox.payer(), **params, "items": items})
    assert refused.status == 400 and refused.error["param"] == param


def test_list_leaves_out_what_has_ended_unless_asked(sandbox, prices):
    ended, live = sandbox.subscribe(prices["monthly"]), sandbox.subscribe(prices["monthly"])
    sandbox.delete("subscriptions/" + ended["id"], cancellation_details={"feedback": "unused"})
    assert [row["id"] for row in sandbox.get("subscriptions")["data"]] == [live["id"]]
    assert [row["id"] for row in sandbox.get("subscriptions", status="canceled")["data"]] == [ended["id"]]
    assert len(sandbox.get("subscriptions", status="all")["data"]) == 2
    assert sandbox.get("subscriptions", status="all", customer=ended["customer"])["data"][0][
        "cancellation_details"]["feedback"] == "unused"
    assert sandbox.refused("subscriptions/" + ended["id"], {}, "DELETE").status == 404


def test_list_inside_an_object_ends_after_ten(sandbox):
    product = sandbox.post("products", name="x")["id"]
    made = [sandbox.post("prices", product=product, currency="eur", unit_amount=1, recurring={"interval": "month"})
            for _ in range(11)]
    subscription = sandbox.post("subscriptions", customer=sandbox.payer(),
                                items=[{"price": row["id"]} for row in made])
    assert len(subscription["items"]["data"]) == 10 and subscription["items"]["has_more"]
    assert len(sandbox.get("subscription_items", subscription=subscription["id"], limit=100)["data"]) == 11


def test_upgrade_is_prorated_and_invoiced(sandbox, prices):
    subscription = sandbox.subscribe(prices["basic"])
    item = subscription["items"]["data"][0]
    half = (item["current_period_start"] + item["current_period_end"]) // 2
    sandbox.advance(to=half)
    changed = sandbox.post("subscriptions/" + subscription["id"], proration_behavior="always_invoice",
                           items=[{"id": item["id"], "price": prices["monthly"], "quantity": 1}],
                           expand=["latest_invoice"])
    assert [row["amount"] for row in changed["latest_invoice"]["lines"]["data"]] == [-250, 500]
    assert changed["latest_invoice"]["amount_paid"] == 250
    assert changed["items"]["data"][0]["price"]["lookup_key"] == "monthly"
    assert changed["items"]["data"][0]["id"] == item["id"]


def test_update_waits_for_its_payment(sandbox, prices):
    subscription = sandbox.subscribe(prices["basic"])
    path, item = "subscriptions/" + subscription["id"], subscription["items"]["data"][0]["id"]
    good = sandbox.get("customers/" + subscription["customer"])["invoice_settings"]["default_payment_method"]
    bad = sandbox.post("payment_methods/pm_card_chargeCustomerFail/attach", customer=subscription["customer"])["id"]
    sandbox.post(path, default_payment_method=bad)
    change = {"items": [{"id": item, "price": prices["monthly"], "quantity": 1}],
              "proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"}
    waiting = sandbox.post(path, **change)
    assert waiting["pending_update"]["expires_at"] == START + 23 * HOUR and waiting["status"] == "active"
    assert waiting["items"]["data"][0]["price"]["lookup_key"] == "basic"
    sandbox.post("invoices/%s/pay" % waiting["latest_invoice"], payment_method=good)
    paid = sandbox.get(path)
    assert paid["pending_update"] is None and paid["items"]["data"][0]["price"]["lookup_key"] == "monthly"
    assert "customer.subscription.pending_update_applied" in sandbox.event_types()


def test_update_that_is_not_paid_expires(sandbox, prices):
    subscription = sandbox.subscribe(prices["basic"])
    path, item = "subscriptions/" + subscription["id"], subscription["items"]["data"][0]["id"]
    bad = sandbox.post("payment_methods/pm_card_chargeCustomerFail/attach", customer=subscription["customer"])["id"]
    sandbox.post(path, default_payment_method=bad)
    sandbox.post(path, items=[{"id": item, "price": prices["monthly"], "quantity": 1}],
                 proration_behavior="always_invoice", payment_behavior="pending_if_incomplete")
    sandbox.advance(by=23 * HOUR)
    expired = sandbox.get(path, expand=["latest_invoice"])
    assert expired["pending_update"] is None and expired["latest_invoice"]["status"] == "void"
    assert sandbox.event_types()[-1] == "customer.subscription.pending_update_expired"


def test_pause_and_resume(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"])
    path = "subscriptions/" + subscription["id"]
    paused = sandbox.post(path + "/pause", type="subscription")
    assert paused["status"] == "paused"
    assert paused["status_details"]["paused"]["subscription"]["type"] == "pause_requested"
    now = sandbox.advance(by=40 * DAY)["now"]
    assert sandbox.status(subscription) == "paused"
    resumed = sandbox.post(path + "/resume", payment_behavior="resume_on_payment_success",
                           billing_cycle_anchor={"type": "now"})
    assert resumed["status"] == "active"
    assert resumed["items"]["data"][0]["current_period_start"] == now
    assert sandbox.refused(path + "/resume", {}).status == 400


def next_amounts(sandbox, subscription):
    """What is on the invoice of the next period."""
    sandbox.advance(by=31 * DAY)
    newest = sandbox.get("invoices", subscription=subscription["id"])["data"][0]
    assert newest["billing_reason"] == "subscription_cycle"
    return [line["amount"] for line in newest["lines"]["data"]]


@pytest.mark.parametrize("paused, resumed, amounts", [
    ({}, {}, [1000, -1000, 667]),
    ({"bill_for": {"unused_time_from": {"type": "now"}}}, {"proration_behavior": "none"}, [1000, -1000]),
    ({"bill_for": {"unused_time_from": {"type": "none"}}}, {"proration_behavior": "create_prorations"}, [1000, 667]),
    ({"bill_for": {"unused_time_from": {"type": "none"}}}, {"proration_behavior": "none"}, [1000]),
    ({"invoicing_behavior": "invoice"}, {"proration_behavior": "always_invoice"}, [1000]),
])
def test_pause_credits_and_unchanged_resumption_charges_unless_told_not_to(sandbox, prices, paused, resumed, amounts):
    subscription = sandbox.subscribe(prices["monthly"])
    path = "subscriptions/" + subscription["id"]
    sandbox.post(path + "/pause", **paused)
    sandbox.advance(by=10 * DAY)
    assert sandbox.post(path + "/resume", billing_cycle_anchor={"type": "unchanged"}, **resumed)["status"] == "active"
    assert next_amounts(sandbox, subscription) == amounts


def test_pause_credits_from_the_begin_of_the_period(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"])
    path = "subscriptions/" + subscription["id"]
    sandbox.advance(by=10 * DAY)
    sandbox.post(path + "/pause", bill_for={"unused_time_from": {"type": "item_current_period_start"}})
    sandbox.post(path + "/resume", billing_cycle_anchor={"type": "unchanged"}, proration_behavior="none")
    assert next_amounts(sandbox, subscription) == [1000, -1000]


def test_resumption_for_a_new_period_takes_what_is_pending(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"])
    path = "subscriptions/" + subscription["id"]
    sandbox.post(path + "/pause")
    sandbox.advance(by=40 * DAY)
    resumed = sandbox.post(path + "/resume", expand=["latest_invoice"])
    assert (resumed["status"], resumed["latest_invoice"]["total"]) == ("active", 0)


def test_pause_collection_keeps_the_status(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"])
    sandbox.post("subscriptions/" + subscription["id"], pause_collection={"behavior": "mark_uncollectible"})
    sandbox.advance(by=32 * DAY)
    got = sandbox.get("subscriptions/" + subscription["id"], expand=["latest_invoice"])
    assert (got["status"], got["latest_invoice"]["status"]) == ("active", "uncollectible")
    assert sandbox.post("subscriptions/" + subscription["id"], pause_collection="")["pause_collection"] is None


def test_declined_payment_of_an_invoice_is_402(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"], "pm_card_chargeCustomerFail")
    assert subscription["status"] == "incomplete"
    refused = sandbox.refused("invoices/%s/pay" % subscription["latest_invoice"], {})
    assert refused.status == 402 and refused.error["type"] == "card_error"
    assert refused.error["payment_intent"]["status"] == "requires_payment_method"


def test_state_that_cannot_be_reached_is_set(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"])
    sandbox.control("POST", "subscriptions/%s/set" % subscription["id"], status="unpaid")
    assert sandbox.status(subscription) == "unpaid"
    event = sandbox.get("events", type="customer.subscription.updated")["data"][0]
    assert event["data"]["previous_attributes"] == {"status": "active"}


# Histories


def test_renewal_is_drafted_then_paid_each_at_its_time(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"])
    end = subscription["items"]["data"][0]["current_period_end"]
    sandbox.advance(to=end)
    got = sandbox.get("subscriptions/" + subscription["id"], expand=["latest_invoice"])
    assert got["items"]["data"][0]["current_period_start"] == end and got["latest_invoice"]["status"] == "draft"
    sandbox.advance(by=HOUR)
    assert sandbox.get("invoices/" + got["latest_invoice"]["id"])["status"] == "paid"
    created = {event["type"]: event["created"] for event in reversed(sandbox.get("events", limit=30)["data"])}
    assert created["invoice.created"] == end and created["invoice.paid"] == end + HOUR
    assert created["invoice.upcoming"] == end - 7 * DAY


def test_history_from_the_past_to_now(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"])
    sandbox.advance(by=360 * DAY)
    invoices = sandbox.get("invoices", subscription=subscription["id"], limit=100)["data"]
    assert len(invoices) == 12 and {row["status"] for row in invoices} == {"paid"}
    assert sandbox.get("subscriptions/" + subscription["id"])["items"]["data"][0]["current_period_end"] > \
        START + 360 * DAY


@pytest.mark.parametrize("end, status", [("cancel", "canceled"), ("unpaid", "unpaid"), ("past_due", "past_due")])
def test_renewal_that_fails_is_retried_and_ends_as_configured(sandbox, prices, end, status):
    sandbox.control("POST", "settings", retries={"schedule_days": [1, 2], "end": end})
    subscription = sandbox.subscribe(prices["monthly"], "pm_card_chargeCustomerFail", trial_period_days=3)
    sandbox.advance(by=3 * DAY + HOUR)
    assert sandbox.status(subscription) == "past_due"
    invoice = sandbox.get("invoices", subscription=subscription["id"])["data"][0]
    assert (invoice["status"], invoice["attempt_count"]) == ("open", 1)
    assert invoice["next_payment_attempt"] == START + 4 * DAY + HOUR
    sandbox.advance(by=4 * DAY)
    assert sandbox.status(subscription) == status
    assert sandbox.get("invoices/" + invoice["id"])["attempt_count"] == 3
    assert sandbox.event_types().count("invoice.payment_failed") == 3


def test_past_due_is_healed_by_a_new_card(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"], "pm_card_chargeCustomerFail", trial_period_days=3)
    sandbox.advance(by=4 * DAY)
    good = sandbox.post("payment_methods/pm_card_visa/attach", customer=subscription["customer"])["id"]
    sandbox.post("subscriptions/" + subscription["id"], default_payment_method=good)
    sandbox.advance(by=3 * DAY)
    assert sandbox.status(subscription) == "active"


@pytest.mark.parametrize("behavior, status", [("pause", "paused"), ("cancel", "canceled"),
                                              ("create_invoice", "past_due")])
def test_trial_ends_without_card(sandbox, prices, behavior, status):
    session = sandbox.session_for(prices["monthly"], payment_method_collection="if_required", subscription_data={
        "trial_period_days": 14, "trial_settings": {"end_behavior": {"missing_payment_method": behavior}}})
    subscription = {"id": sandbox.pay(session)["session"]["subscription"]}
    sandbox.advance(by=14 * DAY + 2 * HOUR)
    assert sandbox.status(subscription) == status
    assert "customer.subscription.trial_will_end" in sandbox.event_types()


def test_trial_ends_with_card(sandbox, prices):
    session = sandbox.session_for(prices["monthly"], subscription_data={"trial_period_days": 14})
    subscription = {"id": sandbox.pay(session, "4000002500003155", authenticate="succeed")["session"]["subscription"]}
    sandbox.advance(by=14 * DAY + HOUR)
    got = sandbox.get("subscriptions/" + subscription["id"], expand=["latest_invoice"])
    assert (got["status"], got["latest_invoice"]["amount_paid"]) == ("active", 1000)


def test_unpaid_first_invoice_expires_after_23_hours(sandbox, prices):
    subscription = sandbox.post("subscriptions", customer=sandbox.post("customers")["id"],
                                items=[{"price": prices["monthly"]}], payment_behavior="default_incomplete")
    sandbox.advance(by=23 * HOUR - 1)
    assert sandbox.status(subscription) == "incomplete"
    sandbox.advance(by=1)
    got = sandbox.get("subscriptions/" + subscription["id"], expand=["latest_invoice"])
    assert (got["status"], got["latest_invoice"]["status"]) == ("incomplete_expired", "void")


def test_void_first_invoice_ends_what_waited_for_it(sandbox, prices):
    subscription = sandbox.post("subscriptions", customer=sandbox.post("customers")["id"],
                                items=[{"price": prices["monthly"]}], payment_behavior="default_incomplete")
    voided = sandbox.post("invoices/%s/void" % subscription["latest_invoice"],
                          expand=["parent.subscription_details.subscription"])
    assert voided["status"] == "void"
    assert voided["parent"]["subscription_details"]["subscription"]["status"] == "incomplete_expired"
    assert sandbox.event_types()[-2:] == ["invoice.voided", "customer.subscription.updated"]


@pytest.mark.parametrize("card, paid", [("4242424242424242", "paid"), ("AT321904300235473204", "open")])
def test_invoice_that_is_paid_or_being_paid_is_not_voided(sandbox, prices, card, paid):
    session = sandbox.pay(sandbox.session_for(prices["monthly"]), card)["session"]
    invoice = sandbox.get("subscriptions/" + session["subscription"])["latest_invoice"]
    assert sandbox.refused("invoices/%s/void" % invoice, {}).status == 400
    assert sandbox.get("invoices/" + invoice)["status"] == paid
    assert sandbox.status({"id": session["subscription"]}) == "active"


@pytest.mark.parametrize("how", [{"cancel_at_period_end": True}, {"cancel_at": START + 5 * DAY},
                                 {"cancel_at": "min_period_end"}])
def test_scheduled_cancel(sandbox, prices, how):
    subscription = sandbox.subscribe(prices["monthly"])
    when = sandbox.post("subscriptions/" + subscription["id"], **how)["cancel_at"]
    sandbox.advance(to=when - 1)
    assert sandbox.status(subscription) == "active"
    sandbox.advance(to=when)
    got = sandbox.get("subscriptions/" + subscription["id"])
    assert (got["status"], got["ended_at"], got["canceled_at"]) == ("canceled", when, START)
    assert sandbox.event_types().count("customer.subscription.deleted") == 1


def test_clock_is_live_when_told(sandbox):
    assert sandbox.control("GET", "clock") == {"now": START, "frozen": True}
    assert abs(sandbox.control("POST", "clock", live=True)["now"] - time.time()) < 3
    assert sandbox.control("POST", "clock", now=START + 5) == {"now": START + 5, "frozen": True}


def test_what_fell_due_happens_before_the_clock_is_live(sandbox, prices):
    start = int(time.time()) - 40 * DAY
    sandbox.control("POST", "clock", now=start)
    subscription = sandbox.subscribe(prices["monthly"])
    sandbox.control("POST", "clock", live=True)
    renewal = sandbox.get("invoices", subscription=subscription["id"])["data"][0]
    assert renewal["billing_reason"] == "subscription_cycle" and renewal["status"] == "paid"
    assert start < renewal["created"] < time.time() - 5 * DAY


# Entitlements


def test_entitlements_follow_the_subscription(sandbox, prices):
    subscription = sandbox.subscribe(prices["monthly"])
    path = "entitlements/active_entitlements"
    held = sandbox.get(path, customer=subscription["customer"], expand=["data.feature"])["data"]
    assert [row["lookup_key"] for row in held] == ["exports"] and held[0]["feature"]["name"] == "exports"
    sandbox.delete("subscriptions/" + subscription["id"])
    assert sandbox.get(path, customer=subscription["customer"])["data"] == []
    kind = "entitlements.active_entitlement_summary.updated"
    events = sandbox.get("events", type=kind)["data"]
    sizes = [len(event["data"]["object"]["entitlements"]["data"]) for event in events]
    assert sizes == [0, 1]


# Events and webhooks


def test_events_are_filtered(sandbox):
    sandbox.post("customers")
    sandbox.advance(by=100)
    sandbox.post("products", name="x")
    assert len(sandbox.get("events", created={"gte": START + 100})["data"]) == 1
    assert len(sandbox.get("events", type="customer.*")["data"]) == 1
    assert len(sandbox.get("events", types=["customer.created", "product.created"])["data"]) == 2
    event = sandbox.get("events", type="customer.created")["data"][0]
    assert sandbox.get("events/" + event["id"]) == event and event["request"]["id"].startswith("req_")


def test_events_are_forgotten_after_30_days(sandbox):
    sandbox.post("customers")
    event = sandbox.get("events")["data"][0]["id"]
    sandbox.advance(by=30 * DAY)
    assert sandbox.get("events")["data"] == []
    assert sandbox.refused("events/" + event, {}, "GET").status == 404


def signed_with(secret, body, header):
    parts = dict(part.split("=", 1) for part in header.split(","))
    expected = hmac.new(secret.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    return parts["v1"] == expected and abs(time.time() - int(parts["t"])) < 5


def test_webhook_is_signed_with_real_time(sandbox, receiver):
    sandbox.post("customers", name="Jürgen")
    assert sandbox.control("POST", "settle", timeout=5) == {"pending": 0}
    body, header = receiver.received[0]
    assert signed_with("whsec_test", body, header)
    assert json.loads(body)["type"] == "customer.created" and json.loads(body)["pending_webhooks"] == 1
    event = sandbox.get("events")["data"][0]
    assert event["pending_webhooks"] == 0


def test_webhook_is_retried_and_recorded(sandbox, receiver):
    receiver.statuses.extend([500, 302])
    sandbox.control("POST", "delivery", backoff=0.05)
    sandbox.post("customers")
    sandbox.control("POST", "settle", timeout=5)
    attempts = sandbox.control("GET", "deliveries")["deliveries"]
    assert [row["status"] for row in attempts] == [500, 302, 200]
    assert len(receiver.received) == 3


def test_webhook_gives_up_after_the_last_attempt(sandbox, receiver):
    receiver.statuses.extend([503] * 3)
    sandbox.control("POST", "delivery", backoff=0.02, attempts=2)
    sandbox.post("customers")
    sandbox.control("POST", "settle", timeout=5)
    assert len(receiver.received) == 2 and sandbox.get("events")["data"][0]["pending_webhooks"] == 1


def test_unreachable_endpoint_is_recorded(sandbox):
    sandbox.control("POST", "webhooks", url="http://127.0.0.1:9/", secret="whsec_x")
    sandbox.control("POST", "delivery", attempts=1)
    sandbox.post("customers")
    sandbox.control("POST", "settle", timeout=5)
    attempt = sandbox.control("GET", "deliveries")["deliveries"][0]
    assert attempt["status"] is None and "refused" in attempt["error"]


def test_held_events_are_delivered_in_any_order(sandbox, receiver):
    sandbox.control("POST", "delivery", hold=True)
    for name in "abc":
        sandbox.post("customers", name=name)
    ids = [event["id"] for event in sandbox.get("events")["data"]]
    assert receiver.received == []
    attempts = sandbox.control("POST", "deliver", order=[ids[0], ids[2]])["attempts"]
    assert [row["event"] for row in attempts] == [ids[0], ids[2], ids[1]]
    assert len(sandbox.control("POST", "redeliver", id=ids[1])["attempts"]) == 1
    assert [event["id"] for event in receiver.events()] == [ids[0], ids[2], ids[1], ids[1]]


def test_events_come_twice_late_or_never(sandbox, receiver):
    sandbox.control("POST", "delivery", copies=2, delay=0.1)
    sandbox.post("customers")
    assert receiver.received == []
    sandbox.control("POST", "settle", timeout=5)
    assert len(receiver.received) == 2
    sandbox.control("POST", "delivery", copies=1, delay=0, drop=1)
    sandbox.post("customers")
    sandbox.control("POST", "delivery", drop=0, only=["product.created"])
    sandbox.post("customers")
    sandbox.control("POST", "settle", timeout=5)
    assert len(receiver.received) == 2 and len(sandbox.get("events")["data"]) == 3


def test_shuffle_with_a_seed(sandbox, receiver):
    sandbox.control("POST", "delivery", shuffle=True, seed=3)
    for name in range(8):
        sandbox.post("customers", name=name)
    sandbox.control("POST", "settle", timeout=5)
    names = [event["data"]["object"]["name"] for event in receiver.events()]
    assert sorted(names) == [str(name) for name in range(8)] and names != sorted(names)


def test_endpoint_of_an_old_version_gets_the_old_shape(sandbox, prices):
    old = Receiver()
    sandbox.control("POST", "webhooks", url=old.url, secret="whsec_old", api_version="2024-06-20",
                    enabled_events=["customer.subscription.created", "invoice.paid"])
    subscription = sandbox.subscribe(prices["monthly"])
    sandbox.control("POST", "settle", timeout=5)
    events = {event["type"]: event for event in old.events()}
    shown = events["customer.subscription.created"]["data"]["object"]
    assert shown["current_period_end"] == subscription["items"]["data"][0]["current_period_end"]
    assert "current_period_end" not in shown["items"]["data"][0]
    assert events["invoice.paid"]["data"]["object"]["subscription"] == subscription["id"]
    assert set(events) == {"customer.subscription.created", "invoice.paid"}
    old.server.shutdown()


def test_webhook_endpoints_are_made_by_the_api(sandbox):
    receiver = Receiver()
    made = sandbox.post("webhook_endpoints", url=receiver.url, enabled_events=["customer.created"])
    sandbox.post("customers")
    sandbox.post("products", name="x")
    sandbox.control("POST", "settle", timeout=5)
    assert [event["type"] for event in receiver.events()] == ["customer.created"]
    assert signed_with(made["secret"], *receiver.received[0])
    assert "secret" not in sandbox.get("webhook_endpoints/" + made["id"])
    sandbox.delete("webhook_endpoints/" + made["id"])
    assert sandbox.get("webhook_endpoints")["data"] == []
    receiver.server.shutdown()


def test_connected_account_has_its_own_objects_and_events(sandbox, receiver):
    connect = Receiver()
    sandbox.control("POST", "webhooks", url=connect.url, secret="whsec_c", connect=True)
    account = sandbox.control("POST", "accounts", id="acct_connected")["id"]
    sandbox.call("POST", "customers", Stripe_Account=account)
    sandbox.control("POST", "settle", timeout=5)
    assert sandbox.get("customers")["data"] == [] and receiver.received == []
    assert [event["account"] for event in connect.events()] == [account]
    assert sandbox.refused("customers", {}, Stripe_Account="acct_none").status == 403
    connect.server.shutdown()


def test_hand_made_event(sandbox, receiver):
    made = sandbox.control("POST", "events", type="customer.subscription.updated", object={"id": "sub_1"},
                           previous_attributes={"status": "active"}, created=START - 5, id="evt_mine", livemode=True)
    sandbox.control("POST", "settle", timeout=5)
    assert receiver.events()[0]["id"] == made["id"] == "evt_mine"
    assert sandbox.get("events/evt_mine")["livemode"] is True


# Shapes


class Shapes:
    """What does not fit Stripe's description of its own objects."""

    def __init__(self):
        with open(SPEC) as source:
            self.schemas = json.load(source)["components"]["schemas"]

    def problems(self, obj):
        return list(self.against({"$ref": "#/components/schemas/" + obj["object"]}, obj, obj["object"]))

    def against(self, schema, value, path):
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"].rsplit("/", 1)[1]]
        if value is None:
            return [] if schema.get("nullable") else [path + " is null"]
        if "anyOf" in schema:
            return min((self.against(option, value, path) for option in schema["anyOf"]), key=len)
        if "enum" in schema and value not in schema["enum"]:
            return ["%s is %r" % (path, value)]
        if schema.get("type") == "array":
            return [found for item in value for found in self.against(schema["items"], item, path + "[]")]
        return self.fields(schema, value, path) if "properties" in schema else []

    def fields(self, schema, value, path):
        if not isinstance(value, dict):
            return [path + " is no object"]
        found = ["%s.%s is unknown" % (path, name) for name in value if name not in schema["properties"]]
        found += ["%s.%s is missing" % (path, name) for name in schema.get("required", []) if name not in value]
        for name in set(value) & set(schema["properties"]):
            found += self.against(schema["properties"][name], value[name], path + "." + name)
        return found


@pytest.mark.skipif(not os.path.exists(SPEC), reason="needs Stripe's description of its API")
def test_objects_have_stripes_shapes(sandbox, prices):
    shapes, seen = Shapes(), []
    for story in (test_update_that_is_not_paid_expires, test_set_up_fee_and_promotion_code, test_trial_ends_with_card,
                  test_bank_debit_is_active_while_processing_and_after_it_failed, test_pause_and_resume):
        story(sandbox, prices)
        seen += [event["data"]["object"] for event in sandbox.get("events", limit=100)["data"]]
    customer = sandbox.post("customers")["id"]
    seen.append(sandbox.post("billing_portal/sessions", customer=customer))
    sandbox.post("webhook_endpoints", url="http://127.0.0.1:9/", enabled_events=["*"])
    for noun in ("customers", "products", "prices", "invoices", "invoice_payments", "payment_intents",
                 "setup_intents", "coupons", "promotion_codes", "checkout/sessions", "webhook_endpoints",
                 "billing_portal/configurations", "entitlements/features"):
        seen += sandbox.get(noun, limit=100)["data"]
    seen += sandbox.get("subscriptions", status="all", limit=100, expand=["data.discounts"])["data"]
    assert {problem for obj in seen for problem in shapes.problems(obj)} == set()
    assert len({obj["object"] for obj in seen}) > 15


if __name__ == "__main__":
    sys.exit(pytest.main([__file__]))
