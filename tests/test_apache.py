"""apache/*.conf, included unchanged: what reaches the responders, who passes, who sees which page."""
import base64
import hashlib
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from test_checkout import create, pay
from test_nginx import ENDPOINTS
from testenv import apache, manual, paper, places
from testenv.apache import Apache
from testenv.bench import Bench
from testenv.load import Load
from testenv.php import PhpFpm
from testenv.ports import free_port
from testenv.redis import RedisServer
from testenv.responder import Responder, listening_socket
from testenv.site import Site, identity_token
from testenv.stack import Stack
from testenv.stub import Stub, answer

LOCATION = """
<Location "%s">
    Use TollgateGate %s
</Location>
"""
MEMBERS = LOCATION % ("/members", "plan:premium")
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
BLOCKS = paper.literals("tollgate-apache.7")
EXAMPLES = [*paper.fenced("README.md", "apache"), *paper.fenced("apache/README.md", "apache"),
            paper.that_has(BLOCKS, "ServerName shop.example")]
ALLOW_OVERRIDE = '<Directory "${ROOT}">\nAllowOverride All\n</Directory>\n'
ADA = ("ada", "lovelace")
AUTH = {"token": None, "password": ADA}
ASKED = {"TOLLGATE_SITE", "TOLLGATE_REQUIRE", "TOLLGATE_VISIT", "TOLLGATE_USER_FROM"}
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


def password_file(directory):
    """In which bob has the password of ADA, too."""
    digest = base64.b64encode(hashlib.sha1(ADA[1].encode()).digest()).decode()
    path = directory / "users"
    path.write_text("".join(f"{name}:{{SHA}}{digest}\n" for name in ("ada", "bob")))
    return path


class ApacheBench(Bench):
    """`server` and `http` are configuration text."""

    def __init__(self):
        self.gate_port = free_port()
        super().__init__(gate=("127.0.0.1", self.gate_port))
        self.directory.chmod(0o755)
        self.access.says = passes()

    def start(self, server=MEMBERS, last="", http=""):
        """`last` comes behind our includes."""
        self.web = Apache(server, http, sockets=self.directory, gate_port=self.gate_port, last=last)
        self.write("members/page.html", "for members")
        return self

    def write(self, path, text):
        path = self.web.root / path
        path.parent.mkdir(mode=0o755, exist_ok=True)
        path.write_text(text)

    def basic(self, more):
        return f'<Location "/members">{BASIC % password_file(self.directory)}{more}\n</Location>\n'

    def gate(self, form):
        """By token, or for who has a password."""
        return MEMBERS if form == "token" else self.basic("Use TollgateGateUser plan:premium")

    def ask_raw(self, method, target):
        """All of the answer to a request whose target no library rewrites."""
        with socket.create_connection(("127.0.0.1", self.web.port), timeout=10) as raw:
            raw.sendall(f"{method} {target} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n".encode())
            return raw.makefile("rb").read().decode(errors="replace")

    def refuse(self, status, reason):
        self.access.says = answer(status, {"Tollgate-Reason": reason, "Cache-Control": "no-store"})


@pytest.fixture
def bench():
    bench = ApacheBench()
    yield bench
    bench.stop()


TARGETS = [
    "/members/page.html", "//members/page.html", "/members//page.html", "/./members/./page.html",
    "/open/../members/page.html", "/open/%2e%2e/members/page.html", "/%6dembers/page.html", "/members/page.htm%6c",
    "/members/page.html/more", "/members/page.html?a=b", "/members%2fpage.html", "/open%2f..%2fmembers/page.html",
    "/open/..%2fmembers%2fpage.html", "/members%252fpage.html", "/MEMBERS/page.html", "/members;a/page.html",
    "/members/page.html;a", "/members\\page.html", "/members/page.html%00", "/members/page.html%0a",
    "http://shop/members/page.html", "http://other//members/page.html", "members/page.html", "/members/", "/members",
]


@pytest.mark.parametrize("slashes", ["Off", "On", "NoDecode"])
def test_no_way_to_write_the_address_leads_past_the_gate(bench, slashes):
    bench.refuse(402, "no_subscription")
    bench.start(f"AllowEncodedSlashes {slashes}\n" + MEMBERS)
    bench.write("members/index.html", "for members")
    bench.write("open/page.html", "for all")
    assert "for all" in bench.ask_raw("GET", "/open/page.html")
    for target in TARGETS:
        assert "for members" not in bench.ask_raw("GET", target), target
    assert len(bench.access.requests) >= 10


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "X"])
def test_every_method_is_asked_about(bench, method):
    bench.refuse(402, "no_subscription")
    answer = bench.start().ask_raw(method, "/members/page.html")
    assert " 200 " not in answer.partition("\r\n")[0] or method == "TRACE"
    assert "for members" not in answer and "Last-Modified" not in answer


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
            "TOLLGATE_REQUIRE", "TOLLGATE_VISIT", "TOLLGATE_SITE"}
    assert bench.access.params["TOLLGATE_REQUIRE"] == "plan:premium"


