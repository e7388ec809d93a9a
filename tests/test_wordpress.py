"""examples/wordpress/tollgate.php as it stands, under a real php-fpm, behind everything that is real but
WordPress."""
import base64
import json
import re
import time

import pytest
import requests
from testenv.notices import signature
from testenv.php_shop import NOTIFY_SECRET
from testenv.process import wait_until
from testenv.site import identity_token
from testenv.wordpress import ADA, BOB, EVE, UPLOAD, WordPress

BUTTON = '[tollgate_buy plan="premium" interval="month" label="Subscribe"]'
SECRET = "the secret of the house"
CLOSED = "This is for subscribers."
LATER = "Please come back in a moment."
BUY = "/wp-admin/admin-post.php"


@pytest.fixture(scope="module")
def site_process(web_server):
    site = WordPress(web_server)
    site.page("pricing", BUTTON)
    site.page("members", f'<p>[tollgate_members plan="premium"]{SECRET}[/tollgate_members]</p>')
    site.page("portal", "[tollgate_portal]")
    yield site
    site.stop()


@pytest.fixture
def site(site_process):
    site_process.fresh()
    yield site_process
    assert site_process.php.complaints == []


def press(visitor, path, **fields):
    """Sends the only form of the page."""
    page = visitor.get(path)
    [action] = re.findall(r'<form[^>]* action="([^"]*)"', page.text)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.text))
    return visitor.post(action, {**hidden, **fields})


def buy(site, visitor):
    """The address that she comes back to."""
    back = site.pay(visitor, press(visitor, "/pricing"))
    assert back.location.startswith(f"{site.url}/billing/return?session_id=cs_")
    return back.location


def cookie(visitor):
    jar = next(handler.cookiejar for handler in visitor.opener.handlers if hasattr(handler, "cookiejar"))
    return next((one for one in jar if one.name == "tollgate"), None)


def claims(visitor):
    part = cookie(visitor).value.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_story_of_a_subscriber(site):
    ada = site.log_in(ADA)
    assert CLOSED in ada.get("/members").text
    buy(site, ada)
    site.stack.settle()
    assert SECRET in ada.get("/members").text
    assert ada.get(UPLOAD).text == "for subscribers"
    again = press(ada, "/pricing")
    assert again.location == f"{site.url}/pricing?tollgate_error=already_subscribed"
    assert "You have this subscription already." in ada.get(again.location).text
    assert press(ada, "/portal").location.startswith(site.stack.sandbox.base)


def test_page_after_the_checkout_needs_no_event(site):
    ada = site.log_in(ADA)
    site.stack.responders["webhook"].stop()
    try:
        session = buy(site, ada).partition("?")[2]
        assert SECRET in ada.get(f"/members?{session}").text
    finally:
        site.stack.responders["webhook"].start()


def test_what_one_bought_is_closed_to_the_other_and_to_strangers(site):
    buy(site, site.log_in(ADA))
    site.stack.settle()
    for visitor in (site.log_in(BOB), site.visitor()):
        assert SECRET not in visitor.get("/members").text
        assert visitor.get(UPLOAD).status == 303
    assert "Log in to subscribe" in site.visitor().get("/pricing").text


def test_content_that_is_open_to_one_is_no_page_for_the_cache(site):
    site.page("cached", '[tollgate_members plan="premium"]x[/tollgate_members]')
    headers = site.log_in(ADA).get("/cached").headers
    assert headers["Tollgate-Test-Do-Not-Cache"] == "1"


@pytest.mark.parametrize("attributes", ['', 'plan=""', 'plan="none"', 'plan="basic"', 'plan="premium;any"', 'plan="*"',
                                        'feature="other"', 'product="prod_basic"', 'plan="\'"', 'PLAN="../any"'])
def test_content_opens_for_nothing_else(site, attributes):
    ada = site.log_in(ADA)
    buy(site, ada)
    site.stack.settle()
    site.page("other", f"[tollgate_members {attributes}]{SECRET}[/tollgate_members]")
    answer = ada.get("/other")
    assert answer.status == 200 and SECRET not in answer.text


