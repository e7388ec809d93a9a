"""The demo's own payment form and its embedded Checkout, with the test payment methods of Stripe's guides."""
import itertools

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions as seen
from selenium.webdriver.support.select import Select
from testenv.browser import PHONE, WIDE, Browser, Demo

PAYMENT_ELEMENT = '#payment-element iframe[name^="stripe-element"]'
CHECKOUT = 'iframe[name="embedded-checkout"]'
CHALLENGE = 'iframe[name="stripe-challenge"]'
HOUR = 3600
NUMBERS = itertools.count(1)

DATES = {"cardExpiry": "12 / 34", "cardCvc": "123"}
GOOD = {"cardNumber": "4242 4242 4242 4242", **DATES}
ASKS = {"cardNumber": "4000 0025 0000 3155", **DATES}
NO_FUNDS = {"cardNumber": "4000 0000 0000 9995", **DATES}
JENNY = {"billingName": "Jenny Rosen", "email": "jenny@example.com"}
SEPA = {"iban": "AT321904300235473204", **JENNY}
SEPA_FAILS = {"iban": "AT861904300235473202", **JENNY}
BECS = {"bsb": "000000", "accountNumber": "900123456", **JENNY}
BECS_CLOSED = {"bsb": "000000", "accountNumber": "111111113", **JENNY}


@pytest.fixture(scope="module")
def demo():
    running = Demo()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser(demo):
    opened = Browser(demo.url, "payment")
    yield opened
    opened.stop()


@pytest.fixture
def visitor(browser, request):
    """A new customer, in the one browser; what she saw last is kept when her test fails."""
    failed = request.session.testsfailed
    browser.name = request.node.name
    yield browser.leave().resize(WIDE).log_in(f"visitor-{next(NUMBERS)}")
    if request.session.testsfailed > failed:
        browser.keep_picture()


def fill(visitor, frame, kind, fields):
    visitor.inside(frame).press("method-" + kind).type(**fields)
    return visitor


def pay_in_own_form(visitor, kind, fields, plan="basic", interval="month"):
    visitor.open(f"/subscribe?plan={plan}&interval={interval}")
    fill(visitor, PAYMENT_ELEMENT, kind, fields).leave().press("submit")
    return visitor


def answer_bank(visitor, button):
    return visitor.inside(CHALLENGE).press(button).leave()


def may_read(visitor):
    return visitor.open("/members/").heading == "This week's tides"


def subscriptions(visitor):
    return visitor.driver.execute_async_script(
        "fetch('/billing/subscriptions').then(answer => answer.json()).then(arguments[0])")["subscriptions"]["data"]


# Own form


def test_card_pays_in_own_form(visitor):
    pay_in_own_form(visitor, "card", GOOD, "premium", "year")
    assert visitor.outcome() == "succeeded"
    assert visitor.press("next").heading == "This week's tides"
    assert visitor.open("/premium/").heading == "Passage notes"


def test_declined_card_is_explained_and_another_pays(visitor):
    pay_in_own_form(visitor, "card", NO_FUNDS)
    visitor.wait_text("problem", "insufficient funds")
    assert not may_read(visitor)
    assert pay_in_own_form(visitor, "card", GOOD).outcome() == "succeeded"
    assert may_read(visitor)


def test_three_d_secure_refused_then_given_in_own_form(visitor):
    answer_bank(pay_in_own_form(visitor, "card", ASKS), "refuse")
    visitor.wait_text("problem", "unable to authenticate")
    answer_bank(visitor.press("submit"), "authenticate")
    assert visitor.outcome() == "succeeded"
    assert may_read(visitor)


@pytest.mark.parametrize("kind, fields, paid", [
    ("sepa_debit", SEPA, True), ("sepa_debit", SEPA_FAILS, False),
    ("au_becs_debit", BECS, True), ("au_becs_debit", BECS_CLOSED, False),
], ids=["sepa", "sepa-fails", "becs", "becs-closed"])
def test_bank_debit_is_processed_in_own_form(demo, visitor, kind, fields, paid):
    assert pay_in_own_form(visitor, kind, fields).outcome() == "processing"
    outcome_page = visitor.path
    demo.let_pass(HOUR)
    assert visitor.open(outcome_page).outcome() == ("succeeded" if paid else "requires_payment_method")
    assert may_read(visitor) == paid


def test_back_and_double_click_make_one_subscription(visitor):
    visitor.open("/subscribe?plan=basic&interval=month").inside(PAYMENT_ELEMENT).find("cardNumber")
    visitor.leave().open("/pricing?pay=own").press("basic-month").wait_for("/subscribe")
    fill(visitor, PAYMENT_ELEMENT, "card", GOOD).leave().find("submit")
    visitor.driver.execute_script("for (let i = 0; i < 2; i++) document.getElementById('submit').click()")
    assert visitor.outcome() == "succeeded"
    visitor.driver.back()
    visitor.wait_text("problem", "already")
    assert [one["status"] for one in subscriptions(visitor)] == ["active"]


