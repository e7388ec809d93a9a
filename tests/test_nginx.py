"""nginx/*.conf, included unchanged: what reaches the responders, who sees which page."""
import base64
import os
import re
import shutil
import socket
import subprocess

import pytest
import requests
from testenv import places
from testenv.bench import Bench
from testenv.nginx import Nginx
from testenv.stub import answer

MEMBERS = """
location ^~ /members/ {
    auth_request /_tollgate/plan:premium;
    include snippets/tollgate-members.conf;
    %s
}
"""
SITE_PAGES = """
set $tollgate_login_page /login;
set $tollgate_pricing_page /pricing;
set $tollgate_account_page /account;
"""
PHP = """
include snippets/tollgate-members-php.conf;
fastcgi_pass unix:%s;
"""
ENDPOINTS = {
    "create-checkout-session": "checkout", "expire-checkout-session": "checkout",
    "session-status": "session", "customer-portal": "portal", "webhook": "webhook",
    "config": "subscription", "subscriptions": "subscription", "invoices": "subscription",
    "create-customer": "subscription", "create-subscription": "subscription",
    "create-preview-invoice": "subscription", "update-subscription": "subscription",
    "cancel-subscription": "subscription", "resume-subscription": "subscription",
    "pause-subscription": "subscription", "update-payment-method": "subscription",
    "pay-invoice": "subscription", "retrieve-customer-payment-method": "subscription",
    "meter-event": "subscription", "customer-session": "subscription",
}
READING = ("session-status", "config", "subscriptions", "invoices")
GATE_PARAMS = {
    "REQUEST_METHOD", "HTTP_AUTHORIZATION", "HTTP_COOKIE",
    "TOLLGATE_SITE", "TOLLGATE_USER", "TOLLGATE_EMAIL", "TOLLGATE_REQUIRE", "TOLLGATE_REQUEST_ID",
}
HOSTILE = """
fastcgi_cache_path %s/cache keys_zone=all:1m;
fastcgi_cache all;
fastcgi_cache_key $uri;
fastcgi_cache_valid any 1m;
fastcgi_request_buffering off;
fastcgi_intercept_errors on;
error_page 403 404 /other.html;
client_max_body_size 1k;
"""
SPOOFED = {
    "Tollgate-User": "mallory", "TOLLGATE_USER": "mallory", "Tollgate-Require": "plan:free",
    "Authorization": "Basic " + base64.b64encode(b"mallory:").decode(),
}


class NginxBench(Bench):
    """`server` and `http` are configuration text."""

    def start(self, server=MEMBERS % "", http=""):
        self.web = Nginx(server, http, sockets=self.directory)
        (self.web.root / "members").mkdir()
        (self.web.root / "members" / "page.html").write_text("for members")
        return self

    def refuse(self, status, reason):
        self.access.says = answer(status, {"Tollgate-User": "ada", "Tollgate-Reason": reason})


@pytest.fixture
def bench():
    bench = NginxBench()
    yield bench
    bench.stop()



def test_gate_gets_the_few_params_it_reads_each_once(bench):
    bench.start().ask("/members/page.html?a=b", headers={"Cookie": "c=d", "Authorization": "Bearer e"})
    pairs, body = bench.access.requests[0]
    assert sorted(name for name, _ in pairs) == sorted(GATE_PARAMS)
    assert bench.access.params["HTTP_COOKIE"] == "c=d"
    assert bench.access.params["HTTP_AUTHORIZATION"] == "Bearer e"
    assert body == b""


@pytest.mark.parametrize("underscores", ["on", "off"])
def test_no_header_of_a_client_becomes_a_trusted_param(bench, underscores):
    bench.start(f"underscores_in_headers {underscores};" + MEMBERS % "")
    bench.ask("/members/page.html", headers=SPOOFED)
    bench.ask("/billing/create-checkout-session", "POST", headers=SPOOFED)
    for stub in (bench.access, bench.checkout):
        assert stub.params["TOLLGATE_USER"] == ""
        assert stub.params.get("TOLLGATE_REQUIRE", "plan:premium") == "plan:premium"
        assert not {"REMOTE_USER", "HTTP_TOLLGATE_USER", "HTTP_TOLLGATE_REQUIRE"} & set(stub.params)