@pytest.mark.parametrize("closed", [False, True])
def test_password_makes_nobody_where_nothing_checks_it(bench, closed):
    around = f'<Location "/">{BASIC % password_file(bench.directory)}Require valid-user\n</Location>\n'
    bench.start((around if closed else "") + MEMBERS).ask("/members/page.html", auth=("mallory", "x"))
    assert "REMOTE_USER" not in bench.access.params and "REMOTE_PASSWD" not in bench.access.params


def test_who_is_logged_in_by_password_is_who_the_gate_is_asked_about(bench):
    bench.start(bench.basic("Use TollgateGateUser plan:premium"))
    assert bench.ask("/members/page.html").headers["WWW-Authenticate"] == 'Basic realm="Members"'
    assert bench.ask("/members/page.html", auth=("ada", "wrong")).status_code == 401
    assert bench.access.requests == []
    assert bench.ask("/members/page.html", auth=ADA).text == "for members"
    asked = bench.access.params
    assert (asked["TOLLGATE_USER_FROM"], asked["REMOTE_USER"], asked["FCGI_APACHE_ROLE"]) == (
        "REMOTE_USER", "ada", "AUTHORIZER")


def test_who_has_not_paid_is_no_burglar_in_the_log(bench):
    """For fail2ban, who reads there whom to ban."""
    bench.refuse(402, "no_subscription")
    bench.start(bench.basic("Use TollgateGateUser plan:premium"))
    assert bench.ask("/members/page.html", auth=ADA).status_code == 402
    assert "client 127.0.0.1" not in bench.web.errors
    for auth, said in ((("ada", "wrong"), "AH01617"), (("eve", "x"), "AH01618")):
        assert bench.ask("/members/page.html", auth=auth).status_code == 401
        assert said in bench.web.errors


def test_gate_for_a_password_without_an_auth_type_lets_nobody_pass(bench):
    bench.start('<Location "/members">\nUse TollgateGateUser plan:premium\n</Location>')
    assert "for members" not in bench.ask("/members/page.html", auth=ADA).text
    assert bench.access.requests == []


def test_site_of_a_virtual_host_is_passed(bench):
    bench.start()
    bench.ask("/members/page.html")
    bench.ask("/billing/config")
    assert bench.access.params["TOLLGATE_SITE"] == bench.subscription.params["TOLLGATE_SITE"] == "shop"


def test_each_location_has_its_own_requirement(bench):
    bench.start(MEMBERS + LOCATION % ("/members/list", '"plan:a feature:b"'))
    bench.write("members/list", "the list")
    bench.ask("/members/page.html")
    assert bench.access.params["TOLLGATE_REQUIRE"] == "plan:premium"
    assert bench.ask("/members/list").text == "the list"
    assert bench.access.params["TOLLGATE_REQUIRE"] == "plan:a feature:b"


@pytest.mark.parametrize("use", ["TollgateGate", "TollgateGateUser", "TollgateGate a b", "TollgateGatee any"])
def test_gate_without_a_requirement_is_no_configuration(bench, use):
    with pytest.raises(AssertionError, match="ended at once"):
        bench.start(f'<Location "/members">\nUse {use}\n</Location>')


@pytest.mark.parametrize("module", re.search("a2enmod (.*)", paper.that_has(BLOCKS, "a2enmod"))[1].split())
def test_without_a_module_of_the_manual_there_is_no_configuration(bench, monkeypatch, module):
    monkeypatch.setattr(apache, "LOAD", re.sub(f"LoadModule {module}_module .*\n", "", apache.LOAD))
    with pytest.raises(AssertionError, match="ended at once"):
        bench.start()


def test_empty_requirement_lets_nobody_pass(bench):
    assert bench.start(LOCATION % ("/members", '""')).ask("/members/page.html").status_code == 403


OTHER_HOST = """
</VirtualHost>
<VirtualHost *:${PORT}>
    ServerName other
    DocumentRoot ${ROOT}
    %s
    <Directory "${ROOT}">
        AllowOverride All
    </Directory>
    Include tollgate/tollgate-billing.conf
"""
HOSTILE_HTACCESS = """
Require all granted
AuthnzFcgiCheckAuthnProvider None
SetEnvIf Request_URI ^ TOLLGATE_REQUIRE=any TOLLGATE_SITE=other TOLLGATE_USER_FROM=REMOTE_USER TOLLGATE_USER=eve
"""
HOSTILE_HANDLER = """
SetEnv TOLLGATE_SITE other
ProxyFCGISetEnvIf true TOLLGATE_SITE other
<Files stolen>
SetHandler "proxy:unix:%s|fcgi://stolen"
</Files>
"""


def test_htaccess_does_not_open_the_gate(bench):
    bench.start(ALLOW_OVERRIDE + MEMBERS)
    bench.write("members/.htaccess", HOSTILE_HTACCESS)
    assert bench.ask("/members/page.html").text == "for members"
    asked = bench.access.params
    assert (asked["TOLLGATE_REQUIRE"], asked["TOLLGATE_SITE"]) == ("plan:premium", "shop")
    assert not {"TOLLGATE_USER_FROM", "TOLLGATE_USER"} & set(asked)
    bench.refuse(402, "no_subscription")
    assert bench.ask("/members/page.html").status_code == 402