def test_keyboard_alone_pays(visitor):
    visitor.open("/subscribe?plan=basic&interval=month").inside(PAYMENT_ELEMENT).find("cardNumber")
    visitor.press("cardNumber")
    keys = [GOOD["cardNumber"], Keys.TAB, GOOD["cardExpiry"], Keys.TAB, GOOD["cardCvc"], Keys.TAB, Keys.ENTER]
    for key in keys:
        active = visitor.driver.switch_to.active_element
        if active.tag_name == "body" or key is Keys.ENTER:
            visitor.leave()
            active = visitor.driver.switch_to.active_element
        active.send_keys(key)
    assert visitor.leave().outcome() == "succeeded"


def test_refusal_is_told_and_leaves_the_focus(visitor):
    pay_in_own_form(visitor, "card", NO_FUNDS)
    visitor.wait_text("problem", "insufficient funds")
    assert visitor.find("problem").get_attribute("role") == "alert"
    assert visitor.find("submit").get_attribute("aria-disabled") == "false"
    assert visitor.driver.switch_to.active_element.get_attribute("id") == "submit"


# Embedded Checkout


def pay_in_checkout(visitor, kind, fields, plan="basic", interval="month"):
    visitor.open(f"/checkout?plan={plan}&interval={interval}")
    fields = {name: text for name, text in fields.items() if name != "email"}
    return fill(visitor, CHECKOUT, kind, {"billingName": "Jenny Rosen", **fields}).press("submit")


def test_card_pays_in_embedded_checkout(visitor):
    assert pay_in_checkout(visitor, "card", GOOD, "premium", "month").leave().outcome() == "paid"
    assert may_read(visitor)


def test_declined_card_can_be_replaced_in_embedded_checkout(visitor):
    assert "insufficient funds" in pay_in_checkout(visitor, "card", NO_FUNDS).find("error").text
    assert pay_in_checkout(visitor, "card", GOOD).leave().outcome() == "paid"
    assert may_read(visitor)


def test_three_d_secure_refused_then_given_in_embedded_checkout(visitor):
    pay_in_checkout(visitor, "card", ASKS).press("refuse").find("error")
    assert not may_read(visitor.leave())
    assert pay_in_checkout(visitor, "card", ASKS).press("authenticate").leave().outcome() == "paid"
    assert may_read(visitor)


@pytest.mark.parametrize("kind, fields, paid", [
    ("sepa_debit", SEPA, True), ("sepa_debit", SEPA_FAILS, False),
    ("au_becs_debit", BECS, True), ("au_becs_debit", BECS_CLOSED, False),
], ids=["sepa", "sepa-fails", "becs", "becs-closed"])
def test_bank_debit_is_processed_in_embedded_checkout(demo, visitor, kind, fields, paid):
    assert pay_in_checkout(visitor, kind, fields).leave().outcome() == "unpaid"
    demo.let_pass(HOUR)
    assert may_read(visitor) == paid


def test_open_session_is_mounted_again(visitor):
    visitor.open("/checkout?plan=basic&interval=month").inside(CHECKOUT).find("submit")
    first = session_of(visitor)
    visitor.open(f"/billing/return?session_id={first}").wait_for("/checkout?plan=basic&interval=month&again=1")
    visitor.inside(CHECKOUT).find("submit")
    assert session_of(visitor) == first
    assert pay_in_checkout(visitor, "card", GOOD).leave().outcome() == "paid"


def session_of(visitor):
    frame = visitor.leave().driver.find_element(By.CSS_SELECTOR, CHECKOUT)
    return frame.get_attribute("src").rpartition("/")[2].partition("_secret_")[0]


# Account


def act(visitor, name):
    visitor.until(seen.element_to_be_clickable((By.CSS_SELECTOR, f"[data-act={name}]")), name).click()
    return visitor


def facts(visitor):
    """What the account says about the one subscription."""
    section = visitor.until(seen.visibility_of_element_located((By.CLASS_NAME, "subscription")))
    names, values = ([one.text for one in section.find_elements(By.TAG_NAME, tag)] for tag in ("dt", "dd"))
    return dict(zip(names, values))


def subscribe(visitor, kind="card", fields=GOOD, **more):
    pay_in_own_form(visitor, kind, fields, **more).outcome()
    return visitor.open("/account")


def test_account_shows_plan_card_next_payment_and_invoice(visitor):
    shown = facts(subscribe(visitor, plan="premium", interval="year"))
    assert shown["Status"] == "Active" and shown["Paid with"] == "Visa ending in 4242, expires 12/2034"
    assert shown["Next payment"].startswith("$150.00 on ")
    assert visitor.driver.find_element(By.CSS_SELECTOR, ".subscription h2").text == "Premium"
    invoice = visitor.until(seen.visibility_of_element_located((By.CSS_SELECTOR, "#invoices a")))
    assert visitor.driver.execute_async_script(
        "fetch(arguments[0], {mode: 'no-cors'}).then(() => arguments[1](true))", invoice.get_attribute("href"))


