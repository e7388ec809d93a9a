"""Who is logged in, in each of the ways that tollgate-nginx(7) shows: its blocks are run as they stand there."""
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from test_checkout import create, pay
from testenv import fcgi, paper, places
from testenv.nginx import Nginx
from testenv.php import PhpFpm
from testenv.php_shop import EXAMPLES
from testenv.process import wait_until
from testenv.site import IDENTITY_KEY, identity_token, write_secret
from testenv.sync import Sync

pytestmark = pytest.mark.parametrize("web_server", [Nginx], ids=["nginx"], indirect=True, scope="session")

PAGE = "tollgate-nginx.7"
CHECKOUT = "/pay/create-checkout-session"
SPOOFED = {"X-User": "ann", "X_User": "ann", "Tollgate-Login": "ann", "TOLLGATE_USER": "ann",
           "X-Auth-Request-User": "ann", "Tollgate-User": "ann"}


def block(text):
    return paper.that_has(paper.literals(PAGE), text)


class Upstream:
    """Speaks HTTP on loopback. `says(path, headers)` is a pair of status and headers; .headers are those of the
    last request."""

    def __init__(self, says=lambda path, headers: (200, {})):
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                upstream.headers = self.headers
                status, headers = says(self.path, self.headers)
                self.send_response(status)
                for name, value in {"Content-Length": "4", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"page")

            def log_message(self, *_):
                pass

        self.headers = None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def sync(stack_process):
    daemon = Sync(stack_process.site)
    yield daemon
    daemon.stop()


def known(stack, user):
    """The gate has heard of her, and refuses nobody for that it cannot say."""
    with fcgi.Connection(stack.directory / "access.sock") as connection:
        told = connection.request(fcgi.get("/", TOLLGATE_REQUIRE="any", TOLLGATE_USER=user))
    return told.headers.get("Tollgate-Reason") != "unavailable"


@pytest.fixture
def serve(stack, sync):
    """A server with this configuration before the site's responders; `moved` is what the paper has elsewhere.
    Ann has bought the premium plan, bob nothing."""
    servers = []
    session = create(stack.session("ann"), plan="premium")
    pay(stack, session["sessionId"])
    stack.settle()
    wait_until(lambda: known(stack, "bob"), what="an answer about bob")

    def run(text, **moved):
        directory = places.directory()
        files = directory / "members"
        files.mkdir()
        (files / "page.html").write_text("for members")
        for there, here in {"/srv/shop/;": f"{directory}/;", **moved}.items():
            text = text.replace(there, str(here))
        server = Nginx(text, sockets=stack.directory)
        servers.append(server)
        (server.root / "members").mkdir()
        (server.root / "members" / "page.html").write_text("for members")
        return server
    yield run
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def php():
    php = PhpFpm()
    yield php
    php.stop()
    assert php.complaints == []


def ask(server, path, method="GET", cookie=None, **options):
    headers = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", **({"Cookie": cookie} if cookie else {}),
               **options.pop("headers", {})}
    return requests.request(method, server.url + path, headers=headers, allow_redirects=False, timeout=20, **options)


def buyers(stack):
    """The users for whom Checkout Sessions were made."""
    listed = stack.sandbox.api("GET", "/v1/checkout/sessions", limit=100)["data"]
    return [one["metadata"]["tollgate_user"] for one in listed]


def test_basic_login_buys_and_passes(stack, serve, tmp_path):
    users = places.directory() / "users"
    users.write_text("ann:{PLAIN}a\nbob:{PLAIN}b\n")
    server = serve(block("auth_basic_user_file") + """
        location ^~ /members/ { auth_request /_tollgate/plan:premium; include snippets/tollgate-members.conf; }""",
        **{"/etc/nginx/members": users})
    for auth, status in ((("ann", "a"), 200), (("bob", "b"), 403), (("ann", "b"), 401), (None, 401)):
        assert ask(server, "/members/page.html", auth=auth, headers=SPOOFED).status_code == status
    assert ask(server, "/billing/create-checkout-session", "POST", auth=("bob", "b"), data={"plan": "basic"}).is_redirect
    assert buyers(stack) == ["bob", "ann"]


# A script that knows the session


