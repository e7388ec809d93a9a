"""apache/*.conf, included unchanged: what reaches the responders, who passes, who sees which page."""
import base64
import hashlib
import shutil
import socket

import pytest
import requests
from testenv import places
from testenv.apache import Apache
from testenv.ports import free_port
from testenv.stub import Stub, answer

MEMBERS = """
<Location "/members">
    Use TollgateGate plan:premium
</Location>
"""
SITE_PAGES = """
Use TollgateLoginPage /login
Use TollgatePricingPage /pricing
Use TollgateAccountPage /account
"""
BASIC = """
AuthType Basic
AuthName Members
AuthBasicProvider file
AuthUserFile %s
"""
PHP = '<FilesMatch "\\.php$">\nSetHandler "proxy:unix:%s|fcgi://localhost"\n</FilesMatch>\n'
SPOOFED = {
    "Tollgate-User": "mallory", "TOLLGATE_USER": "mallory", "Tollgate-Require": "plan:free",
    "Tollgate-User-From": "REMOTE_USER", "Remote-User": "mallory", "Redirect-Tollgate-User": "mallory",
    "Authorization": "Basic " + base64.b64encode(b"mallory:").decode(),
}


def passes(user="ada", **facts):
    """What the gate says to an Authorizer's question."""
    facts = {"REMOTE_USER": user, "TOLLGATE_USER": user, "TOLLGATE_STATUS": "active", **facts}
    return answer(200, {f"Variable-{name}": value for name, value in facts.items()})


class Bench:
    """Apache before stubs of all responders. `server` and `http` are configuration text."""

    def __init__(self):
        self.directory = places.directory()
        self.directory.chmod(0o755)
        self.stubs = {name: Stub(self.directory / f"{name}.sock")
                      for name in ("checkout", "session", "portal", "subscription", "webhook", "php")}
        self.gate_port = free_port()
        self.stubs["access"] = Stub(("127.0.0.1", self.gate_port), passes())
        vars(self).update(self.stubs)
        self.apache = None

    def start(self, server=MEMBERS, http=""):
        self.apache = Apache(server, http, sockets=self.directory, gate_port=self.gate_port)
        self.write("members/page.html", "for members")
        return self

    def write(self, path, text):
        path = self.apache.root / path
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def users(self):
        """A file of passwords in which ada has one."""
        digest = base64.b64encode(hashlib.sha1(b"lovelace").digest()).decode()
        path = self.directory / "users"
        path.write_text(f"ada:{{SHA}}{digest}\n")
        return path

    def php_handler(self):
        return PHP % (self.directory / "php.sock")

    def ask(self, path, method="GET", **options):
        return requests.request(method, self.apache.url + path, allow_redirects=False, timeout=10, **options)

    def ask_raw(self, target):
        """The status of a request whose target no library rewrites."""
        with socket.create_connection(("127.0.0.1", self.apache.port)) as raw:
            raw.sendall(f"GET {target} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n".encode())
            return raw.makefile("rb").read().decode(errors="replace")

    def refuse(self, status, reason):
        self.access.says = answer(status, {"Tollgate-Reason": reason, "Cache-Control": "no-store"})

    def lose_the_gate(self):
        self.stubs.pop("access").stop()

    def stop(self):
        if self.apache:
            self.apache.stop()
            shutil.rmtree(self.apache.directory)
        for stub in self.stubs.values():
            stub.stop()
        shutil.rmtree(self.directory)


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.stop()


def test_who_passes_gets_the_page(bench):
    assert bench.start().ask("/members/page.html").text == "for members"
    assert bench.access.params["TOLLGATE_REQUIRE"] == "plan:premium"
    assert bench.access.params["FCGI_APACHE_ROLE"] == "AUTHENTICATOR"


def test_gate_gets_the_token(bench):
    bench.start().ask("/members/page.html", headers={"Cookie": "c=d", "Authorization": "Bearer e"})
    assert bench.access.params["HTTP_COOKIE"] == "c=d"
    assert bench.access.params["HTTP_AUTHORIZATION"] == "Bearer e"


def test_no_header_of_a_client_becomes_a_trusted_param(bench):
    bench.start().ask("/members/page.html", headers=SPOOFED)
    bench.ask("/billing/create-checkout-session", "POST", headers=SPOOFED)
    for stub in (bench.access, bench.checkout):
        assert {name for name in stub.params if name.startswith(("TOLLGATE_", "REMOTE_USER", "REDIRECT_"))} <= {
            "TOLLGATE_REQUIRE", "TOLLGATE_VISIT"}
    assert bench.access.params["TOLLGATE_REQUIRE"] == "plan:premium"


def test_who_is_logged_in_by_password_is_who_the_gate_is_asked_about(bench):
    bench.start(f'<Location "/members">{BASIC % bench.users()}Use TollgateGateUser plan:premium\n</Location>')
    assert bench.ask("/members/page.html").status_code == 401
    assert bench.ask("/members/page.html", auth=("ada", "wrong")).status_code == 401
    assert bench.access.requests == []
    assert bench.ask("/members/page.html", auth=("ada", "lovelace")).text == "for members"
    asked = bench.access.params
    assert (asked["TOLLGATE_USER_FROM"], asked["REMOTE_USER"], asked["FCGI_APACHE_ROLE"]) == (
        "REMOTE_USER", "ada", "AUTHORIZER")


def test_without_a_gate_nobody_passes(bench):
    bench.start(SITE_PAGES + MEMBERS)
    bench.lose_the_gate()
    response = bench.ask("/members/page.html")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "30")
    assert "for members" not in response.text
