"""Two sites of one Stripe account, one Redis and one set of programs: nothing of one is there for the other."""
import pytest
from test_checkout import create, pay
from test_subscription_change import buy
from testenv import fcgi
from testenv.host import Host
from testenv.process import wait_until
from testenv.site import identity_token

NOBODYS = {"subscription": "sub_nobodys", "session": "cs_test_nobodys", "customer": "cus_nobodys",
           "payment_method": "pm_nobodys", "price": "price_nobodys"}
REFUSED = [
    ("POST", "expire-checkout-session", {"sessionId": "session"}),
    ("GET", "session-status", {"session_id": "session"}),
    ("POST", "customer-portal", {"subscriptionId": "subscription", "flow": "=subscription_cancel"}),
    ("POST", "create-subscription", {"customerId": "customer", "plan": "=basic"}),
    ("POST", "create-subscription", {"priceId": "price"}),
    ("POST", "create-checkout-session", {"priceId": "price"}),
    ("POST", "create-preview-invoice", {"subscriptionId": "subscription", "newPlan": "=own"}),
    ("POST", "update-subscription", {"subscriptionId": "subscription", "newPlan": "=own", "prorationDate": 1}),
    ("POST", "cancel-subscription", {"subscriptionId": "subscription"}),
    ("POST", "resume-subscription", {"subscriptionId": "subscription"}),
    ("POST", "pause-subscription", {"subscriptionId": "subscription"}),
    ("POST", "pay-invoice", {"subscriptionId": "subscription"}),
    ("POST", "update-payment-method", {"subscriptionId": "subscription"}),
    ("POST", "retrieve-customer-payment-method", {"subscriptionId": "subscription"}),
    ("POST", "retrieve-customer-payment-method", {"paymentMethodId": "payment_method"}),
]


@pytest.fixture(scope="module")
def host():
    host = Host(left={"more": "allow_pause = true"}, right={"more": "allow_pause = true"}).start()
    host.sync()
    yield host
    host.stop()


@pytest.fixture(scope="module")
def bought(host):
    """What ann has at left; at right there is an ann too, who has bought something of her own."""
    left, right = host["left"], host["right"]
    ann = left.session("ann")
    session = create(ann, plan="basic")["sessionId"]
    pay(left, session)
    buy(right, "ann")
    wait_until(lambda: ann.get("/page").status_code == 200, what="access")
    [subscription] = ann.get("/billing/subscriptions").json()["subscriptions"]["data"]
    at_stripe = left.sandbox.api("GET", f"/v1/subscriptions/{subscription['id']}")
    [price] = left.sandbox.api("GET", "/v1/prices", **{"lookup_keys[]": "left_monthly"})["data"]
    return {"subscription": subscription["id"], "session": session, "customer": at_stripe["customer"],
            "payment_method": at_stripe["default_payment_method"], "price": price["id"]}


def ask(session, method, endpoint, fields, ids):
    values = {name: value[1:] if str(value).startswith("=") else ids.get(value, value) for name, value in fields.items()}
    sent = {"params": values} if method == "GET" else {"json": values}
    answer = session.request(method, f"/billing/{endpoint}", **sent)
    error = answer.json().get("error", {})
    return answer.status_code, error.get("code"), error.get("param")


@pytest.mark.parametrize("method, endpoint, fields", REFUSED)
def test_what_is_another_sites_does_not_exist(host, bought, method, endpoint, fields):
    before = host["left"].sandbox.api("GET", f"/v1/subscriptions/{bought['subscription']}")
    ann = host["right"].session("ann")
    answer = ask(ann, method, endpoint, fields, bought)
    assert answer[0] in (400, 404)
    assert answer == ask(ann, method, endpoint, fields, NOBODYS)
    assert host["left"].sandbox.api("GET", f"/v1/subscriptions/{bought['subscription']}") == before


@pytest.mark.parametrize("fields", [{"plan": "left"}, {"lookupKey": "left_monthly"}])
def test_what_another_site_sells_is_not_for_sale(host, fields):
    dan = host["right"].session("dan")
    for endpoint in ("create-checkout-session", "create-subscription"):
        answer = dan.post(f"/billing/{endpoint}", json=fields)
        assert answer.status_code == 400, answer.text


def test_token_of_another_site_is_nobodys(host):
    right = host["right"]
    for key, aud in ((host["left"].identity_key, "left"), (host["left"].identity_key, "right"),
                     (right.identity_key, "left")):
        session = right.session()
        session.headers["Authorization"] = f"Bearer {identity_token('ann', key, aud=aud)}"
        assert session.get("/billing/subscriptions").status_code == 401
        assert session.get("/page").status_code == 401


def test_gate_answers_for_each_site(host, bought):
    bob = host["left"].session("bob")
    pay(host["left"], create(bob, plan="basic")["sessionId"])
    wait_until(lambda: bob.get("/page").status_code == 200, what="access")
    host["left"].settle()
    stranger = host["right"].session("bob")
    wait_until(lambda: stranger.get("/page").status_code == 403, what="a no")
    assert stranger.get("/billing/subscriptions").json()["subscriptions"]["data"] == []


def test_notices_stay_with_their_site(host, bought):
    host["left"].settle()
    for site in host.sites.values():
        notices = site.redis.client().xrange(site.key("notices"))
        customers = {fields["customer"] for _, fields in notices}
        assert customers
        customers |= {key.split(":")[-1] for key in site.redis.client().keys(site.key("customer", "*"))}
        for customer in customers:
            owner = site.sandbox.api("GET", f"/v1/customers/{customer}")["metadata"]["tollgate_site"]
            assert owner == site.name


def test_same_slip_of_two_sites_is_logged_for_each(host):
    for site in [*host.sites] * 2:
        with fcgi.Connection(host.responders["access"].path) as gate:
            gate.request(fcgi.get("/page", TOLLGATE_SITE=site, TOLLGATE_USER="ann", TOLLGATE_REQUIRE="plan:premuim"))
    logged = host.responders["access"].events("misconfigured: nobody passes")
    assert sorted(line["site"] for line in logged) == ["left", "right"]
