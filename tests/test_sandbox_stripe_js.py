"""The Stripe sandbox: its stand-in for Stripe.js, in a browser, on the page of a shop."""
import http.server
import shutil
import sys
import tempfile
import threading
import urllib.parse

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as seen
from selenium.webdriver.support.ui import WebDriverWait

from test_sandbox import HOUR, prices, running, sandbox  # noqa: F401 (fixtures)

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
PAGE = """<!doctype html><title>shop</title><div id="payment-element"></div><div id="checkout"></div>
<script src="%s/v3/"></script>
<script>
const stripe = Stripe("pk_test_sandbox");
const show = (name, promise) => promise.then((result) => { window[name] = result; },
	(error) => { window[name] = { thrown: error.name, message: error.message }; });
</script>"""
ELEMENT = '#payment-element iframe[name^="stripe-element"]'
CARD = {"cardNumber": "4242 4242 4242 4242", "cardExpiry": "12 / 34", "cardCvc": "123"}
ASKS = {**CARD, "cardNumber": "4000 0025 0000 3155"}
OWNER = {"billingName": "Jenny Rosen", "email": "jenny@example.com"}
BECS = {"bsb": "000000", "accountNumber": "900123456"}
SEPA = {"iban": "AT321904300235473204"}


class Shop:
    """A browser on a page of another origin than the sandbox."""

    def __init__(self, sandbox_url):
        page = (PAGE % sandbox_url).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.profile = tempfile.mkdtemp()
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in (*FLAGS, "--user-data-dir=" + self.profile):
            options.add_argument(flag)
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))

    def stop(self):
        self.driver.quit()
        self.server.shutdown()
        shutil.rmtree(self.profile, ignore_errors=True)

    def until(self, condition):
        return WebDriverWait(self.driver, 5, 0.05).until(condition)

    def run(self, script, *values):
        return self.driver.execute_script(script, *values)

    def start(self, script, *values):
        """Runs it with a fresh window.result, which result() waits for."""
        self.run("delete window.result;" + script, *values)

    def result(self):
        return self.until(lambda driver: driver.execute_script("return window.result"))

    def inside(self, frame, **fields):
        """Fills in fields in a frame, and stays there."""
        self.driver.switch_to.default_content()
        self.until(seen.frame_to_be_available_and_switch_to_it((By.CSS_SELECTOR, frame)))
        for identifier, text in fields.items():
            self.until(seen.element_to_be_clickable((By.ID, identifier))).send_keys(text)
        return self

    def press(self, identifier):
        self.until(seen.element_to_be_clickable((By.ID, identifier))).click()
        return self

    def fill(self, frame, kind, fields):
        self.inside(frame).press("method-" + kind).inside(frame, **fields)
        return self

    def leave(self):
        self.driver.switch_to.default_content()
        return self

    def mount(self, secret):
        self.driver.get(self.url)
        self.run("""window.elements = stripe.elements({clientSecret: arguments[0]});
                 elements.create("payment").mount("#payment-element")""", secret)
        return self

    def confirm(self, verb="confirmPayment", **more):
        self.leave().start("""show("result", stripe[arguments[0]]({
                           elements, redirect: "if_required", ...arguments[1]}))""", verb, more)
        return self

    def answer(self, button):
        self.inside('iframe[name="stripe-challenge"]').press(button).leave()
        return self


@pytest.fixture(scope="module")
def open_shop(running):  # noqa: F811
    shop = Shop(running.url)
    yield shop
    shop.stop()


@pytest.fixture
def shop(open_shop, sandbox):  # noqa: F811
    return open_shop


def incomplete(sandbox, price):  # noqa: F811
    customer = sandbox.post("customers", email="jenny@example.com")["id"]
    return sandbox.post("subscriptions", customer=customer, items=[{"price": price}],
                        payment_behavior="default_incomplete",
                        payment_settings={"save_default_payment_method": "on_subscription"},
                        expand=["latest_invoice.confirmation_secret"])