@pytest.mark.parametrize("says, site", [("Use TollgateSite shop", "shop"), ("", "no TollgateSite")])
def test_htaccess_does_not_make_it_another_site(bench, says, site):
    """Neither at the endpoints, nor by a handler of its own, where the virtual host is of no site."""
    bench.start(says, last=OTHER_HOST % says)
    bench.write(".htaccess", HOSTILE_HANDLER % (bench.directory / "subscription.sock"))
    for path in ("/stolen", "/billing/config"):
        bench.ask(path, headers={"Host": "other"})
        assert bench.subscription.params["TOLLGATE_SITE"] == site
    assert len(bench.subscription.requests) == 2


FALLBACK = re.search(r"^\.Ql (FallbackResource .*)", manual.page("tollgate-apache.7"), re.MULTILINE)[1]


def left_to_strangers():
    return f'<Directory "${{ROOT}}">\n{paper.that_has(BLOCKS, "AllowOverrideList")}</Directory>\n'


@pytest.mark.parametrize("line", ["ProxyFCGISetEnvIf true TOLLGATE_SITE other", "Require all granted",
                                  'SetHandler "proxy:unix:/run/tollgate/webhook.sock|fcgi://stolen"'])
def test_what_the_manual_leaves_to_strangers_has_no_condition_that_opens(bench, line):
    """An <If> of .htaccess comes after all locations, and the innermost one last."""
    bench.start(left_to_strangers() + MEMBERS)
    bench.write("members/.htaccess", FALLBACK)
    assert bench.ask("/members/page.html").text == "for members"
    bench.write("members/.htaccess", f'<If "true">\n<If "true">\n{line}\n</If>\n</If>\n')
    assert bench.ask("/members/page.html").status_code == 500
    assert "not allowed here" in bench.web.errors


# By Apache, whose user may connect to the php-fpm of every site.
OTHERS_PHP = "proxy:unix:%s|fcgi://localhost%s"
REWRITTEN = f"RewriteEngine On\nRewriteRule ^stolen$ {OTHERS_PHP[6:]} [P,E=PHP_ADMIN_VALUE:auto_prepend_file=%s]\n"
OF_REWRITING = "RewriteEngine RewriteBase RewriteCond RewriteRule"


@pytest.fixture
def others_php():
    """What it was told to run before each page, it runs for the next visitor, too."""
    php = PhpFpm()
    yield php
    php.stop()


def steal(bench, others_php, permitted, text):
    """What who writes this .htaccess gets of a site whose PHP runs as another user."""
    bench.start(permitted)
    bench.write("evil.txt", "<?php echo 'code of the attacker';")
    bench.write("index.php", "<?php echo 'the site itself';")
    bench.write("page", "for all")
    assert bench.ask("/page").text == "for all"
    names = (others_php.path, bench.web.root / "index.php", bench.web.root / "evil.txt")
    bench.write(".htaccess", text % names[:text.count("%s")])
    return bench.ask("/stolen")


@pytest.mark.parametrize("permitted", ["AllowOverride FileInfo", f"AllowOverride None\nAllowOverrideList {OF_REWRITING}"])
def test_rewriting_in_htaccess_runs_code_as_another_sites_user(bench, others_php, permitted):
    """Why the manual leaves it to nobody: this is what Apache does."""
    permitted = f'<Directory "${{ROOT}}">\n{permitted}\n</Directory>\n'
    assert "code of the attacker" in steal(bench, others_php, permitted, REWRITTEN).text


@pytest.mark.parametrize("text", [REWRITTEN, f'FallbackResource "{OTHERS_PHP}"\n', f'DirectoryIndex "{OTHERS_PHP}"\n',
                                  f'FallbackResource "{OTHERS_PHP[6:]}"\n'])
def test_what_the_manual_leaves_to_strangers_runs_no_code_of_another_site(bench, others_php, text):
    steal(bench, others_php, left_to_strangers(), text)
    for path in ("/stolen", "/", "/index.php"):
        assert not re.search("^(code of|the site)", bench.ask(path).text)


def test_what_the_manual_leaves_to_strangers_is_enough_for_a_front_controller(bench, php):
    bench.start(left_to_strangers() + MEMBERS + PHP % php.path)
    bench.write(".htaccess", FALLBACK)
    bench.write("index.php", "<?php echo $_SERVER['REQUEST_URI'];")
    assert bench.ask("/some/page?a=b").text == "/some/page?a=b"
    assert bench.ask("/billing/webhook", "POST").status_code == 204
    bench.refuse(402, "no_subscription")
    assert bench.ask("/members/any/thing").status_code == 402


def test_webhook_of_a_platform_names_no_site(bench):
    says = paper.inside_server(paper.that_has(BLOCKS, "Use TollgateConnect"))
    bench.start(last=OTHER_HOST % says)
    bench.write(".htaccess", HOSTILE_HANDLER % (bench.directory / "subscription.sock"))
    for path in ("/billing/webhook", "/billing/config", "/stolen"):
        bench.ask(path, headers={"Host": "other"})
    assert "TOLLGATE_SITE" not in bench.webhook.params and len(bench.webhook.requests) == 1
    assert [dict(pairs)["TOLLGATE_SITE"] for pairs, _ in bench.subscription.requests] == ["no TollgateSite"] * 2