@pytest.mark.parametrize("attributes", ['plan="premium"', 'plan="any"', 'plan="basic, premium"', 'feature="exports"',
                                        'product="prod_premium"', "plan=premium"])
def test_content_opens_for_what_was_bought(site, attributes):
    ada = site.log_in(ADA)
    buy(site, ada)
    site.stack.settle()
    site.page("other", f"[tollgate_members {attributes}]{SECRET}[/tollgate_members]")
    assert SECRET in ada.get("/other").text


@pytest.mark.parametrize("text, opens", [
    (f'[tollgate_members plan="premium"]{SECRET}', True),
    (f'[tollgate_members plan="basic"]a [tollgate_members plan="any"]b[/tollgate_members] {SECRET}[/tollgate_members]', False),
    (f'[tollgate_members plan="premium" /]{SECRET}[/tollgate_members]', False),
    (f'{SECRET}[/tollgate_members] [tollgate_members plan="premium"]a[/tollgate_members]', False)])
def test_content_without_its_end_is_not_open_to_everybody(site, text, opens):
    site.page("other", text)
    ada = site.log_in(ADA)
    buy(site, ada)
    site.stack.settle()
    assert (SECRET in ada.get("/other").text) == opens
    assert SECRET not in site.visitor().get("/other").text


def test_content_stays_closed_while_the_gate_is_away(site):
    ada = site.log_in(ADA)
    buy(site, ada)
    site.stack.settle()
    site.stack.responders["access"].stop()
    try:
        answer = ada.get("/members")
        assert SECRET not in answer.text and LATER in answer.text
    finally:
        site.stack.responders["access"].start()
    assert SECRET in ada.get("/members").text


def test_yes_is_kept_for_a_while_and_a_no_is_not(site):
    ada = site.log_in(ADA)
    ada.get("/members")
    buy(site, ada)
    site.stack.settle()
    before = site.asked
    assert [SECRET in ada.get("/members").text for _ in range(3)] == [True] * 3
    assert wait_until(lambda: site.asked - before, what="a line in the log") == 1


def test_yes_is_not_kept_beyond_its_end(site):
    ada = site.log_in(ADA)
    buy(site, ada)
    site.stack.settle()
    ada.get("/members")
    [kept] = site.directory.glob("cache-*")
    text, count = re.subn(r'("until";s:10:)"\d+"', r'\1"1000000000"', kept.read_text())
    assert count == 1
    kept.write_text(text)
    before = site.asked
    assert SECRET in ada.get("/members").text
    assert wait_until(lambda: site.asked - before, what="a line in the log") == 1


def test_page_behind_the_gate_asks_nothing_again(site):
    ada = site.log_in(ADA)
    buy(site, ada)
    site.stack.settle()
    before = site.asked
    assert SECRET in ada.get("/gated/members").text
    site.page("other", f'[tollgate_members plan="basic"]{SECRET}[/tollgate_members]')
    assert SECRET not in ada.get("/gated/other").text
    assert wait_until(lambda: site.asked - before, what="a line in the log") == 1


def test_one_page_asks_once_for_each_requirement(site):
    site.page("twice", f'[tollgate_members plan="premium"]{SECRET}[/tollgate_members]' * 3)
    before = site.asked
    assert site.log_in(ADA).get("/twice").text.count(CLOSED) == 3
    assert wait_until(lambda: site.asked - before, what="a line in the log") == 1


@pytest.mark.parametrize("nonce", [{"_wpnonce": ""}, {"_wpnonce": "0123456789"}, {"_wpnonce[]": "x"}])
def test_button_without_its_nonce_does_nothing(site, nonce):
    ada = site.log_in(ADA)
    fields = {"action": "tollgate_buy", "plan": "premium", **nonce}
    assert ada.post(BUY, fields).status == 403
    assert ada.post(BUY, {**fields, "action": "tollgate_portal"}).status == 403
    assert site.stack.sandbox.api("GET", "/v1/checkout/sessions")["data"] == []