def secret_of(subscription):
    return subscription["latest_invoice"]["confirmation_secret"]["client_secret"]


# Payment Element


@pytest.mark.parametrize("kind, fields, first, last, status", [
    ("card", CARD, "succeeded", "succeeded", "active"),
    ("sepa_debit", {**SEPA, **OWNER}, "processing", "succeeded", "active"),
    ("sepa_debit", {"iban": "AT861904300235473202", **OWNER}, "processing", "requires_payment_method", "active"),
    ("au_becs_debit", {**BECS, **OWNER}, "processing", "succeeded", "active"),
    ("au_becs_debit", {**BECS, "accountNumber": "111111113", **OWNER}, "processing", "requires_payment_method",
     "active"),
])
def test_payment_element_pays(shop, sandbox, prices, kind, fields, first, last, status):  # noqa: F811
    subscription = incomplete(sandbox, prices["monthly"])
    shop.mount(secret_of(subscription)).fill(ELEMENT, kind, fields)
    intent = shop.confirm().result()["paymentIntent"]
    assert intent["status"] == first
    sandbox.advance(by=HOUR)
    ended = sandbox.get("payment_intents/" + intent["id"])
    assert ended["status"] == last and sandbox.status(subscription) == status
    if fields.get("accountNumber") == "111111113":
        assert ended["last_payment_error"]["code"] == "account_closed"


def test_declined_card_is_explained_and_another_is_taken(shop, sandbox, prices):  # noqa: F811
    subscription = incomplete(sandbox, prices["monthly"])
    shop.mount(secret_of(subscription)).fill(ELEMENT, "card", {**CARD, "cardNumber": "4000000000009995"})
    error = shop.confirm().result()["error"]
    assert (error["type"], error["code"], error["decline_code"]) == ("card_error", "card_declined",
                                                                     "insufficient_funds")
    assert error["payment_intent"]["status"] == "requires_payment_method"
    shop.mount(secret_of(subscription)).fill(ELEMENT, "card", CARD)
    assert shop.confirm().result()["paymentIntent"]["status"] == "succeeded"


def test_three_d_secure_refused_then_given(shop, sandbox, prices):  # noqa: F811
    subscription = incomplete(sandbox, prices["monthly"])
    shop.mount(secret_of(subscription)).fill(ELEMENT, "card", ASKS).confirm().answer("refuse")
    assert shop.result()["error"]["code"] == "payment_intent_authentication_failure"
    assert sandbox.status(subscription) == "incomplete"
    shop.confirm().answer("authenticate")
    assert shop.result()["paymentIntent"]["status"] == "succeeded" and sandbox.status(subscription) == "active"


def test_return_url_gets_what_stripe_adds(shop, sandbox, prices):  # noqa: F811
    subscription = incomplete(sandbox, prices["monthly"])
    shop.mount(secret_of(subscription)).fill(ELEMENT, "card", CARD)
    shop.confirm(redirect="always", confirmParams={"return_url": shop.url + "done?plan=1"})
    shop.until(lambda driver: "/done" in driver.current_url)
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(shop.driver.current_url).query))
    assert query["plan"] == "1" and query["redirect_status"] == "succeeded"
    assert query["payment_intent_client_secret"] == secret_of(subscription)
    shop.start('show("result", stripe.retrievePaymentIntent(arguments[0]))', secret_of(subscription))
    assert shop.result()["paymentIntent"]["id"] == query["payment_intent"]


@pytest.mark.parametrize("fields, code", [
    ({}, "incomplete_number"), ({"cardNumber": "4242 4242 4242 4242"}, "incomplete_expiry"),
    ({**CARD, "cardNumber": "4242 4242 4242 4241"}, "incorrect_number"),
])
def test_what_is_not_filled_in_is_said(shop, sandbox, prices, fields, code):  # noqa: F811
    shop.mount(secret_of(incomplete(sandbox, prices["monthly"]))).fill(ELEMENT, "card", fields)
    assert shop.confirm().result()["error"]["code"] == code