def only(*allowed):
    """A gate that lets pass for these requirements."""
    def says(params):
        return passes() if params.get("TOLLGATE_REQUIRE") in allowed else answer(402, {"Tollgate-Reason": "other_plan"})
    return says


def redirect_inside(bench, way):
    bench.access.says = only("any")
    bench.start(LOCATION % ("/open", "any") + MEMBERS + "<Directory ${ROOT}/open>\n%s\n</Directory>\n" % way)
    bench.write("open/page.html", "for all")
    for path in ("/open/missing", "/open/"):
        assert "for members" not in bench.ask(path).text
    bench.access.says = only("any", "plan:premium")


@pytest.mark.parametrize("way", ["ErrorDocument 404 /members/page.html",
                                 "RewriteEngine On\nRewriteRule ^ /members/page.html [L]"])
def test_internal_redirect_into_a_protected_location_asks_the_gate(bench, way):
    redirect_inside(bench, way)
    assert bench.ask("/open/missing").text == "for members"
    assert bench.access.params["TOLLGATE_REQUIRE"] == "plan:premium"


@pytest.mark.parametrize("way", ["FallbackResource /members/page.html", "DirectoryIndex /members/page.html"])
def test_index_in_another_protected_location_is_for_nobody(bench, way):
    """mod_dir looks it up in a subrequest: see the next test."""
    redirect_inside(bench, way)
    assert "for members" not in bench.ask("/open/").text


@pytest.mark.parametrize("gated", [True, False])
def test_page_within_a_page_needs_what_it_requires_itself(bench, gated):
    """A subrequest has the requirement of the outer page, and would pass by it."""
    bench.start((LOCATION % ("/open", "any") if gated else "") + MEMBERS
                + '<Location "/open">\nOptions +Includes\nSetOutputFilter INCLUDES\n</Location>')
    bench.write("open/page.html", 'outer <!--#include virtual="/members/page.html" --> end')
    assert "for members" not in bench.ask("/open/page.html").text
    assert bench.ask("/open/page.html").text.startswith("outer")


def test_index_of_a_protected_directory(bench):
    bench.start()
    bench.write("members/index.html", "the index")
    assert bench.ask("/members/").text == "the index"
    bench.refuse(402, "no_subscription")
    assert bench.ask("/members/").status_code == bench.ask("/members").status_code == 402


def test_files_under_another_name_are_not_the_locations(bench):
    """Why the manual has <Directory> for what several addresses lead to: this is what Apache does."""
    bench.refuse(402, "no_subscription")
    bench.start(MEMBERS + 'Alias /other "${ROOT}/members"\n')
    assert bench.ask("/other/page.html").text == "for members"


def test_gate_of_a_directory_holds_for_all_of_its_names(bench):
    bench.refuse(402, "no_subscription")
    bench.start('<Directory "${ROOT}/members">\nUse TollgateGate any\n</Directory>\n'
                'Alias /other "${ROOT}/members"\n')
    for path in ("/members/page.html", "/other/page.html"):
        assert bench.ask(path).status_code == 402


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_endpoint_reaches_its_responder(bench, endpoint):
    bench.start().ask(f"/billing/{endpoint}?a=b")
    params = bench.stubs[ENDPOINTS[endpoint]].params
    assert params["REQUEST_URI"] == f"/billing/{endpoint}?a=b"
    assert params["QUERY_STRING"] == "a=b"


def test_endpoints_get_every_header_that_tollgate_reads(bench):
    named = set()
    for source in (places.TOP / "src").glob("*.c"):
        named |= set(re.findall(r'"HTTP_([A-Z_]+)"', source.read_text()))
    assert {"COOKIE", "AUTHORIZATION", "STRIPE_SIGNATURE"} <= named
    headers = {name.replace("_", "-").title(): "x" for name in named}
    bench.start().ask("/billing/webhook", "POST", data="{}", headers={**headers, "Content-Type": "text/json"})
    assert {f"HTTP_{name}" for name in named} <= set(bench.webhook.params)
    assert (bench.webhook.params["CONTENT_TYPE"], bench.webhook.params["CONTENT_LENGTH"]) == ("text/json", "2")


def test_the_rest_of_billing_is_the_sites_own(bench):
    bench.start()
    bench.write("billing/return", "own")
    assert bench.ask("/billing/return").text == "own"
    assert bench.ask("/billing/webhooks").status_code == bench.ask("/billing/webhook/x").status_code == 404


def test_chunked_body_gets_a_length(bench):
    bench.start().ask("/billing/webhook", "POST", data=iter([b"x" * 50000, b"y" * 50000]))
    assert bench.webhook.params["CONTENT_LENGTH"] == "100000"
    assert bench.webhook.body == b"x" * 50000 + b"y" * 50000


def test_event_of_a_mebibyte_is_taken_and_a_larger_one_is_not(bench):
    bench.start()
    assert bench.ask("/billing/webhook", "POST", data=b"x" * 2**20).status_code == 204
    for size in (2**20 + 1, 2**24):
        assert bench.ask("/billing/webhook", "POST", data=b"x" * size).status_code == 413
    assert [len(body) for _, body in bench.webhook.requests] == [2**20]


