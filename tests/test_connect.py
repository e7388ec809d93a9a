"""Stripe Connect: sites with an account each, one webhook endpoint of the platform for all of them."""
import json

import pytest
from test_checkout import create, pay
from test_subscription_change import buy
from testenv import fcgi
from testenv.process import wait_until
from testenv.site import write_secret
from testenv.webhook import PATH, event, sign, subscription

PLATFORM = "whsec_platform"
OTHERS = "/billing/subscriptions"


def connected(name):
    return {"account": f"acct_{name}", "more": ""}


@pytest.fixture
def platform(host_factory):
    """Two sites with accounts of their own; the endpoint is one without a site."""
    host = host_factory(left=connected("left"), right=connected("right"))
    for site in host.sites.values():
        (site.secrets / "webhook.secret").unlink()
        site.webhook_secret = PLATFORM
        write_secret(site.secrets / "webhook.secret", PLATFORM)
    return host


@pytest.fixture
def selling(platform):
    """Stripe sends all accounts' events to the server of no site."""
    platform.start()
    platform.sandbox.control("POST", "webhooks", {
        "url": f"{platform.web.url}/billing/webhook", "secret": PLATFORM, "connect": True})
    return platform


def deliver(host, body=None, secret=PLATFORM, site=None, **more):
    body = body or json.dumps(event("customer.subscription.created", subscription(), **more)).encode()
    named = {"TOLLGATE_SITE": site} if site else {}
    with fcgi.Connection(host.responders["webhook"].path) as webhook:
        return webhook.request(fcgi.post(PATH, body, HTTP_STRIPE_SIGNATURE=sign(body, secret), **named), body).status


def test_purchases_stay_with_their_accounts(selling):
    for site in selling.sites.values():
        session = site.session("ann")
        pay(site, create(session, plan="basic")["sessionId"])
        wait_until(lambda: session.get("/page").status_code == 200, what="access")
    calls = selling.sandbox.requests()
    assert {call["headers"]["stripe_account"] for call in calls} == {"acct_left", "acct_right"}
    for site in selling.sites.values():
        [customer] = site.sandbox.api("GET", "/v1/customers")["data"]
        assert site.redis.client().keys(site.key("customer", "*")) == [site.key("customer", customer["id"])]


@pytest.mark.parametrize("named", [None, "left", "right"])
def test_account_of_the_event_chooses_the_site(platform, named):
    platform.start("webhook")
    for site in platform.sites.values():
        assert deliver(platform, account=site.account, site=named) == 200
        assert site.key("customer", "cus_1") in site.keys()
        site.redis.flush()


def test_event_of_an_account_without_a_site_is_taken_and_logged(platform):
    platform.start("webhook")
    for account in ("acct_unknown", None):
        assert deliver(platform, **({"account": account} if account else {})) == 200
    unknown, without = platform.responders["webhook"].events("webhook event")
    assert (unknown["account"], unknown["outcome"]) == ("acct_unknown", "unknown_account")
    assert ("account" in without, without["outcome"]) == (False, "unknown_account")
    assert platform.redis.client().keys() == []


@pytest.mark.parametrize("account", ["acct_left", "acct_unknown", None])
def test_event_that_the_platform_has_not_signed_is_refused(platform, account):
    platform.start("webhook")
    assert deliver(platform, secret="whsec_other", **({"account": account} if account else {})) == 400
    assert deliver(platform, body=b"{}") == 400
    assert platform.redis.client().keys() == []


@pytest.mark.parametrize("named", [None, "right"])
def test_event_of_a_broken_sites_account_comes_again(platform, named):
    platform["left"].write(platform["left"].text().replace("cancel_path", "cancle_path"))
    platform.start("webhook")
    assert deliver(platform, account="acct_left", site=named) == 503
    assert deliver(platform, account="acct_right", site=named) == 200
    assert platform["right"].keys() and not platform["left"].keys()


def test_account_of_two_sites_is_no_ones(host_factory):
    host = host_factory(left=connected("same"), right=connected("same")).start("webhook")
    assert deliver(host, secret="whsec_left", account="acct_same") == 200
    assert host.redis.client().keys() == []


def test_user_of_one_account_is_unknown_at_the_other(selling):
    ann, bought = buy(selling["left"], "ann")
    same_name = selling["right"].session("ann")
    refused = same_name.post("/billing/cancel-subscription", json={"subscriptionId": bought["subscriptionId"]})
    assert refused.status_code == 404
    assert same_name.get(OTHERS).json()["subscriptions"]["data"] == []
    assert len(ann.get(OTHERS).json()["subscriptions"]["data"]) == 1