def test_cancel_at_the_end_is_taken_back(visitor):
    act(subscribe(visitor), "cancel").press("cancel-it").wait_text("message", "ends on")
    assert "Ends on" in facts(visitor) and may_read(visitor)
    act(visitor.open("/account"), "resume").wait_text("message", "goes on")
    assert "Next payment" in facts(visitor)


def test_paused_subscription_goes_on(demo, visitor):
    subscribe(visitor)
    demo.sandbox(f"subscriptions/{subscriptions(visitor)[0]['id']}/set", status="paused")
    demo.sandbox("settle", timeout=10)
    assert not may_read(visitor)
    act(visitor.open("/account"), "resume").wait_text("message", "goes on")
    demo.sandbox("settle", timeout=10)
    assert may_read(visitor)


def test_cancel_now_closes_the_pages(visitor):
    act(subscribe(visitor), "cancel").press("when-now").press("cancel-it").wait_text("message", "is cancelled")
    assert visitor.driver.find_elements(By.CLASS_NAME, "subscription") == []
    assert not may_read(visitor)


def test_upgrade_costs_what_was_shown(demo, visitor):
    act(subscribe(visitor), "change").wait_text("due", "$10.00")
    visitor.press("change-it").wait_text("message", "Premium, $15.00 a month")
    assert facts(visitor)["Next payment"].startswith("$15.00")
    newest = visitor.driver.find_element(By.CSS_SELECTOR, "#invoices tbody tr").text
    assert "$10.00" in newest and "Paid" in newest
    demo.sandbox("settle", timeout=10)
    assert visitor.open("/premium/").heading == "Passage notes"


def test_preview_follows_the_choice(visitor):
    act(subscribe(visitor), "change").wait_text("due", "$10.00")
    Select(visitor.find("new-price")).select_by_index(1)
    visitor.wait_text("due", "$145.00")
    visitor.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert facts(visitor)["Next payment"].startswith("$5.00")


def pay_in_dialog(visitor, button, fields):
    fill(act(visitor, button), PAYMENT_ELEMENT, "card", fields).leave().press("pay-it")
    return visitor


def test_unfinished_payment_is_finished_in_the_account(visitor):
    pay_in_own_form(visitor, "card", NO_FUNDS).wait_text("problem", "insufficient funds")
    assert facts(visitor.open("/account"))["Status"] == "Payment not finished"
    pay_in_dialog(visitor, "pay", GOOD).wait_text("message", "that is paid")
    assert facts(visitor)["Status"] == "Active" and may_read(visitor)


def test_failed_debit_is_paid_by_card_in_the_account(demo, visitor):
    pay_in_own_form(visitor, "sepa_debit", SEPA_FAILS).outcome()
    demo.let_pass(HOUR)
    assert not may_read(visitor)
    assert facts(visitor.open("/account"))["Status"] == "First payment failed"
    pay_in_dialog(visitor, "pay", GOOD).wait_text("message", "that is paid")
    visitor.until(lambda _: may_read(visitor))


def test_new_card_is_paid_with_from_now_on(visitor):
    other = {**GOOD, "cardNumber": "5555 5555 5555 4444"}
    pay_in_dialog(subscribe(visitor), "card", other).wait_text("message", "From now on")
    assert facts(visitor)["Paid with"].startswith("Mastercard ending in 4444")


def test_new_card_that_the_bank_refuses_changes_nothing(visitor):
    answer_bank(pay_in_dialog(subscribe(visitor), "card", ASKS), "refuse")
    visitor.until(seen.visibility_of_element_located((By.CSS_SELECTOR, "#payment-dialog [role=alert]")))
    visitor.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert "4242" in facts(visitor.open("/account"))["Paid with"]


def test_cancel_may_be_thought_better_of(visitor):
    act(subscribe(visitor), "cancel").find("cancel-it")
    visitor.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert "Next payment" in facts(visitor)
    assert visitor.driver.switch_to.active_element.get_attribute("data-act") == "cancel"


# All pages


def test_payment_pages_fit_a_phone(visitor):
    visitor.resize(PHONE)
    for path, frame in (("/pricing?pay=own", None), ("/subscribe?plan=basic&interval=month", PAYMENT_ELEMENT),
                        ("/checkout?plan=premium&interval=year", CHECKOUT), ("/billing/outcome", None)):
        visitor.open(path)
        if frame:
            visitor.inside(frame).find("cardNumber")
            visitor.leave()
        assert visitor.driver.execute_script("return document.documentElement.scrollWidth") <= PHONE[0], path
        assert len(visitor.driver.find_elements(By.TAG_NAME, "h1")) == 1, path


def test_account_fits_a_phone(visitor):
    subscribe(visitor).resize(PHONE)
    for name in ("cancel", "change", "card"):
        act(visitor, name).until(seen.visibility_of_element_located((By.CSS_SELECTOR, "dialog[open]")))
        assert visitor.driver.execute_script("return document.documentElement.scrollWidth") <= PHONE[0], name
        visitor.driver.find_element(By.CSS_SELECTOR, "dialog[open] [data-close]").click()