def test_a_header_that_comes_twice_is_one_param(bench):
    bench.start()
    with socket.create_connection(("127.0.0.1", bench.web.port)) as raw:
        raw.sendall(b"GET /members/page.html HTTP/1.0\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n")
        while raw.recv(4096):
            pass
    assert [value for name, value in bench.access.requests[0][0] if name == "HTTP_COOKIE"] == ["a=1; b=2"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_endpoint_reaches_its_responder(bench, endpoint):
    bench.start().ask(f"/billing/{endpoint}?a=b")
    params = bench.stubs[ENDPOINTS[endpoint]].params
    assert params["REQUEST_URI"] == f"/billing/{endpoint}?a=b"
    assert params["QUERY_STRING"] == "a=b"


def test_the_rest_of_billing_is_the_sites_own(bench):
    bench.start("location /billing/ { return 200 own; }")
    assert bench.ask("/billing/return").text == "own"


def test_endpoints_get_every_param_that_tollgate_reads(bench):
    """What the sources name; TOLLGATE_REQUIRE is the gate's, and TOLLGATE_USER_FROM Apache's gate's."""
    named = set()
    for source in (places.TOP / "src").glob("*.c"):
        named |= set(re.findall(r'"((?:HTTP|CONTENT|TOLLGATE|REQUEST|QUERY)_[A-Z_]+)"', source.read_text()))
    assert {"HTTP_COOKIE", "REQUEST_URI"} <= named
    bench.start().ask("/billing/webhook", "POST")
    assert named - {"TOLLGATE_REQUIRE", "TOLLGATE_USER_FROM"} <= set(bench.webhook.params)


def test_chunked_body_gets_a_length(bench):
    bench.start().ask("/billing/webhook", "POST", data=iter([b'{"id":', b'"evt_1"}']))
    assert bench.webhook.params["CONTENT_LENGTH"] == "14"
    assert bench.webhook.body == b'{"id":"evt_1"}'


def test_event_of_a_mebibyte_is_taken_and_a_larger_one_is_not(bench):
    bench.start()
    assert bench.ask("/billing/webhook", "POST", data=b"x" * 2**20).status_code == 204
    assert bench.ask("/billing/webhook", "POST", data=b"x" * (2**20 + 1)).status_code == 413


def test_login_of_nginx_is_the_user_where_it_is_verified(bench, tmp_path):
    users = bench.directory / "users"
    users.write_text("ada:{PLAIN}lovelace\n")
    bench.start(f'auth_basic "Members"; auth_basic_user_file {users}; set $tollgate_login $remote_user;'
                + MEMBERS % "")
    assert bench.ask("/members/page.html", auth=("ada", "wrong")).status_code == 401
    assert bench.access.requests == []
    assert bench.ask("/members/page.html", auth=("ada", "lovelace")).status_code == 200
    assert bench.access.params["TOLLGATE_USER"] == "ada"


def test_site_of_a_server_is_passed(bench):
    bench.start("set $tollgate_site shop; set $tollgate_email ada@example.com;" + MEMBERS % "")
    bench.ask("/members/page.html")
    assert bench.access.params["TOLLGATE_SITE"] == "shop"
    assert bench.access.params["TOLLGATE_EMAIL"] == "ada@example.com"



def test_each_location_has_its_own_requirement(bench):
    bench.start(MEMBERS % 'location ^~ /members/list/ { auth_request "/_tollgate/plan:a feature:b"; }')
    bench.ask("/members/page.html")
    assert bench.access.params["TOLLGATE_REQUIRE"] == "plan:premium"
    bench.ask("/members/list/")
    assert bench.access.params["TOLLGATE_REQUIRE"] == "plan:a feature:b"


def test_internal_redirect_asks_for_the_new_locations_requirement(bench):
    bench.start(MEMBERS % "index page.html;"
                + "location = /members/page.html { auth_request /_tollgate/any; }")
    bench.ask("/members/")
    assert [dict(pairs)["TOLLGATE_REQUIRE"] for pairs, _ in bench.access.requests] == ["plan:premium", "any"]


def test_no_requirement_reaches_the_gate_as_such(bench):
    bench.start("location / { auth_request /_tollgate/; }").ask("/")
    assert bench.access.params["TOLLGATE_REQUIRE"] == ""


def test_nobody_asks_the_gate_from_outside(bench):
    assert bench.start().ask("/_tollgate/plan:premium").status_code == 404
    assert bench.access.requests == []


@pytest.mark.parametrize("page", ["401", "403", "503"])
def test_nobody_opens_the_pages_of_refusal_from_outside(bench, page):
    assert bench.start().ask(f"/_tollgate_pages/{page}.html").status_code == 404


def test_regex_location_of_the_site_does_not_answer_for_the_gate(bench):
    bench.refuse(403, "no_subscription")
    bench.start("location ~ . { root /nonexistent; }" + MEMBERS % "")
    assert bench.ask("/members/page.html").status_code == 403
    assert len(bench.access.requests) == 1


def test_return_in_a_protected_location_is_for_everybody(bench):
    """Why tollgate-members.conf says never to write it: this is what nginx does."""
    bench.refuse(403, "no_subscription")
    bench.start(MEMBERS % "return 200 bypassed;")
    assert bench.ask("/members/page.html").text == "bypassed"



@pytest.mark.parametrize("http", ["", "fastcgi_buffering off;"])
def test_gate_connections_are_kept(bench, http):
    bench.start(http=http)
    for _ in range(100):
        assert bench.ask("/members/page.html").status_code == 200
    assert len(bench.access.requests) == 100
    assert bench.access.accepts == 1


@pytest.mark.parametrize("http", ["", "fastcgi_keep_conn on;"])
def test_connections_for_get_are_kept_and_those_for_post_are_not(bench, http):
    bench.start(http=http)
    for _ in range(10):
        for endpoint in ENDPOINTS:
            bench.ask(f"/billing/{endpoint}", "GET" if endpoint in READING else "POST")
    assert (bench.session.accepts, bench.session.kept) == (1, 10)
    for name, requests_made in (("checkout", 20), ("portal", 10), ("webhook", 10)):
        assert (bench.stubs[name].accepts, bench.stubs[name].kept) == (requests_made, 0)
    assert (bench.subscription.accepts, bench.subscription.kept) == (1 + 120, 30)


def test_settings_of_the_whole_nginx_do_not_reach_the_endpoints(bench):
    bench.start(http=HOSTILE % bench.directory)
    bench.session.says = answer(404, {"Content-Type": "application/json"}, '{"error":{}}')
    for n in range(3):
        assert bench.ask("/billing/session-status").json() == {"error": {}}
        assert bench.ask("/billing/webhook", "POST", data=iter([b"x" * 5000])).status_code == 204
        assert (len(bench.session.requests), len(bench.webhook.requests)) == (n + 1, n + 1)
    assert bench.webhook.params["CONTENT_LENGTH"] == "5000"


def test_settings_of_the_whole_nginx_do_not_reach_the_gate(bench):
    bench.refuse(403, "past_due")
    bench.start(SITE_PAGES + MEMBERS % "", HOSTILE % bench.directory)
    for _ in range(3):
        assert bench.ask("/members/page.html").headers["Location"] == "/account"
    assert (len(bench.access.requests), bench.access.accepts) == (3, 1)


def test_upload_to_a_protected_page_is_not_too_large_for_the_gate(bench):
    bench.start(MEMBERS % f"client_max_body_size 8m; {PHP % (bench.directory / 'php.sock')}")
    bench.php.says = answer(200, body="taken")
    assert bench.ask("/members/upload", "POST", data=b"x" * 2**22).text == "taken"
    assert bench.access.body == b""



@pytest.mark.parametrize("status, reason, location", [
    (401, "unidentified", "/login?next=/members/page.html?a=b"),
    (403, "no_subscription", "/pricing"),
    (403, "other_plan", "/pricing"),
    (403, "canceled", "/pricing"),
    (403, "incomplete", "/pricing"),
    (403, "past_due", "/account"),
    (403, "unpaid", "/account"),
    (403, "paused", "/account"),
    (403, "payment_failed", "/account"),
    (403, "processing", "/account"),
])
def test_refusal_leads_to_the_page_that_helps(bench, status, reason, location):
    bench.refuse(status, reason)
    bench.start(SITE_PAGES + MEMBERS % "")
    for headers in ({}, {"Sec-Fetch-Mode": "navigate"}):
        response = bench.ask("/members/page.html?a=b", headers=headers)
        assert (response.status_code, response.headers["Location"]) == (303, location)


@pytest.mark.parametrize("status, reason", [(401, "unidentified"), (403, "no_subscription"), (403, "past_due")])
def test_fetch_is_not_redirected(bench, status, reason):
    bench.refuse(status, reason)
    bench.start(SITE_PAGES + MEMBERS % "")
    assert bench.ask("/members/page.html", headers={"Sec-Fetch-Mode": "cors"}).status_code == status


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize("status, title", [(401, "Please log in"), (403, "Not part of your subscription")])
def test_without_pages_of_the_site_there_are_small_ones(bench, method, status, title):
    bench.refuse(status, "no_subscription")
    response = bench.start().ask("/members/page.html", method)
    assert response.status_code == status
    assert title in response.text or method == "HEAD"


@pytest.mark.parametrize("reason", ["unavailable", "misconfigured", "stale"])
def test_who_may_have_paid_is_never_sent_to_buy(bench, reason):
    bench.refuse(403, reason)
    bench.start(SITE_PAGES + MEMBERS % "")
    response = bench.ask("/members/page.html")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "30"
    assert "try again" in response.text


def test_without_a_gate_the_page_is_unavailable(bench):
    bench.start(SITE_PAGES + MEMBERS % "")
    bench.lose_the_gate()
    response = bench.ask("/members/page.html")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "30")