def test_elements_without_an_intent_are_submitted_first(shop, sandbox, prices):  # noqa: F811
    secret = secret_of(incomplete(sandbox, prices["monthly"]))
    shop.driver.get(shop.url)
    shop.run("""window.elements = stripe.elements({mode: "subscription", amount: 1000, currency: "eur"});
             elements.create("payment").mount("#payment-element")""")
    shop.fill(ELEMENT, "card", CARD)
    assert shop.confirm(clientSecret=secret).result()["thrown"] == "IntegrationError"
    shop.start('show("result", elements.submit())')
    assert shop.result()["selectedPaymentMethod"] == "card"
    assert shop.confirm(clientSecret=secret).result()["paymentIntent"]["status"] == "succeeded"


def test_element_says_that_there_is_nothing_to_pay(shop, sandbox, prices):  # noqa: F811
    subscription = incomplete(sandbox, prices["monthly"])
    sandbox.delete("subscriptions/" + subscription["id"])
    shop.driver.get(shop.url)
    shop.start("""const element = stripe.elements({clientSecret: arguments[0]}).create("payment");
               element.on("loaderror", ({error}) => { window.result = error; });
               element.mount("#payment-element")""", secret_of(subscription))
    assert shop.result()["code"] == "payment_intent_unexpected_state"


def test_setup_saves_the_method(shop, sandbox, prices):  # noqa: F811
    customer = sandbox.post("customers")["id"]
    intent = sandbox.post("setup_intents", customer=customer, usage="off_session",
                          automatic_payment_methods={"enabled": True})
    shop.mount(intent["client_secret"]).fill(ELEMENT, "card", ASKS).confirm("confirmSetup").answer("authenticate")
    method = shop.result()["setupIntent"]["payment_method"]
    saved = sandbox.get("customers/%s/payment_methods/%s" % (customer, method))
    assert saved["card"]["last4"] == "3155"


def test_upgrade_that_asks_for_authentication(shop, sandbox, prices):  # noqa: F811
    subscription = sandbox.subscribe(prices["basic"])
    asks = sandbox.post("payment_methods/pm_card_threeDSecure2Required/attach", customer=subscription["customer"])
    sandbox.post("subscriptions/" + subscription["id"], default_payment_method=asks["id"])
    waiting = sandbox.post("subscriptions/" + subscription["id"], proration_behavior="always_invoice",
                           payment_behavior="pending_if_incomplete",
                           items=[{"id": subscription["items"]["data"][0]["id"], "price": prices["monthly"]}],
                           expand=["latest_invoice.confirmation_secret"])
    shop.driver.get(shop.url)
    shop.start('show("result", stripe.handleNextAction({clientSecret: arguments[0]}))', secret_of(waiting))
    shop.answer("authenticate")
    assert shop.result()["paymentIntent"]["status"] == "succeeded"
    now = sandbox.get("subscriptions/" + subscription["id"])
    assert now["pending_update"] is None and now["items"]["data"][0]["price"]["id"] == prices["monthly"]


# Checkout on the shop's page


def session_in(sandbox, shop, price, mode, **params):  # noqa: F811
    return sandbox.post("checkout/sessions", mode="subscription", ui_mode=mode,
                        line_items=[{"price": price, "quantity": 1}], **{
                            "return_url": shop.url + "return?session_id={CHECKOUT_SESSION_ID}", **params})


def embed(shop, session):
    shop.driver.get(shop.url)
    shop.run("""stripe.createEmbeddedCheckoutPage({fetchClientSecret: async () => arguments[0],
             onComplete: () => { window.result = "complete"; }}).then((page) => page.mount("#checkout"))""",
             session["client_secret"])
    return 'iframe[name="embedded-checkout"]'


