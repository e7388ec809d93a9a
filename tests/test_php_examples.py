"""examples/php as it stands, under a real php-fpm, behind everything that is real: the whole story of a site
in PHP."""
import base64
import json
import subprocess
import time

import pytest
from testenv import places
from testenv.nginx import Nginx
from testenv.php_shop import EXAMPLES, PASSWORD, PhpShop, shown
from testenv.process import wait_until
from testenv.site import identity_token
from testenv.stack import Session

REPORT = "/members/report"


@pytest.fixture(scope="module")
def shop_process(web_server):
    shop = PhpShop(web_server)
    yield shop
    shop.stop()


@pytest.fixture
def shop(shop_process):
    """Where nobody has bought anything."""
    shop_process.stack.fresh()
    yield shop_process
    assert shop_process.php.complaints == []


@pytest.fixture
def php_pages(shop_process):
    """Runs one page at / of a server without any gate; a session there."""
    servers = []

    def run(page, origin="http://127.0.0.1:1"):
        location = shop_process.php.location(EXAMPLES / page, SHOP_ORIGIN=origin, SHOP_SITE="shop")
        servers.append(Nginx("location / {\n%s}" % location))
        return Session(servers[-1].url)
    yield run
    for server in servers:
        server.stop()


def cookie(visitor, name):
    """The one of this name, or None."""
    jar = next(handler.cookiejar for handler in visitor.opener.handlers if hasattr(handler, "cookiejar"))
    return next((one for one in jar if one.name == name), None)


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def plant(visitor, name, value):
    """Another value in the cookie that is there."""
    cookie(visitor, name).value = value


def buy(shop, visitor, plan="premium-month"):
    """Up to the page that Stripe sends her back to."""
    back = shop.pay(visitor, visitor.press(visitor.get("/pricing"), plan))
    assert back.location.startswith(f"{shop.url}/billing/return?session_id=cs_")
    return visitor.get(back.location)


def test_story_of_a_subscriber(shop):
    stranger = shop.visitor().get(REPORT)
    assert stranger.location == f"{shop.url}/login?next={REPORT}"
    ada = shop.log_in("ada")
    assert ada.get(REPORT).location == f"{shop.url}/pricing"
    assert 'data-outcome="paid"' in buy(shop, ada).text
    page = shown(ada.get(REPORT))
    assert (page["user"], page["status"], page["plan"]) == (shop.user_id("ada"), "trialing", "premium")
    assert "As a table" in ada.get(REPORT).text
    assert ada.press(ada.get("/account"), "logout").location == f"{shop.url}/pricing"
    assert ada.get(REPORT).location == f"{shop.url}/login?next={REPORT}"


def test_notice_of_the_purchase_is_taken(shop):
    buy(shop, shop.log_in("ada"))
    told = wait_until(lambda: [one for one in shop.handled() if one["type"] == "subscription_status_changed"],
                      20, "a notice")
    assert told[0]["user"] == shop.user_id("ada")


def test_what_one_bought_is_closed_to_the_other(shop):
    buy(shop, shop.log_in("ada"))
    assert shop.log_in("bob").get(REPORT).location == f"{shop.url}/pricing"


def test_logout_takes_both_cookies_and_the_session(shop):
    ada = shop.log_in("ada")
    session = cookie(ada, "session").value
    ada.press(ada.get("/account"), "logout")
    assert cookie(ada, "tollgate") is None and cookie(ada, "session") is None
    thief = shop.log_in("bob")
    plant(thief, "session", session)
    assert thief.get("/account").location == f"{shop.url}/login?next=/account"


def test_account_shows_what_was_bought_and_leads_to_the_portal(shop):
    ada = shop.log_in("ada")
    assert "no subscription" in ada.get("/account").text
    buy(shop, ada)
    account = ada.get("/account")
    assert "Premium: Trial, until" in account.text
    assert ada.press(account, "portal").location.startswith(shop.stack.sandbox.base)


