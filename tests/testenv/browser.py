"""The demo, and chromium on it as a visitor's."""
import os
import re
import shutil
import time

import requests
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as seen
from selenium.webdriver.support.ui import WebDriverWait

from . import places
from .ports import free_port
from .process import Process

ARTIFACTS = places.TESTS / "artifacts"
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars")
WIDE, PHONE = (1280, 800), (390, 844)


class Demo(Process):
    """demo/run, on a port of its own."""

    def __init__(self):
        self.directory = places.directory()
        super().__init__([places.TOP / "demo" / "run", "--port", free_port()], self.directory / "log",
                         env={**os.environ, "TOLLGATE_BUILD": str(places.build()), "TMPDIR": str(self.directory)})
        self.wait_ready(lambda: "Open http" in self.log, 60)
        self.url = re.search(r"Open (\S+)", self.log)[1]

    def sandbox(self, path, **body):
        """POST to its control API; the answer."""
        port_file = next(self.directory.glob("tollgate-demo-*/sandbox.port"))
        answer = requests.post(f"http://127.0.0.1:{port_file.read_text()}/_sandbox/{path}", json=body, timeout=40)
        assert answer.ok, answer.text
        return answer.json()

    def let_pass(self, seconds):
        """What falls due at Stripe in that time happens now, and what it then has to say arrives.
        Afterwards it is today again: who lived through it is not for further changes."""
        self.sandbox("clock", now=int(time.time()))
        self.sandbox("clock/advance", by=seconds)
        self.sandbox("settle", timeout=10)
        self.sandbox("clock", live=True)

    def stop(self):
        self.terminate()
        shutil.rmtree(self.directory)


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
        self.resize(size)

    def resize(self, size):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE})
        return self

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        if failure:
            self.keep_picture()
        self.stop()

    def keep_picture(self):
        ARTIFACTS.mkdir(exist_ok=True)
        self.driver.save_screenshot(str(ARTIFACTS / f"{self.name}.png"))

    def stop(self):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, path):
        self.driver.get(self.origin + path)
        return self

    def until(self, condition, message=""):
        return WebDriverWait(self.driver, 10, 0.05, [StaleElementReferenceException]).until(condition, message)

    def find(self, identifier):
        return self.until(seen.presence_of_element_located((By.ID, identifier)), identifier)

    def press(self, identifier):
        self.until(seen.element_to_be_clickable((By.ID, identifier)), identifier).click()
        return self

    def type(self, **fields):
        for identifier, text in fields.items():
            self.until(seen.element_to_be_clickable((By.ID, identifier)), identifier).clear()
            self.find(identifier).send_keys(text)
        return self

    def inside(self, frame):
        """What is looked for from now on is in this frame of the page."""
        self.leave().until(seen.frame_to_be_available_and_switch_to_it((By.CSS_SELECTOR, frame)), frame)
        return self

    def leave(self):
        self.driver.switch_to.default_content()
        return self

    @property
    def path(self):
        return self.driver.current_url.removeprefix(self.origin)

    @property
    def heading(self):
        return self.driver.find_element(By.TAG_NAME, "h1").text

    def wait_for(self, path):
        self.until(lambda _: self.path.startswith(path), f"{path}, not {self.path}")
        return self

    def wait_text(self, identifier, text):
        """Until the element says this; the text that it says."""
        self.until(seen.text_to_be_present_in_element((By.ID, identifier), text), f"{identifier}: {text}")
        return self.find(identifier).text

    def log_in(self, user):
        return self.open("/login?next=/pricing").type(user=user).press("login").wait_for("/pricing")

    def pay(self, card):
        return self.type(cardNumber=card, cardExpiry="12 / 34", cardCvc="123", billingName="Ada").press("submit")

    def outcome(self):
        self.wait_for("/billing/")
        return self.until(lambda driver: driver.find_element(By.ID, "outcome").get_attribute("data-outcome"))