def test_missing_page_file_leaves_the_status(bench):
    bench.refuse(403, "unavailable")
    bench.start("set $tollgate_pages /nonexistent;" + MEMBERS % "")
    response = bench.ask("/members/page.html")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "30")


def test_403_of_the_site_itself_does_not_sell(bench):
    bench.start(SITE_PAGES + MEMBERS % "")
    assert bench.ask("/members/").status_code == 403


def test_error_page_above_the_include_comes_first(bench):
    bench.refuse(403, "past_due")
    bench.start("""
        location @own { return 200 $tollgate_reason; }
        location /members/ {
            error_page 403 = @own;
            auth_request /_tollgate/any;
            include snippets/tollgate-members.conf;
        }""")
    assert bench.ask("/members/page.html").text == "past_due"


def test_address_cannot_add_a_header_to_the_login_redirect(bench):
    bench.refuse(401, "unidentified")
    bench.start(SITE_PAGES + MEMBERS % "")
    response = bench.ask("/members/%0D%0ASet-Cookie:%20a=b")
    assert "Set-Cookie" not in response.headers
    assert response.headers["Location"] == "/login?next=/members/%0D%0ASet-Cookie:%20a=b"


def test_endpoints_stay_open_where_the_whole_server_is_closed(bench):
    bench.refuse(403, "no_subscription")
    bench.start('auth_basic "Preview"; auth_basic_user_file /nonexistent; auth_request /_tollgate/any;')
    assert bench.ask("/billing/webhook", "POST").status_code == 204
    assert bench.ask("/billing/create-checkout-session", "POST").status_code == 401