def test_account_promises_no_time_of_what_is_over(shop):
    ada = shop.log_in("ada")
    buy(shop, ada)
    [subscription] = shop.stack.sandbox.api("GET", "/v1/subscriptions")["data"]
    shop.stack.sandbox.api("DELETE", f"/v1/subscriptions/{subscription['id']}")
    shop.stack.settle()
    assert "Premium: Cancelled<" in ada.get("/account").text


def test_pricing_says_what_went_wrong(shop):
    ada = shop.log_in("ada")
    buy(shop, ada)
    again = ada.press(ada.get("/pricing"), "premium-month")
    assert again.location == f"{shop.url}/pricing?error=already_subscribed"
    assert "You have this subscription already" in ada.get(again.location).text


@pytest.mark.parametrize("path", [
    "/pricing?error=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "/pricing?error[]=1",
    "/login?next=/%22%3E%3Cscript%3Ealert(1)", "/login?next[]=/x", "/billing/return?session_id=%3Cscript%3E"])
def test_nothing_of_an_address_becomes_a_script(shop, path):
    answer = shop.visitor().get(path)
    if answer.status == 303:
        answer = shop.log_in("ada").get(path)
    assert answer.status == 200 and "<script" not in answer.text and "&lt;" not in answer.text


@pytest.mark.parametrize("next", ["//evil.example", "https://evil.example/", "/\\evil.example", "%2F%2Fevil.example",
                                  "%5C", "javascript:alert(1)", ""])
def test_login_leads_nowhere_else(shop, next):
    visitor = shop.visitor()
    answer = visitor.press(visitor.get(f"/login?next={next}"), "login", name="ada", password=PASSWORD)
    assert answer.location == f"{shop.url}/account"


def test_login_leads_back_with_the_whole_query(shop):
    visitor = shop.visitor()
    sent = visitor.get(f"{REPORT}?a=1&b=2").location
    answer = visitor.press(visitor.get(sent), "login", name="ada", password=PASSWORD)
    assert answer.location == f"{shop.url}{REPORT}?a=1&b=2"


@pytest.mark.parametrize("name, password", [("ada", "wrong"), ("eve", PASSWORD), ("", ""), ("<b>", "x")])
def test_wrong_password_logs_nobody_in(shop, name, password):
    visitor = shop.visitor()
    answer = visitor.press(visitor.get("/login"), "login", name=name, password=password)
    assert answer.status == 403 and "<b>" not in answer.text
    assert cookie(visitor, "tollgate") is None


@pytest.mark.parametrize("path, fields", [
    ("/login", {"name": "ada", "password": PASSWORD}), ("/login", {"name": "ada", "password": PASSWORD, "csrf": "x"}),
    ("/logout", {}), ("/logout", {"csrf": ""}), ("/logout", {"csrf[]": "x"})])
def test_form_without_its_token_does_nothing(shop, path, fields):
    ada = shop.log_in("ada")
    assert ada.post(path, fields).status == 403
    assert shown(ada.get("/account"))["name"] == "ada"


def test_session_gets_a_new_name_at_the_login(shop):
    visitor = shop.visitor()
    page = visitor.get("/login")
    before = cookie(visitor, "session").value
    visitor.press(page, "login", name="ada", password=PASSWORD)
    assert cookie(visitor, "session").value != before


def test_token_is_for_an_hour_and_for_this_site(shop):
    told = claims(cookie(shop.log_in("ada"), "tollgate").value)
    assert (told["sub"], told["email"], told["aud"]) == (shop.user_id("ada"), "ada@example.com", "shop")
    assert abs(told["exp"] - time.time() - 3600) < 10


def test_token_that_is_gone_is_made_again_by_any_page(shop):
    ada = shop.log_in("ada")
    cookie(ada, "tollgate").expires = 1
    ada.get("/pricing")
    assert claims(cookie(ada, "tollgate").value)["sub"] == shop.user_id("ada")