@pytest.fixture
def whoami(serve, php):
    """The three blocks about it, before the whoami.php of the examples, and a page that logs in at its session."""
    login = places.directory() / "login.php"
    login.write_text("<?php require '%s/shop.php'; session_begin();"
                     "$_SESSION['user'] = ['id' => $_GET['as'], 'name' => 'N', 'email' => 'n@example.com'];" % EXAMPLES)
    return serve(
        block("location = /whoami {") + block("auth_request_set $tollgate_email $upstream_http_x_email")
        + block("alias /srv/shop/;").replace("{\n", "{ client_max_body_size 8m;\n") + "location = /login { %s }" % php.location(login, SHOP_ORIGIN="http://127.0.0.1:1"),
        **{"/srv/shop/whoami.php": EXAMPLES / "whoami.php", "https://shop.example": "http://127.0.0.1:1",
           "unix:/run/php/php-fpm.sock": f"unix:{php.path}"})


def session_of(server, user):
    return "session=" + ask(server, f"/login?as={user}").cookies["session"]


def test_user_whom_a_script_knows_buys(stack, whoami):
    answer = ask(whoami, CHECKOUT, "POST", session_of(whoami, "bob"), data={"plan": "premium"}, headers=SPOOFED)
    assert answer.headers["Location"].startswith(stack.sandbox.base)
    assert buyers(stack)[0] == "bob"
    assert stack.sandbox.api("GET", "/v1/customers")["data"][0]["email"] == "n@example.com"


def test_query_reaches_the_endpoint_behind_the_script(whoami):
    answer = ask(whoami, "/pay/session-status?session_id=cs_none", cookie=session_of(whoami, "bob"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "session_unknown")


@pytest.mark.parametrize("path", [CHECKOUT, "/billing/create-checkout-session"])
@pytest.mark.parametrize("cookie", [None, "session=0", "session=" + "a" * 32])
def test_stranger_is_nobody_whatever_she_says(stack, whoami, path, cookie):
    answer = ask(whoami, path, "POST", cookie, data={"plan": "basic"}, headers=SPOOFED)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "identity_required")
    assert buyers(stack) == ["ann"]


def test_session_counts_only_where_the_script_was_asked(stack, whoami):
    answer = ask(whoami, "/billing/create-checkout-session", "POST", session_of(whoami, "bob"), data={"plan": "basic"})
    assert answer.status_code == 401


def test_page_opens_for_whom_the_script_knows(whoami):
    ann, bob = session_of(whoami, "ann"), session_of(whoami, "bob")
    assert ask(whoami, "/members/page.html?a=b", cookie=ann).text == "for members"
    assert ask(whoami, "/members/page.html", cookie=bob, headers=SPOOFED).status_code == 403
    assert ask(whoami, "/members/page.html", headers=SPOOFED).status_code == 401
    assert ask(whoami, "/members/none.html", cookie=ann).status_code == 404


@pytest.mark.parametrize("path", ["/_members/members/page.html", "/whoami", "/_members/../_members/members/page.html",
                                  "/%5Fmembers/members/page.html", "//_members/members/page.html"])
def test_inner_locations_are_closed_to_everybody(whoami, path):
    assert ask(whoami, path, cookie=session_of(whoami, "ann")).status_code == 404


def test_page_whose_name_has_a_question_mark_is_gated(whoami):
    assert ask(whoami, "/members/page.html%3Fa", cookie=session_of(whoami, "bob")).status_code == 403


def test_upload_is_no_business_of_the_script(whoami):
    answer = ask(whoami, "/members/page.html", "POST", session_of(whoami, "bob"), data=b"x" * 2_000_000)
    assert answer.status_code == 403


# oauth2-proxy


@pytest.fixture
def proxied(serve):
    """The blocks about it, before what answers as it does: 202 with X-Auth-Request-User, or 401."""
    def says(path, headers):
        user = (headers["Cookie"] or "").partition("_oauth2_proxy=")[2]
        if path == "/oauth2/auth":
            return (202, {"X-Auth-Request-User": user, "X-Auth-Request-Email": f"{user}@example.com"}) if user else (401, {})
        return 200, {"X-Path": path, "X-Back": headers["X-Auth-Request-Redirect"] or ""}
    upstream = Upstream(says)
    inner = block("alias /srv/shop/;")
    yield serve(block("location = /oauth2/auth {") + inner[inner.index("location ^~ /_members/"):],
                **{"http://127.0.0.1:4180": upstream.address})
    upstream.stop()


