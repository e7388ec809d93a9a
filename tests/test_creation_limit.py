"""creation_limit: how much a user may have made at Stripe, behind a web server."""
import time

import pytest
from test_checkout import CREATE, SESSIONS, calls, create
from test_subscription import create as subscribe
from test_subscription import every
from testenv import places
from testenv.hosts import Hosts
from testenv.sandbox import SECRET_KEY, WEBHOOK_SECRET
from testenv.site import IDENTITY_KEY, OTHER_SITE, write_secret
from testenv.stack import Stack

LIMIT = 'creation_limit = "3/3s" error_path = "/oops"'
LONG = 'creation_limit = "3/1h"'
ENDPOINTS = {
    "customer-portal": {},
    "update-payment-method": {},
    "customer-session": {},
    "create-subscription": {"plan": "basic"},
    "create-checkout-session": {"plan": "basic"},
}


@pytest.fixture(scope="module")
def limited_process(web_server):
    stack = Stack(web_server, site={"site_settings": LONG})
    yield stack
    stack.stop()


@pytest.fixture
def limited(limited_process):
    """Three within an hour."""
    limited_process.fresh()
    return limited_process


def use_up(session):
    """Three sessions, each for something else."""
    for fields in ({"plan": "basic"}, {"plan": "premium"}, {"plan": "premium", "interval": "year"}):
        create(session, **fields)


def post(session, endpoint, fields):
    return session.post(f"/billing/{endpoint}", json=fields)


def refused(answer):
    """After how long she may come again."""
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limited"), answer.text
    assert answer.json()["error"]["type"] == "rate_limit_error"
    return int(answer.headers["Retry-After"])


def test_too_many_are_refused_until_the_time_that_is_told(stack_factory):
    stack = stack_factory(site={"site_settings": LIMIT})
    mallory = stack.session("mallory")
    use_up(mallory)
    wait = refused(mallory.post(CREATE, json={"plan": "basic"}))
    assert 1 <= wait <= 3
    time.sleep(wait)
    use_up(mallory)
    refused(mallory.post(CREATE, json={"plan": "basic"}))