FRONT_CONTROLLER = "RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule ^ /index.html [L]\n"


def test_errors_of_the_endpoints_are_no_pages_of_the_site(bench):
    bench.webhook.says = answer(404, {"Content-Type": "application/json"}, '{"error":{}}')
    bench.start("ProxyErrorOverride On\n")
    assert bench.ask("/billing/webhook", "POST").json() == {"error": {}}


def test_no_connection_is_kept(bench):
    bench.start()
    for method in ("GET", "POST") * 5:
        bench.ask("/billing/config", method)
    assert (bench.subscription.accepts, bench.subscription.kept) == (10, 0)


def test_responder_that_was_away_is_asked_again_at_once(bench):
    bench.start()
    bench.stubs.pop("webhook").stop()
    (bench.directory / "webhook.sock").unlink()
    for _ in range(3):
        assert bench.ask("/billing/webhook", "POST").status_code == 503
    bench.stubs["webhook"] = Stub(bench.directory / "webhook.sock")
    assert bench.ask("/billing/webhook", "POST").status_code == 204


def test_front_controller_does_not_take_the_endpoints(bench):
    bench.start(ALLOW_OVERRIDE + MEMBERS)
    bench.write(".htaccess", FRONT_CONTROLLER)
    bench.write("index.html", "front")
    assert bench.ask("/something").text == "front"
    assert bench.ask("/billing/webhook", "POST").status_code == 204


def test_endpoints_stay_open_where_the_whole_server_is_closed(bench):
    bench.refuse(402, "no_subscription")
    bench.start(LOCATION % ("/", "any"))
    assert bench.ask("/members/page.html").status_code == 402
    assert bench.ask("/billing/webhook", "POST").status_code == 204
    assert bench.ask("/billing/create-checkout-session", "POST").status_code == 204


@pytest.mark.parametrize("gate", ["TollgateGate", "TollgateGateUser"])
def test_gate_of_a_whole_server_is_not_asked_about_the_endpoints(bench, gate):
    """Not even about what Apache would take for a path within /billing."""
    basic = BASIC % password_file(bench.directory) if gate == "TollgateGateUser" else ""
    bench.refuse(402, "no_subscription")
    bench.start(f'<Location "/">{basic}Use {gate} any\n</Location>')
    assert bench.ask("/billing/webhook", "POST", auth=ADA).status_code == 204
    assert bench.ask("/billing/access/plan:premium").status_code == 402
    assert {"TOLLGATE_REQUIRE", "TOLLGATE_USER_FROM"}.isdisjoint(bench.webhook.params)
    assert [dict(pairs).get("FCGI_APACHE_ROLE") for pairs, _ in bench.access.requests] == [None]
    assert bench.access.params["TOLLGATE_REQUIRE"] == "plan:premium"


def basic_of_the_manual(directory):
    """What comes before our includes, and behind them."""
    block = paper.that_has(BLOCKS, "AuthUserFile").replace("/etc/apache2/members", str(password_file(directory)))
    return dict(zip(("server", "last"), block.split("Include tollgate/tollgate-billing.conf")))


def test_user_of_a_password_is_the_endpoints_user(bench):
    bench.start(**basic_of_the_manual(bench.directory))
    assert bench.ask("/billing/config").status_code == 401
    assert bench.ask("/billing/config", auth=("ada", "wrong")).status_code == 401
    assert bench.ask("/billing/config", auth=ADA).status_code == 204
    assert bench.subscription.params["TOLLGATE_USER"] == "ada"
    assert bench.ask("/billing/webhook", "POST").status_code == 204
    assert "TOLLGATE_USER" not in bench.webhook.params


def test_password_of_the_endpoints_is_none_of_the_gates_business(bench):
    bench.refuse(402, "no_subscription")
    bench.start(LOCATION % ("/", "any"), last=basic_of_the_manual(bench.directory)["last"])
    assert bench.ask("/billing/config", auth=("ada", "x")).status_code == 401
    assert bench.ask("/billing/config", auth=ADA).status_code == 204


REFUSALS = [
    ("no_subscription", "/pricing"), ("other_plan", "/pricing"), ("canceled", "/pricing"), ("incomplete", "/pricing"),
    ("past_due", "/account"), ("unpaid", "/account"), ("paused", "/account"), ("payment_failed", "/account"),
    ("processing", "/account"),
]


@pytest.mark.parametrize("form", ["token", "password"])
@pytest.mark.parametrize("reason, location", REFUSALS)
def test_refusal_leads_to_the_page_that_helps(bench, form, reason, location):
    bench.refuse(402, reason)
    bench.start(SITE_PAGES + bench.gate(form))
    for headers in ({}, {"Sec-Fetch-Mode": "navigate"}):
        response = bench.ask("/members/page.html?a=b", headers=headers, auth=AUTH[form])
        assert (response.status_code, response.headers["Location"]) == (303, location)


def test_stranger_is_led_to_the_login(bench):
    bench.refuse(401, "unidentified")
    bench.start(SITE_PAGES + MEMBERS)
    response = bench.ask("/members/page.html?a=b")
    assert (response.status_code, response.headers["Location"]) == (303, "/login?next=/members/page.html?a=b")