def test_user_of_oauth2_proxy_buys_and_passes(stack, proxied):
    assert ask(proxied, "/members/page.html", cookie="_oauth2_proxy=ann").text == "for members"
    assert ask(proxied, "/members/page.html", cookie="_oauth2_proxy=bob", headers=SPOOFED).status_code == 403
    bought = ask(proxied, CHECKOUT, "POST", "_oauth2_proxy=bob", data={"plan": "basic"}, headers=SPOOFED)
    assert bought.headers["Location"].startswith(stack.sandbox.base)
    assert buyers(stack) == ["bob", "ann"]


def test_stranger_before_oauth2_proxy_is_led_to_its_login(stack, proxied):
    answer = ask(proxied, "/members/page.html?a=b", headers=SPOOFED)
    assert (answer.status_code, answer.headers["X-Path"]) == (403, "/oauth2/sign_in")
    assert answer.headers["X-Back"] == "/members/page.html?a=b"
    assert ask(proxied, CHECKOUT, "POST", data={"plan": "basic"}, headers=SPOOFED).status_code == 401
    assert buyers(stack) == ["ann"]


# A reverse-proxied application


@pytest.fixture
def application():
    upstream = Upstream()
    yield upstream
    upstream.stop()


@pytest.fixture(params=["on", "off"])
def behind(serve, application, request):
    return serve(f"underscores_in_headers {request.param};" + block("tollgate-members-proxy.conf"),
                 **{"http://127.0.0.1:3000": application.address})


def said(application):
    """As CGI, WSGI and Rack show it: no difference between - and _."""
    return {name.lower().replace("_", "-"): value for name, value in application.headers.items()
            if name.lower().replace("_", "-").startswith("tollgate-")}


NAMES = ("User", "Status", "Plan", "Features", "Until", "Reason")
CLAIMED = {f"Tollgate{separator}{name}": "mine" for name in NAMES for separator in "-_"}


def test_application_hears_what_the_gate_said(behind, application):
    token = f"tollgate={identity_token('ann')}"
    assert ask(behind, "/members/page", cookie=token, headers=CLAIMED).status_code == 200
    heard = said(application)
    assert int(heard.pop("tollgate-until")) > 0
    assert heard == {"tollgate-user": "ann", "tollgate-status": "trialing", "tollgate-plan": "premium",
                     "tollgate-features": "exports"}


@pytest.mark.parametrize("path", ["/free", "/Members/page", "/members;a/page"])
def test_application_never_hears_it_from_a_client(behind, application, path):
    """Nor at what some applications take for /members/page: why the manual has them look."""
    assert ask(behind, path, headers=CLAIMED, cookie=f"tollgate={identity_token('ann')}").status_code == 200
    assert said(application) == {}


def test_application_in_node_mints_the_token(serve, application):
    directory = places.directory()
    write_secret(directory / "key", IDENTITY_KEY)
    script = block("function identityToken").replace("/etc/tollgate/shop.identity", str(directory / "key"))
    token = subprocess.run(["node", "-e", script + "console.log(identityToken('ann', 'ann@example.com'))"],
                           text=True, check=True, capture_output=True).stdout.strip()
    server = serve(block("tollgate-members-proxy.conf"), **{"http://127.0.0.1:3000": application.address})
    assert ask(server, "/members/page", cookie=f"tollgate={token}").status_code == 200


# The gate as an endpoint


@pytest.mark.parametrize("user, require, status, reason", [
    ("ann", "plan:premium", 204, None), ("ann", "plan:basic", 403, "other_plan"), ("ann", "any", 204, None),
    ("ann", "plan:basic%20plan:premium", 204, None), ("bob", "plan:premium", 403, "no_subscription"),
    ("ann", "plan:none", 403, "misconfigured"), (None, "plan:premium", 401, "unidentified")])
def test_application_asks_about_a_part_of_a_page(stack, serve, user, require, status, reason):
    server = serve("include snippets/tollgate-access.conf;")
    headers = {**SPOOFED, **({"Authorization": f"Bearer {identity_token(user)}"} if user else {})}
    answer = requests.get(f"{server.url}/billing/access/{require}", headers=headers, timeout=10)
    assert (answer.status_code, answer.headers.get("Tollgate-Reason")) == (status, reason)
    assert answer.headers["Cache-Control"] == "no-store"


def test_nobody_asks_about_nothing(serve):
    server = serve("include snippets/tollgate-access.conf;")
    assert requests.get(f"{server.url}/billing/access/", timeout=10).status_code == 404