def test_asking_on_does_not_make_it_longer(stack_factory):
    stack = stack_factory(site={"site_settings": LIMIT})
    mallory = stack.session("mallory")
    use_up(mallory)
    until = time.monotonic() + refused(mallory.post(CREATE, json={"plan": "basic"}))
    while time.monotonic() < until:
        mallory.post(CREATE, json={"plan": "basic"})
        time.sleep(0.1)
    assert create(mallory, plan="basic")["url"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_each_that_makes_something_is_refused_with_the_others(limited, endpoint):
    """Whatever she made before, and whatever she wants now: one count."""
    mallory = limited.session("mallory")
    use_up(mallory)
    before = len([call for call in limited.sandbox.requests() if call["method"] == "POST"])
    assert refused(post(mallory, endpoint, ENDPOINTS[endpoint])) > 3000
    assert len([call for call in limited.sandbox.requests() if call["method"] == "POST"]) == before


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_each_that_makes_something_is_counted(limited, endpoint):
    mallory = limited.session("mallory")
    create(mallory, plan="premium")
    create(mallory, plan="premium", interval="year")
    assert post(mallory, endpoint, ENDPOINTS[endpoint]).status_code == 200
    refused(mallory.post(CREATE, json={"plan": "premium"}))


def test_same_answer_again_is_not_counted(limited):
    """A hesitant buyer, and her double clicks."""
    alice, bob = limited.session("alice"), limited.session("bob")
    assert len({create(alice, plan="basic")["sessionId"] for _ in range(12)}) == 1
    assert len({subscribe(bob, plan="basic")["clientSecret"] for _ in range(12)}) == 1
    create(alice, plan="premium")
    subscribe(bob, plan="premium")


def test_what_she_has_begun_stays_when_another_is_refused(limited):
    """She can go on to pay for it."""
    mallory = limited.session("mallory")
    for fields in ({"plan": "premium"}, {"plan": "premium", "interval": "year"}, {"plan": "basic"}):
        last = create(mallory, **fields)
    refused(post(mallory, "create-subscription", {"plan": "basic"}))
    refused(mallory.post(CREATE, json={"plan": "premium"}))
    assert limited.sandbox.api("GET", f"{SESSIONS}/{last['sessionId']}")["status"] == "open"
    assert create(mallory, plan="basic") == last


def test_subscription_that_waits_stays_too(limited):
    mallory = limited.session("mallory")
    subscribe(mallory, plan="basic")
    for endpoint in ("update-payment-method", "customer-portal"):
        assert post(mallory, endpoint, {}).status_code == 200
    refused(mallory.post(CREATE, json={"plan": "premium"}))
    refused(post(mallory, "create-subscription", {"plan": "premium"}))
    assert [each["status"] for each in every(limited)] == ["incomplete"]
    assert subscribe(mallory, plan="basic")["status"] == "incomplete"


def test_other_users_are_not_concerned(limited):
    use_up(limited.session("mallory"))
    refused(limited.session("mallory").post(CREATE, json={"plan": "basic"}))
    use_up(limited.session("alice"))


def test_each_site_counts_its_own(stack_factory):
    directory = places.directory()
    for name, text in (("webhook.secret", WEBHOOK_SECRET), ("stripe.key", SECRET_KEY), ("identity.key", IDENTITY_KEY)):
        write_secret(directory / name, text)
    stack = stack_factory(site={"site_settings": LONG, "more": OTHER_SITE % {"directory": directory, "settings": ""}})
    hosts = Hosts(stack, ["checkout"], count=1)
    ask = ("checkout", "create-checkout-session", "mallory")
    answers = [hosts.ask(0, *ask, plan=("basic", "premium")[i % 2])[0] for i in range(4)]
    assert answers == [200, 200, 200, 429]
    assert hosts.ask(0, *ask, site="other", plan="basic")[0] == 200


def test_count_is_of_all_hosts_and_has_an_end(limited):
    create(limited.session("mallory"), plan="basic")
    hosts = Hosts(limited, ["portal"])
    try:
        answers = hosts.at_once([(("portal", "customer-portal", "mallory"), {})] * 50)
    finally:
        hosts.stop()
    assert sorted(status for status, _ in answers) == [200] * 2 + [429] * 48
    [key] = limited.redis.client().keys("tollgate:{shop}:creations:*")
    assert 3000 < limited.redis.client().ttl(key) <= 3600


def test_promotion_codes_cannot_be_tried_out(limited):
    limited.sandbox.api("POST", "/v1/coupons", id="half", percent_off=50, duration="once")
    limited.sandbox.api("POST", "/v1/promotion_codes", code="HALF", **{
        "promotion[type]": "coupon", "promotion[coupon]": "half"})
    mallory = limited.session("mallory")
    for code in ("A", "B", "C"):
        create(mallory, status=400, plan="basic", promotionCode=code)
    refused(mallory.post(CREATE, json={"plan": "basic", "promotionCode": "HALF"}))
    assert len(calls(limited, "/v1/promotion_codes", "GET")) == 3


def test_browsers_form_is_sent_to_the_error_page(stack_factory):
    stack = stack_factory(site={"site_settings": LIMIT})
    browser = stack.session("mallory", cookie=True)
    for plan in ("basic", "premium", "basic"):
        browser.post(CREATE, data={"plan": plan})
    answer = browser.post(CREATE, data={"plan": "premium"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{stack.url}/oops?error=rate_limited"


def test_log_tells_of_it_with_the_requests_id(limited):
    mallory = limited.session("mallory")
    use_up(mallory)
    answer = mallory.post(CREATE, json={"plan": "basic"})
    [line] = [line for line in limited.responders["checkout"].events("creation limit reached")
              if line["request_id"] == answer.headers["X-Request-Id"]]
    assert line["site"] == "shop" and line["retry_after"] == answer.headers["Retry-After"]
    assert "mallory" not in str(line)


def test_off(stack_factory):
    stack = stack_factory(site={"site_settings": 'creation_limit = "off"'})
    mallory = stack.session("mallory")
    for i in range(40):
        create(mallory, plan=("basic", "premium")[i % 2])
    assert stack.redis.client().keys("tollgate:{shop}:creations:*") == []
