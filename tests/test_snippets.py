"""The front-end code of Stripe's guides, as they write it, against our endpoints at the guides' paths. In
tests/snippets only the addresses are filled in: of Stripe.js, the publishable key and the price."""
import itertools

import pytest
from testenv import places
from testenv.browser import Browser
from testenv.sandbox import PUBLISHABLE_KEY
from testenv.site import identity_token
from testenv.stack import Stack

MOUNTS = {
    "checkout": ["create-checkout-session"], "session": ["session-status"], "portal": ["customer-portal"],
    "subscription": ["config", "create-customer", "create-subscription", "create-preview-invoice",
                     "update-subscription", "cancel-subscription", "retrieve-customer-payment-method"],
}
MOUNT = """
location = /%s {
    include snippets/tollgate-endpoint.conf;
    fastcgi_keep_conn off;
    fastcgi_pass tollgate_%s;
}
"""
RETURN_PAGE = "location = /billing/return { try_files /return.html =404; }\n"
SERVER = RETURN_PAGE + "".join(MOUNT % (name, program) for program, names in MOUNTS.items() for name in names)
SITE = {"site_settings": 'default_plan = "basic" ui_mode = "%s"'}

ELEMENT = '#payment-element iframe[name^="stripe-element"]'
CHECKOUT = 'iframe[name="embedded-checkout"]'
CARD = {"cardNumber": "4242 4242 4242 4242", "cardExpiry": "12 / 34", "cardCvc": "123"}
NUMBERS = itertools.count(1)


class Shop(Stack):
    """A site with the guides' pages, which buys in this `ui_mode` when nothing is said."""

    def __init__(self, ui_mode):
        super().__init__(server=SERVER, http="include /etc/nginx/mime.types;",
                         site={"site_settings": SITE["site_settings"] % ui_mode})
        for page in (places.TESTS / "snippets").iterdir():
            (self.web.root / page.name).write_text(page.read_text()
                .replace("https://js.stripe.com/endive/stripe.js", f"{self.sandbox.base}/v3/")
                .replace("pk_test_123", PUBLISHABLE_KEY).replace("price_123", self.price("basic_monthly")))

    def price(self, lookup_key):
        return self.sandbox.api("GET", "/v1/prices", **{"lookup_keys[]": lookup_key})["data"][0]["id"]


@pytest.fixture(scope="module")
def shops():
    made = {}

    def shop(ui_mode):
        if ui_mode not in made:
            made[ui_mode] = Shop(ui_mode)
        return made[ui_mode]
    yield shop
    for one in made.values():
        one.stop()


@pytest.fixture(scope="module")
def browser():
    opened = Browser("", "snippets")
    yield opened
    opened.stop()


@pytest.fixture
def visit(shops, browser):
    """Opens a page of the shop as a new user."""
    def visit(page, ui_mode="hosted_page"):
        browser.origin = shops(ui_mode).url
        user = f"guide-{next(NUMBERS)}"
        browser.leave().open("/return.js").driver.add_cookie(
            {"name": "tollgate", "value": identity_token(user, email=f"{user}@example.com")})
        return browser.open(page)
    return visit


def pay(browser, frame, **fields):
    return browser.inside(frame).type(**CARD, **fields)


def run(browser, script):
    """What the promise of this expression resolves to."""
    return browser.driver.execute_async_script(f"({script}).then(arguments[0])")


def statuses(browser):
    answer = run(browser, "fetch('/billing/subscriptions').then(r => r.json())")
    return [one["status"] for one in answer["subscriptions"]["data"]]


def test_embedded_checkout_of_the_guide(visit):
    visitor = visit("/checkout.html", "embedded_page")
    pay(visitor, CHECKOUT, billingName="Jenny").press("submit").leave().wait_for("/billing/return?session_id=cs_")
    visitor.wait_text("customer-email", "@example.com")
    assert visitor.find("success").is_displayed()


def test_open_session_leads_back_to_the_form_of_the_guide(visit):
    visitor = visit("/checkout.html", "embedded_page")
    visitor.inside(CHECKOUT).find("submit")
    session = visitor.leave().driver.execute_script(
        "return document.querySelector('iframe').src").rpartition("/")[2].partition("_secret_")[0]
    visitor.open(f"/billing/return?session_id={session}").wait_for("/checkout.html")
    visitor.inside(CHECKOUT).find("submit")


def test_checkout_elements_of_the_guide(visit):
    visitor = visit("/elements.html", "elements")
    visitor.wait_text("button-text", "Pay 5.00")
    pay(visitor, ELEMENT).leave().press("submit").wait_for("/billing/return?session_id=cs_")
    visitor.wait_text("customer-email", "@example.com")


def test_checkout_form_and_portal_form_of_the_guide(visit):
    visitor = visit("/hosted.html").press("checkout-button")
    visitor.type(**CARD, billingName="Jenny").press("submit").wait_for("/billing/return?session_id=cs_")
    visitor.wait_text("customer-email", "@example.com")
    visitor.open("/hosted.html").press("portal-button").press("return").wait_for("/account")


def subscribe(visit):
    visitor = visit("/register.html").press("register").wait_for("/prices.html")
    visitor.press("select").wait_for("/subscribe.html")
    pay(visitor, ELEMENT).leave().press("submit").wait_for("/complete.html")
    visitor.wait_text("message", "Success! Payment received.")
    return visitor


def test_subscription_of_the_guide(visit):
    assert statuses(subscribe(visit)) == ["active"]


def test_declined_card_in_the_form_of_the_guide(visit):
    visitor = visit("/register.html").press("register").wait_for("/prices.html")
    visitor.press("select").wait_for("/subscribe.html").inside(ELEMENT)
    visitor.type(**{**CARD, "cardNumber": "4000 0000 0000 9995"}).leave().press("submit")
    visitor.wait_text("error-message", "insufficient funds")


def test_payment_method_and_cancel_of_the_guide(visit):
    visitor = subscribe(visit).open("/manage.html")
    method = run(visitor, "retrieveCustomerPaymentMethod()")
    assert (method["card"]["brand"], method["card"]["last4"]) == ("visa", "4242")
    assert run(visitor, f"retrieveCustomerPaymentMethod('{method['id']}')")["id"] == method["id"]
    answer = run(visitor, "cancelSubscription(sessionStorage.getItem('subscriptionId'))")
    assert answer["subscription"]["status"] == "canceled"


def test_preview_and_update_of_the_guide(shops, visit):
    visitor = subscribe(visit).open("/manage.html")
    premium = shops("hosted_page").price("premium_monthly")
    kept = "sessionStorage.getItem('customerId'), sessionStorage.getItem('subscriptionId')"
    preview = run(visitor, f"createPreviewInvoice({kept}, '{premium}')")
    assert preview["amount_due"] == 1000 and len(preview["lines"]["data"]) >= 2
    answer = run(visitor, f"updateSubscription('{premium}', sessionStorage.getItem('subscriptionId'))")
    assert answer["subscription"]["items"]["data"][0]["price"]["id"] == premium