def test_nonce_of_another_user_or_button_is_none(site):
    foreign = re.search(r'name="_wpnonce" value="(\w+)"', site.log_in(BOB).get("/pricing").text)[1]
    ada = site.log_in(ADA)
    assert press(ada, "/pricing", _wpnonce=foreign).status == 403
    portal = re.search(r'name="_wpnonce" value="(\w+)"', ada.get("/portal").text)[1]
    assert press(ada, "/pricing", _wpnonce=portal).status == 403


def test_button_of_who_has_been_logged_out_leads_to_the_login(site):
    answer = site.visitor().post(BUY, {"action": "tollgate_buy", "_wp_http_referer": "/pricing"})
    assert answer.location == f"{site.url}/wp-login.php?redirect_to=%2Fpricing"


@pytest.mark.parametrize("referer", ["//evil.example/", "https://evil.example/", "/\\evil.example"])
def test_error_leads_to_no_other_site(site, referer):
    answer = press(site.log_in(ADA), "/pricing", plan="none", _wp_http_referer=referer)
    assert answer.location == f"{site.url}/?tollgate_error=plan_unknown"


@pytest.mark.parametrize("text", [
    "[tollgate_buy plan='\"><script>x' label='<script>x</script>' interval='\"><b onload=x>']",
    "[tollgate_portal label='\"><script>x</script>']",
    "[tollgate_members plan='\"><script>x</script>' feature='<script>']x[/tollgate_members]"])
def test_attributes_are_text_and_nothing_else(site, text):
    site.page("attack", text)
    for visitor in (site.log_in(ADA), site.visitor()):
        answer = visitor.get("/attack?tollgate_error=%3Cscript%3E&a=%22%3E%3Cscript%3E")
        assert answer.status == 200 and "<script" not in answer.text and "<b " not in answer.text


def test_logout_takes_the_token_away(site):
    ada = site.log_in(ADA)
    assert claims(ada)["sub"] == str(ADA)
    ada.get("/wp-login.php?action=logout")
    assert cookie(ada) is None


def test_token_is_for_an_hour_and_for_this_site(site):
    told = claims(site.log_in(ADA))
    assert (told["email"], told["aud"]) == ("ada@example.com", "shop")
    assert abs(told["exp"] - time.time() - 3600) < 10


TOKENS = {
    "old": lambda: identity_token(str(ADA), exp=int(time.time()) + 1000),
    "of another": lambda: identity_token(str(BOB)),
    "for another site": lambda: identity_token(str(ADA), aud="other"),
    "signed by another": lambda: identity_token(str(ADA), key="some other key of at least 32 bytes"),
    "none": lambda: "", "unsigned": lambda: "a.b.", "nonsense": lambda: "x.y.z",
}


@pytest.mark.parametrize("kind", TOKENS)
def test_token_that_is_no_good_is_replaced_by_any_page(site, kind):
    ada = site.log_in(ADA)
    cookie(ada).value = TOKENS[kind]()
    ada.get("/pricing")
    told = claims(ada)
    assert (told["sub"], told["aud"]) == (str(ADA), "shop") and told["exp"] > time.time() + 3500


def test_token_that_is_good_is_left(site):
    ada = site.log_in(ADA)
    assert ada.get("/pricing").headers.get_all("Set-Cookie") is None


def test_token_does_not_outlive_the_login(site):
    ada = site.log_in(ADA)
    visitor = site.visitor()
    visitor.opener.addheaders = [("Cookie", f"tollgate={cookie(ada).value}")]
    assert "tollgate=deleted" in visitor.get("/pricing").headers["Set-Cookie"]


def test_stranger_comes_back_to_the_file_that_she_asked_for(site):
    assert site.visitor().get(f"{UPLOAD}?a=1&b=2").location == f"{site.url}/wp-login.php?next={UPLOAD}?a=1&b=2"
    site.log_in(ADA, next=f"{UPLOAD}?a=1&b=2")


