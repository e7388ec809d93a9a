"""The demo in a real browser, as its visitor uses it."""
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from testenv.browser import PHONE, WIDE, Browser, Demo
from testenv.process import wait_until

GOOD, DECLINED, ASKS = "4242 4242 4242 4242", "4000 0000 0000 0002", "4000 0025 0000 3155"


@pytest.fixture(scope="module")
def demo():
    """Its address."""
    running = Demo()
    yield running.url
    running.stop()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_visitor_buys_reads_and_cancels(demo, size):
    with Browser(demo, f"buys-{size[0]}", size) as visitor:
        visitor.open("/members/").wait_for("/login?next=/members/")
        visitor.log_in(f"reader-{size[0]}").press("premium-year").pay(GOOD)
        assert visitor.outcome() == "paid"
        assert visitor.open("/members/").heading == "This week's tides"
        assert visitor.open("/premium/").heading == "Passage notes"
        assert visitor.open("/members/report").find("TOLLGATE_STATUS").text == "active"
        assert visitor.find("TOLLGATE_PLAN").text == "premium"
        cancel_in_portal(visitor)
        visitor.open("/members/").wait_for("/pricing")


def cancel_in_portal(visitor):
    visitor.open("/account").press("portal")
    button = WebDriverWait(visitor.driver, 10).until(
        lambda driver: driver.find_element(By.CSS_SELECTOR, "[id^=cancel-sub_]"))
    button.click()
    visitor.press("confirm").press("return").wait_for("/account")
    wait_until(lambda: "Cancelled" in visitor.open("/account").driver.page_source, 5, "the cancellation")


def test_declined_card_can_be_replaced(demo):
    with Browser(demo, "declined") as visitor:
        visitor.log_in("declined").press("basic-month").pay(DECLINED)
        assert "declined" in visitor.find("error").text
        assert visitor.pay(GOOD).outcome() == "paid"
        assert visitor.open("/members/").heading == "This week's tides"


def test_three_d_secure_given(demo):
    with Browser(demo, "authenticated") as visitor:
        visitor.log_in("authenticated").press("basic-month").pay(ASKS).press("authenticate")
        assert visitor.outcome() == "paid"
        assert visitor.open("/members/").heading == "This week's tides"


def test_three_d_secure_refused_opens_nothing(demo):
    with Browser(demo, "refused") as visitor:
        visitor.log_in("refused").press("basic-month").pay(ASKS).press("refuse").find("error")
        visitor.open("/members/").wait_for("/pricing")


def test_who_owns_it_is_not_sold_it_again(demo):
    with Browser(demo, "twice") as visitor:
        visitor.log_in("twice").press("basic-month").pay(GOOD)
        assert visitor.outcome() == "paid"
        visitor.open("/pricing").press("basic-month").wait_for("/pricing?error=already_subscribed")
        assert "already" in visitor.driver.find_element(By.CSS_SELECTOR, "[role=alert]").text


def test_who_is_no_longer_logged_in_is_asked_to(demo):
    with Browser(demo, "logged-out") as visitor:
        visitor.log_in("forgotten").driver.delete_cookie("tollgate")
        visitor.press("basic-month").wait_for("/pricing?error=identity_required")
        assert "log in" in visitor.driver.find_element(By.CSS_SELECTOR, "[role=alert]").text


def test_pages_fit_a_phone_and_name_their_fields(demo):
    with Browser(demo, "phone", PHONE) as visitor:
        visitor.log_in("phone").press("premium-month").pay(GOOD)
        assert visitor.outcome() == "paid"
        for path in ("/", "/pricing?error=x", "/login", "/account", "/harbours/", "/members/", "/premium/",
                     "/members/report", "/billing/return?session_id=x"):
            visitor.open(path)
            assert visitor.driver.execute_script("return document.documentElement.scrollWidth") <= PHONE[0], path
            assert visitor.driver.execute_script(
                "return [...document.querySelectorAll('input:not([type=hidden])')].filter(i => !i.labels.length)"
            ) == [], path
            assert len(visitor.driver.find_elements(By.TAG_NAME, "h1")) == 1, path