@pytest.mark.parametrize("form", ["token", "password"])
@pytest.mark.parametrize("status, reason", [(401, "unidentified"), (402, "no_subscription"), (402, "past_due")])
def test_fetch_is_not_redirected(bench, form, status, reason):
    bench.refuse(status, reason)
    bench.start(SITE_PAGES + bench.gate(form))
    answer = bench.ask("/members/page.html", headers={"Sec-Fetch-Mode": "cors"}, auth=AUTH[form])
    assert answer.status_code == status or form == "password"
    assert "Location" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize("status, title", [(401, "Please log in"), (402, "Not part of your subscription")])
def test_without_pages_of_the_site_there_are_small_ones(bench, method, status, title):
    bench.refuse(status, "no_subscription")
    response = bench.start().ask("/members/page.html", method, data=b"x" * 2**21 if method == "POST" else None)
    assert response.status_code == status
    assert title in response.text or method == "HEAD"
    assert not [name for name in response.headers if "Tollgate" in name]


@pytest.mark.parametrize("form", ["token", "password"])
@pytest.mark.parametrize("status, reason", [(503, "unavailable"), (403, "misconfigured"), (503, "stale")])
def test_who_may_have_paid_is_never_sent_to_buy(bench, form, status, reason):
    bench.refuse(status, reason)
    bench.start(SITE_PAGES + bench.gate(form))
    response = bench.ask("/members/page.html", auth=AUTH[form])
    assert (response.status_code, response.headers["Retry-After"]) == (503, "30")
    assert "try again" in response.text


@pytest.mark.parametrize("form", ["token", "password"])
def test_without_a_gate_nobody_passes(bench, form):
    bench.start(SITE_PAGES + bench.gate(form))
    bench.lose_the_gate()
    response = bench.ask("/members/page.html", auth=AUTH[form])
    assert (response.status_code, response.headers["Retry-After"]) == (503, "30")
    assert "for members" not in response.text


@pytest.mark.parametrize("nonsense", [b"", b"no header", answer(204), answer(302, {"Location": "/members/page.html"}),
                                      answer(200), answer(200, {"Variable-TOLLGATE_USER": ""}), answer(500)])
@pytest.mark.parametrize("form", ["token", "password"])
def test_gate_that_talks_nonsense_lets_nobody_pass(bench, form, nonsense):
    bench.access.says = nonsense
    bench.start(bench.gate(form))
    said = bench.ask("/members/page.html", auth=AUTH[form])
    assert "for members" not in said.text or (form == "password" and b"200" in nonsense)


def test_refusal_of_a_whole_server_shows_its_page_too(bench):
    """The pages of refusal are not themselves behind the gate."""
    bench.refuse(402, "no_subscription")
    bench.start(LOCATION % ("/", "any"))
    assert "Not part of your subscription" in bench.ask("/members/page.html").text


@pytest.mark.parametrize("page", ["401/page/unidentified", "402/page/no_subscription", "503/page/",
                                  "../pages/402.asis"])
def test_nobody_opens_the_pages_of_refusal_from_outside(bench, page):
    assert bench.start(SITE_PAGES + MEMBERS).ask(f"/_tollgate_pages/{page}").status_code == 404


def test_403_of_the_site_itself_does_not_sell(bench):
    bench.start(SITE_PAGES + MEMBERS)
    (bench.web.root / "members" / "secret").mkdir(mode=0o755)
    assert bench.ask("/members/secret/").status_code in (403, 404)


def test_address_cannot_add_a_header_to_the_login_redirect(bench):
    bench.refuse(401, "unidentified")
    bench.start(SITE_PAGES + MEMBERS)
    response = bench.ask("/members/%0D%0ASet-Cookie:%20a=b")
    assert "Set-Cookie" not in response.headers
    assert response.headers["Location"] == "/login?next=/members/%0D%0ASet-Cookie:%20a=b"


def test_a_cache_must_ask_before_it_shows_a_protected_file_again(bench):
    page = bench.start().ask("/members/page.html")
    assert page.headers["Cache-Control"] == "no-cache"
    assert bench.ask("/members/page.html", headers={"If-None-Match": page.headers["ETag"]}).status_code == 304


@pytest.fixture(scope="module")
def php():
    php = PhpFpm()
    yield php
    php.stop()


SHOW = """<?php header('Cache-Control: no-store');
foreach ($_SERVER as $name => $value) if (preg_match('/^(TOLLGATE_|REMOTE_USER)/', $name)) echo "$name=$value\n";"""
FACTS = {"TOLLGATE_PLAN": "premium", "TOLLGATE_FEATURES": "exports,api", "TOLLGATE_UNTIL": "1900000000"}


def shown(text):
    """What PHP has of the gate; what it was asked is no secret."""
    facts = dict(line.partition("=")[::2] for line in text.splitlines())
    return {name: value for name, value in facts.items() if value and name not in ASKED}