def test_expired_token_is_replaced_on_the_way_to_a_page(shop):
    ada = shop.log_in("ada")
    buy(shop, ada)
    plant(ada, "tollgate", identity_token(shop.user_id("ada"), exp=int(time.time()) - 1))
    sent = ada.get(REPORT)
    assert sent.location == f"{shop.url}/login?next={REPORT}"
    assert ada.get(sent.location).location == f"{shop.url}{REPORT}"
    assert shown(ada.get(REPORT))["plan"] == "premium"


def test_gate_that_takes_no_token_ends_in_a_message_and_not_in_a_circle(shop):
    ada = shop.log_in("ada")
    answers = [ada.get(f"/login?next={REPORT}").status for _ in range(6)]
    assert answers == [303] * 5 + [500]
    wait_until(lambda: "tollgate refuses our tokens" in shop.php.errors, what="a line in PHP's log")


def test_cookie_of_who_is_logged_out_elsewhere_is_taken_away(shop):
    ada = shop.log_in("ada")
    plant(ada, "session", "0" * 32)
    ada.get("/pricing")
    assert cookie(ada, "tollgate") is None


@pytest.mark.parametrize("headers", [{}, {"Tollgate-User": "x", "TOLLGATE_USER": "x", "Tollgate-Status": "active"}])
def test_members_page_that_no_gate_guards_stays_closed(php_pages, headers):
    answer = php_pages("members.php").get("/", headers=headers)
    assert answer.status_code == 403 and "<dl>" not in answer.text


def test_cookies_of_a_site_on_https_are_bound_to_it(php_pages):
    session = php_pages("pricing.php", origin="https://shop.example").get("/", headers={
        "Cookie": "__Host-tollgate=stale; tollgate=other"}).headers
    ours = session["Set-Cookie"].lower()
    assert "__host-session=" in ours and "__host-tollgate=deleted" in ours
    assert ours.count("; secure") == 2 and ours.count("; httponly") == 2 and ours.count("samesite=lax") == 2
    assert "domain" not in ours


def test_add_user_takes_no_short_password(shop):
    assert shop.add_user("eve", "short") == 65
    assert subprocess.run(["php", EXAMPLES / "add-user.php"], capture_output=True, check=False).returncode == 64


def test_passwords_are_nobody_elses_to_read(shop):
    users = shop.directory / "users.json"
    assert users.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in users.read_text()


def test_add_user_keeps_the_id_of_who_is_there(shop):
    before = shop.user_id("bob")
    assert shop.add_user("bob", PASSWORD) == 0
    assert shop.user_id("bob") == before


# What PHP 7.4 does not have, found by PHP itself or by name.
LATER = """
foreach (token_get_all(file_get_contents($argv[1])) as $token) {
	if (is_array($token) && (in_array(token_name($token[0]), ['T_MATCH', 'T_ENUM', 'T_READONLY', 'T_ATTRIBUTE',
		'T_NULLSAFE_OBJECT_OPERATOR'], true) || in_array($token[1], ['str_contains', 'str_starts_with',
		'str_ends_with', 'get_debug_type', 'array_is_list', 'never', 'mixed'], true))) {
		echo "$token[2]: $token[1]\\n";
	}
}
"""
FILES = sorted(path.relative_to(places.TOP) for path in (places.TOP / "examples").rglob("*.php"))


def later_than_7_4(path):
    return subprocess.run(["php", "-r", LATER, path], text=True, check=True, capture_output=True).stdout


@pytest.mark.parametrize("path", FILES, ids=str)
def test_file_is_php_and_no_later_one_than_7_4(path):
    checked = subprocess.run(["php", "-d", "error_reporting=-1", "-l", places.TOP / path],
                             text=True, check=False, capture_output=True)
    assert checked.returncode == 0 and "Deprecated" not in checked.stdout, checked.stdout
    assert later_than_7_4(places.TOP / path) == ""


def test_php_of_later_than_7_4_is_seen(tmp_path):
    page = tmp_path / "page.php"
    page.write_text("<?php\necho match ($a?->b) { 1 => str_contains('a', 'b') };\n")
    assert later_than_7_4(page).split() == ["2:", "match", "2:", "?->", "2:", "str_contains"]