@pytest.mark.parametrize("kind, fields", [
    ("card", CARD), ("sepa_debit", {**SEPA, "billingName": "Jenny"}), ("au_becs_debit", {**BECS, "billingName": "J"}),
])
def test_embedded_checkout_goes_to_the_return_url(shop, sandbox, prices, kind, fields):  # noqa: F811
    session = session_in(sandbox, shop, prices["monthly"], "embedded_page")
    frame = embed(shop, session)
    shop.fill(frame, kind, {**fields, "email": "jenny@example.com"}).press("submit").leave()
    shop.until(lambda driver: driver.current_url == shop.url + "return?session_id=" + session["id"])
    paid = sandbox.get("checkout/sessions/" + session["id"])
    assert paid["status"] == "complete"
    assert paid["payment_status"] == ("paid" if kind == "card" else "unpaid")


def test_embedded_checkout_declines_asks_and_calls_on_complete(shop, sandbox, prices):  # noqa: F811
    session = session_in(sandbox, shop, prices["monthly"], "embedded_page", redirect_on_completion="if_required")
    frame = embed(shop, session)
    shop.fill(frame, "card", {**CARD, "cardNumber": "4000000000009995", "email": "j@example.com"}).press("submit")
    assert "insufficient funds" in shop.until(seen.visibility_of_element_located((By.ID, "error"))).text
    shop.fill(frame, "card", {**ASKS, "email": "j@example.com"}).press("submit").press("authenticate").leave()
    assert shop.result() == "complete"


def test_open_session_is_mounted_again(shop, sandbox, prices):  # noqa: F811
    session = session_in(sandbox, shop, prices["monthly"], "embedded_page")
    for _ in range(2):
        shop.inside(embed(shop, session)).until(seen.element_to_be_clickable((By.ID, "submit")))
    shop.leave().start('show("result", stripe.initEmbeddedCheckout({clientSecret: "x"}))')
    assert shop.result()["thrown"] == "IntegrationError"


@pytest.mark.parametrize("fields, button", [(CARD, None), (ASKS, "authenticate")])
def test_checkout_with_elements(shop, sandbox, prices, fields, button):  # noqa: F811
    session = session_in(sandbox, shop, prices["monthly"], "elements")
    shop.driver.get(shop.url)
    shop.start("""window.checkout = stripe.initCheckoutElementsSdk({clientSecret: Promise.resolve(arguments[0])});
               checkout.createPaymentElement().mount("#payment-element");
               show("result", checkout.loadActions().then(({actions}) => {
                   window.actions = actions; return actions.getSession(); }))""", session["client_secret"])
    assert shop.result()["total"]["total"]["minorUnitsAmount"] == 1000
    shop.fill(ELEMENT, "card", fields).leave()
    shop.start('show("result", actions.confirm({redirect: "if_required", email: "jenny@example.com"}))')
    if button:
        shop.answer(button)
    assert shop.result()["session"]["status"]["paymentStatus"] == "paid"
    assert sandbox.get("checkout/sessions/" + session["id"])["status"] == "complete"


@pytest.mark.parametrize("number, button, code", [
    ("4000000000000002", None, "card_declined"),
    (ASKS["cardNumber"], "refuse", "payment_intent_authentication_failure"),
])
def test_checkout_with_elements_says_why_not(shop, sandbox, prices, number, button, code):  # noqa: F811
    session = session_in(sandbox, shop, prices["monthly"], "elements")
    shop.driver.get(shop.url)
    shop.run("""window.checkout = stripe.initCheckout({clientSecret: arguments[0]});
             checkout.createPaymentElement().mount("#payment-element")""", session["client_secret"])
    shop.fill(ELEMENT, "card", {**CARD, "cardNumber": number}).leave()
    shop.start('show("result", checkout.loadActions().then(({actions}) => actions.confirm({email: "j@example.com"})))')
    if button:
        shop.answer(button)
    result = shop.result()
    assert result["type"] == "error" and result["error"]["code"] == code
    assert sandbox.get("checkout/sessions/" + session["id"])["status"] == "open"


if __name__ == "__main__":
    sys.exit(pytest.main([__file__]))