def test_expired_token_is_replaced_on_the_way_to_a_file(site):
    ada = site.log_in(ADA)
    cookie(ada).value = identity_token(str(ADA), exp=int(time.time()) - 1)
    sent = ada.get(UPLOAD)
    assert sent.location == f"{site.url}/wp-login.php?next={UPLOAD}"
    assert ada.get(sent.location).location == f"{site.url}{UPLOAD}"
    assert ada.get(UPLOAD).location == f"{site.url}/pricing"


def test_gate_that_takes_no_token_ends_in_a_message_and_not_in_a_circle(site):
    ada = site.log_in(ADA)
    answers = [ada.get(f"/wp-login.php?next={UPLOAD}").status for _ in range(6)]
    assert answers == [303] * 5 + [500]
    wait_until(lambda: "the gate refuses our tokens" in site.php.errors, what="a line in PHP's log")


@pytest.mark.parametrize("next", ["//evil.example", "https://evil.example", "/\\evil.example", "/%0d%0aa:b\\"])
def test_login_leads_nowhere_else(site, next):
    visitor = site.visitor()
    answer = visitor.press(visitor.get(f"/wp-login.php?next={next}"), "wp-submit", id=str(ADA))
    assert answer.location == f"{site.url}/"


def rows(answer):
    return dict(re.findall(r"<th>([^<]*)</th><td>([^<]*)</td>", answer.text))


def test_profile_shows_the_subscription(site):
    ada = site.log_in(ADA)
    assert rows(ada.get("/wp-admin/profile.php"))["Status"] == "no_subscription"
    buy(site, ada)
    site.stack.settle()
    page = ada.get("/wp-admin/profile.php")
    shown = rows(page)
    assert (shown["Plan"], shown["Status"]) == ("premium", "trialing")
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", shown["Until"])
    link = re.search(r'href="([^"]*tollgate_portal[^"]*)"', page.text)[1].replace("&#038;", "&").replace("&amp;", "&")
    assert ada.get(link).location.startswith(site.stack.sandbox.base)
    assert ada.get(link.replace("_wpnonce=", "_wpnonce=0")).status == 403


def test_profile_is_shown_to_who_may_edit_it_only(site):
    buy(site, site.log_in(ADA))
    site.stack.settle()
    eve = site.log_in(EVE).get(f"/wp-admin/user-edit.php?user_id={ADA}")
    assert rows(eve)["Plan"] == "premium" and "tollgate_portal" not in eve.text
    assert "premium" not in site.log_in(BOB).get(f"/wp-admin/user-edit.php?user_id={ADA}").text


def test_theme_hears_of_the_purchase(site):
    buy(site, site.log_in(ADA))
    heard = wait_until(lambda: [one for one in site.notices if one[0] == "subscription_status_changed"], 20, "a notice")
    assert heard[0][1]["user"] == str(ADA) and heard[0][2].endswith("-subscription_status_changed")


def tell(site, id="n1", at=0, body=b'{"type":"t","data":{"user":"7"}}', **headers):
    at = str(int(time.time()) + at)
    return requests.post(f"{site.url}/wp-json/tollgate/v1/notice", body, timeout=10, headers={
        "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature(NOTIFY_SECRET, id, at, body),
        **headers}).status_code


@pytest.mark.parametrize("wrong", [
    {"webhook-signature": ""}, {"webhook-signature": "v1,"}, {"webhook-id": "n2"}, {"webhook-id": ""},
    {"webhook-timestamp": "1e9"}, {"webhook-timestamp": ""}, {"at": -400}, {"at": 400}])
def test_notice_that_nobody_signed_is_not_heard(site, wrong):
    assert tell(site, **wrong) == 401
    assert site.notices == []
    assert tell(site) == 204
    assert site.notices == [["t", {"user": "7"}, "n1"]]


def test_notice_that_the_theme_chokes_on_is_not_taken(site):
    assert tell(site, body=b'{"type":"choke","data":{}}') == 500


def test_one_good_signature_of_several_is_enough(site):
    at = str(int(time.time()))
    good = signature(NOTIFY_SECRET, "n1", at, b'{"type":"t","data":{}}')
    assert tell(site, body=b'{"type":"t","data":{}}', **{"webhook-timestamp": at,
                "webhook-signature": f"v1,AAAA {good}"}) == 204