def test_php_gets_what_the_gate_said(bench):
    bench.start(MEMBERS % PHP % (bench.directory / "php.sock"))
    bench.access.says = answer(204, {
        "Tollgate-User": "ada", "Tollgate-Status": "active", "Tollgate-Plan": "premium",
        "Tollgate-Features": "exports,api", "Tollgate-Until": "1900000000"})
    bench.ask("/members/report.php", headers=SPOOFED)
    said = {name: value for name, value in bench.php.requests[0][0] if name.startswith("TOLLGATE_")}
    assert said == {"TOLLGATE_USER": "ada", "TOLLGATE_STATUS": "active", "TOLLGATE_PLAN": "premium",
                    "TOLLGATE_FEATURES": "exports,api", "TOLLGATE_UNTIL": "1900000000", "TOLLGATE_REASON": ""}


def test_php_that_no_gate_guards_gets_nothing(bench):
    bench.start(f"set $tollgate_login ada; location / {{ {PHP % (bench.directory / 'php.sock')} }}")
    bench.ask("/index.php", headers=SPOOFED)
    said = {name: value for name, value in bench.php.requests[0][0] if name.startswith("TOLLGATE_")}
    assert set(said.values()) == {""}


def test_a_cache_must_ask_before_it_shows_a_protected_file_again(bench):
    bench.start()
    assert bench.ask("/members/page.html").headers["Cache-Control"] == "no-cache"


def test_what_a_page_says_of_caching_stays(bench):
    bench.start(MEMBERS % PHP % (bench.directory / "php.sock"))
    bench.php.says = answer(200, {"Cache-Control": "no-store"}, "mine")
    assert bench.ask("/members/report.php").headers["Cache-Control"] == "no-store"



def test_example_of_the_readme_is_valid():
    directory = places.directory()
    text = (places.TOP / "nginx" / "README.md").read_text()
    example = re.search(r"```nginx\n(.*?)```", text, re.S)[1]
    (directory / "nginx.conf").write_text(f"pid {directory}/pid; events {{}}\n"
                                          + example.replace("server {", "server { listen unix:/nonexistent;", 1))
    (directory / "snippets").mkdir()
    for file in [*(places.TOP / "nginx").glob("*.conf"), places.pathlib.Path("/etc/nginx/snippets/fastcgi-php.conf")]:
        (directory / "snippets" / file.name).symlink_to(file)
    (directory / "fastcgi.conf").symlink_to("/etc/nginx/fastcgi.conf")
    test = subprocess.run(["nginx", "-t", "-e", "stderr", "-c", directory / "nginx.conf"],
                          capture_output=True, text=True, env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
    shutil.rmtree(directory)
    assert test.returncode == 0, test.stderr
    assert "[warn]" not in test.stderr
