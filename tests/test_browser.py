"""The demo in a real browser, as its visitor uses it."""
import os
import re
import shutil

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from testenv import places
from testenv.ports import free_port
from testenv.process import Process, wait_until

ARTIFACTS = places.TESTS / "artifacts"
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars")
WIDE, PHONE = (1280, 800), (390, 844)
GOOD, DECLINED, ASKS = "4242 4242 4242 4242", "4000 0000 0000 0002", "4000 0025 0000 3155"


@pytest.fixture(scope="module")
def demo():
    """Its address."""
    directory = places.directory()
    process = Process([places.TOP / "demo" / "run", "--port", free_port()], directory / "log",
                      env={**os.environ, "TOLLGATE_BUILD": str(places.build())})
    process.wait_ready(lambda: "Open http" in process.log, 60)
    yield re.search(r"Open (\S+)", process.log)[1]
    process.terminate()
    shutil.rmtree(directory)


class Browser:
    """One visitor. When the block fails, what she saw last is kept as artifacts/NAME.png."""

    def __init__(self, origin, name, size=WIDE):
        self.origin, self.name = origin, name
        self.profile = places.directory()
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in (*FLAGS, f"--user-data-dir={self.profile}"):
            options.add_argument(flag)
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE})

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        if failure:
            ARTIFACTS.mkdir(exist_ok=True)
            self.driver.save_screenshot(str(ARTIFACTS / f"{self.name}.png"))
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, path):
        self.driver.get(self.origin + path)
        return self

    def find(self, identifier):
        return WebDriverWait(self.driver, 10).until(lambda driver: driver.find_element(By.ID, identifier))

    def press(self, identifier):
        self.find(identifier).click()
        return self

    def type(self, **fields):
        for identifier, text in fields.items():
            self.find(identifier).clear()
            self.find(identifier).send_keys(text)
        return self

    @property
    def path(self):
        return self.driver.current_url.removeprefix(self.origin)

    @property
    def heading(self):
        return self.driver.find_element(By.TAG_NAME, "h1").text

    def wait_for(self, path):
        WebDriverWait(self.driver, 10).until(lambda _: self.path.startswith(path), f"{path}, not {self.path}")
        return self

    def log_in(self, user):
        return self.open("/login?next=/pricing").type(user=user).press("login").wait_for("/pricing")

    def pay(self, card):
        return self.type(cardNumber=card, cardExpiry="12 / 34", cardCvc="123", billingName="Ada").press("submit")

    def outcome(self):
        return self.wait_for("/billing/return").find("outcome").get_attribute("data-outcome")


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