@pytest.mark.parametrize("form", ["token", "password"])
def test_php_gets_what_the_gate_said(bench, php, form):
    bench.access.says = passes(**FACTS)
    bench.start(bench.gate(form) + PHP % php.path)
    bench.write("members/show.php", SHOW)
    page = bench.ask("/members/show.php", auth=AUTH[form], headers={"Tollgate-Plan": "all"})
    assert shown(page.text) == {"REMOTE_USER": "ada", "TOLLGATE_USER": "ada", "TOLLGATE_STATUS": "active", **FACTS}
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("at, to", [("members", "/members/show.php"), ("", "/show.php")])
def test_php_behind_a_front_controller_gets_it_too(bench, php, at, to):
    bench.access.says = passes(**FACTS)
    bench.start(ALLOW_OVERRIDE + MEMBERS + ("" if at else "Use TollgateFacts\n") + PHP % php.path)
    bench.write("members/show.php", SHOW)
    bench.write("show.php", SHOW)
    bench.write(f"{at}/.htaccess".lstrip("/"), FRONT_CONTROLLER.replace("/index.html", to))
    said = shown(bench.ask("/members/any/thing").text)
    assert said.items() >= {"TOLLGATE_USER": "ada", "TOLLGATE_STATUS": "active", **FACTS}.items()
    bench.refuse(402, "no_subscription")
    assert bench.ask("/members/any/thing").status_code == 402


def test_page_of_refusal_of_the_sites_own_gets_what_the_gate_said(bench, php):
    bench.start(paper.that_has(BLOCKS, "account-refused") + PHP % php.path)
    bench.write("account-refused.php", SHOW)
    bench.access.says = answer(402, {"Tollgate-User": "ada", "Tollgate-Status": "past_due",
                                     "Tollgate-Reason": "past_due"})
    refused = bench.ask("/account", headers=FORGED)
    assert shown(refused.text) == {"TOLLGATE_USER": "ada", "TOLLGATE_STATUS": "past_due",
                                   "TOLLGATE_REASON": "past_due"}
    assert not [name for name in refused.headers if name.startswith("Tollgate")]
    assert shown(bench.ask("/account-refused.php", headers=FORGED).text) == {}


def test_php_that_no_gate_guards_gets_nothing(bench, php):
    bench.start(PHP % php.path + "Use TollgateFacts\n")
    bench.write("show.php", SHOW)
    assert shown(bench.ask("/show.php", headers=SPOOFED).text) == {}


