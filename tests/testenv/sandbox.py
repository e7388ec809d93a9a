"""The Stripe stand-in of tests/sandbox; its README.md documents /_sandbox/."""
import copy

import requests

from . import places
from .process import Process

SECRET_KEY = "sk_test_sandbox"
PUBLISHABLE_KEY = "pk_test_sandbox"
WEBHOOK_SECRET = "whsec_c2FuZGJveCBzaWduaW5nIHNlY3JldA=="
STRIPE_VERSION = "2026-10-28.endive"


class Sandbox:
    """`webhook` is the URL that gets the events."""

    def __init__(self, webhook=None):
        self.directory = places.directory()
        port_file = self.directory / "port"
        argv = ["/usr/bin/python3", places.TESTS / "sandbox", "--port", "0", "--port-file", port_file,
                "--quiet"]
        if webhook:
            argv += ["--webhook", webhook, "--webhook-secret", WEBHOOK_SECRET]
        self.process = Process(argv, self.directory / "sandbox.log")
        self.process.wait_ready(port_file.exists)
        self.base = f"http://127.0.0.1:{int(port_file.read_text())}"
        self.session = requests.Session()
        self.account = None

    def of(self, account):
        """The same, asked on behalf of a connected account."""
        other = copy.copy(self)
        other.account = account
        return other

    def api(self, method, path, **params):
        """One call of Stripe's API with the full key; a POST's params are its form. The object."""
        response = self.session.request(
            method, self.base + path, **{"params" if method == "GET" else "data": params},
            headers={"Authorization": f"Bearer {SECRET_KEY}", "Stripe-Version": STRIPE_VERSION,
                     "Stripe-Account": self.account})
        assert response.ok, response.text
        return response.json()

    def control(self, method, path, json=None):
        """`path` below /_sandbox/. The answer."""
        response = self.session.request(method, f"{self.base}/_sandbox/{path}", json=json or {})
        assert response.ok, response.text
        return response.json()

    def reset(self):
        self.control("POST", "reset")

    def settle(self):
        """Waits until every event has been delivered as often as it will be."""
        assert self.control("POST", "settle")["pending"] == 0

    def requests(self):
        """What was asked of Stripe since the last reset, oldest first."""
        return self.control("GET", "requests")["requests"]

    def stop(self):
        self.process.terminate()