@pytest.fixture
def application():
    """What it hears as headers, of the last request."""
    class Application(BaseHTTPRequestHandler):
        def do_GET(self):
            server.heard = dict(self.headers)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass
    server = ThreadingHTTPServer(("127.0.0.1", 0), Application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


FORGED = {f"Tollgate{dash}{name}": "forged" for dash in "-_"
          for name in ("User", "Status", "Plan", "Features", "Until", "Reason")}


def test_application_hears_what_the_gate_said_and_never_what_a_client_says(bench, application):
    bench.access.says = passes(**FACTS)
    block = paper.that_has(BLOCKS, "Use TollgateHeaders")
    bench.start(block.replace(":3000", f":{application.server_port}") + MEMBERS)
    assert bench.ask("/members/page", headers=FORGED).status_code == 204
    assert {name: value for name, value in application.heard.items() if name.startswith("Tollgate")} == {
        "Tollgate-User": "ada", "Tollgate-Status": "active", "Tollgate-Plan": "premium",
        "Tollgate-Features": "exports,api", "Tollgate-Until": "1900000000"}
    for path in ("/open", "/Members/page", "/members;a/page"):
        assert bench.ask(path, headers=FORGED).status_code == 204
        assert not [name for name in application.heard if name.startswith("Tollgate")], path


@pytest.mark.parametrize("where", ['<Location "/">\nProxyPass http://127.0.0.1:%d/\n</Location>',
                                   "ProxyPass / http://127.0.0.1:%d/"])
def test_application_at_the_root_does_not_take_the_endpoints(bench, application, where):
    bench.refuse(402, "no_subscription")
    bench.start(where % application.server_port + "\n" + MEMBERS)
    assert bench.ask("/billing/webhook", "POST", data="{}").status_code == 204
    assert bench.ask("/billing/access/any").headers["Tollgate-Reason"] == "no_subscription"
    assert "Not part of your subscription" in bench.ask("/members/page").text
    assert bench.webhook.body == b"{}" and not hasattr(application, "heard")


@pytest.mark.parametrize("asked", ["plan:premium", "plan:a%20feature:b"])
def test_application_asks_about_a_part_of_a_page(bench, asked):
    bench.access.says = answer(403, {"Tollgate-Reason": "other_plan"})
    said = bench.start().ask(f"/billing/access/{asked}", headers={"Authorization": "Bearer e", **SPOOFED})
    assert (said.status_code, said.headers["Tollgate-Reason"]) == (403, "other_plan")
    assert bench.access.params["TOLLGATE_REQUIRE"] == asked.replace("%20", " ")
    assert "FCGI_APACHE_ROLE" not in bench.access.params
    assert bench.ask("/billing/access/").status_code == 404


def test_user_of_oauth2_proxy_is_the_one_who_is_asked_about(bench):
    bench.start(paper.that_has(BLOCKS, "X-Forwarded-User") + MEMBERS)
    named = {"X-Forwarded-User": "ada", "X-Forwarded-Email": "ada@example.com"}
    bench.ask("/members/page.html", headers=named)
    bench.ask("/billing/config", headers=named)
    for asked in (bench.access.params, bench.subscription.params):
        assert (asked["TOLLGATE_USER"], asked["TOLLGATE_EMAIL"]) == ("ada", "ada@example.com")


def test_user_of_oauth2_proxy_is_not_shown_as_one_whom_a_gate_let_pass(bench, php):
    bench.start(paper.that_has(BLOCKS, "X-Forwarded-User") + MEMBERS + PHP % php.path)
    bench.write("show.php", SHOW)
    assert shown(bench.ask("/show.php", headers={"X-Forwarded-User": "mallory"}).text) == {}


@pytest.mark.parametrize("example", EXAMPLES, ids=["README", "apache-README", "manual"])
def test_example_of_the_papers(bench, example):
    bench.start(paper.inside_server(example))
    assert bench.ask("/members/page.html").text == "for members"
    bench.refuse(402, "no_subscription")
    assert bench.ask("/members/page.html").headers["Location"] == "/pricing"
    assert bench.ask("/billing/webhook", "POST").status_code == 204


# The real programs.


@pytest.fixture(scope="module")
def shop_process():
    """Whose customers log in with a password."""
    directory = places.directory()
    directory.chmod(0o755)
    stack = Stack(Apache, gated={"open": "any"}, **basic_of_the_manual(directory))
    (stack.web.root / "members").mkdir(mode=0o755)
    (stack.web.root / "members" / "page").write_text("for members")
    yield stack
    stack.stop()


@pytest.fixture
def shop(shop_process):
    shop_process.fresh()
    return shop_process


def buyer(shop):
    """Ada, who has logged in with her password, and paid."""
    session = shop.session()
    session.headers.update({"Accept": "application/json", "Sec-Fetch-Site": "same-origin"})
    session.auth = ADA
    pay(shop, create(session, plan="premium")["sessionId"])
    shop.settle()
    return session


def test_who_logs_in_with_a_password_buys_and_passes(shop):
    session = buyer(shop)
    assert session.get("/members/page").text == "for members"
    assert session.get("/billing/subscriptions").json()["subscriptions"]["data"][0]["status"] == "trialing"
    assert shop.session().get("/members/page", auth=("bob", ADA[1])).text != "for members"
    assert shop.session().get("/members/page", auth=("ada", "x")).status_code == 401


def test_who_has_the_password_of_a_whole_server_buys_and_passes(directory):
    directory.chmod(0o755)
    wiring = basic_of_the_manual(directory)
    shop = Stack(Apache, **{**wiring, "server": wiring["server"].replace('"/members"', '"/"')})
    try:
        (shop.web.root / "page").write_text("for members")
        assert buyer(shop).get("/page").text == "for members"
    finally:
        shop.stop()


def test_who_has_paid_is_nobody_by_a_name_alone(shop):
    """Where the gate goes by token, and where it goes by password, in every way to say a name."""
    buyer(shop)
    token = {"Authorization": f"Bearer {identity_token('ada')}"}
    assert shop.session().get("/open/page", headers=token).text == "paid"
    names = {name: value.replace("mallory", "ada") for name, value in SPOOFED.items() if name != "Authorization"}
    for auth in (None, ADA, ("ada", "x")):
        assert shop.session().get("/open/page", auth=auth, headers=names).status_code == 401
    for auth in (None, ("ada", ""), ("ada", "x"), ("mallory", ADA[1])):
        assert shop.session().get("/members/page", auth=auth, headers=names).status_code == 401
    assert shop.session().get("/members/page", headers=token).status_code == 401


def tcp_socket(port):
    """What a supervisor holds over restarts of the gate."""
    return socket.create_server(("127.0.0.1", port), backlog=1024)


def test_restarts_of_gate_and_endpoints_lose_no_request(directory):
    directory.chmod(0o755)
    redis = RedisServer()
    site = Site(directory, redis=redis.url)
    gate_port = free_port()
    build = places.plain_build()
    held = {"access": tcp_socket(gate_port), "webhook": listening_socket(directory / "webhook.sock"),
            "session": listening_socket(directory / "session.sock")}
    responders = [Responder(f"tollgate-{name}", site.config, directory / f"{name}.sock", build=build, listener=listener)
                  for name, listener in held.items()]
    apache = Apache(LOCATION % ("/free", "plan:free"), sockets=directory, gate_port=gate_port)
    (apache.root / "free").mkdir(mode=0o755)
    (apache.root / "free" / "page").write_text("free")
    token = {"Authorization": f"Bearer {identity_token('ada')}"}
    with Load(apache.port, [("GET", "/free/page", None, token), ("POST", "/billing/webhook", b"{}", {}),
                            ("GET", "/billing/session-status", None, token)]) as load:
        for responder in responders * 3:
            load.go_on(100)
            responder.restart()
        load.go_on(100)
    apache.stop()
    for responder in responders:
        responder.stop()
    redis.stop()
    assert set(load.statuses) == {200, 400}, load.statuses
    for listener in held.values():
        listener.close()
