"""customer-portal: at its home, and at one task."""
import pytest

from test_checkout import create, error, pay

PORTAL = "/billing/customer-portal"
SESSIONS = "/v1/billing_portal/sessions"


@pytest.fixture
def alice(stack):
    """A subscriber to basic."""
    session = stack.session("alice")
    pay(stack, create(session, plan="basic")["sessionId"])
    stack.settle()
    return session


def portal(session, status=200, **fields):
    answer = session.post(PORTAL, json=fields)
    assert answer.status_code == status, answer.text
    return answer.json()


def sent(stack):
    return [r["params"] for r in stack.sandbox.requests() if r["path"] == SESSIONS][-1]


def subscription(stack):
    return stack.sandbox.api("GET", "/v1/subscriptions")["data"][0]


def price(stack, lookup_key):
    return stack.sandbox.api("GET", "/v1/prices", **{"lookup_keys[]": lookup_key})["data"][0]["id"]


def test_program_gets_the_url(stack, alice):
    assert portal(alice)["url"].startswith(stack.sandbox.base)
    assert sent(stack)["return_url"] == f"{stack.url}/account"


def test_browsers_form_is_redirected(stack, alice):
    answer = stack.session("alice", cookie=True).post(PORTAL, data={"returnPath": "/plans?from=portal"})
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(stack.sandbox.base)
    assert sent(stack)["return_url"] == f"{stack.url}/plans?from=portal"


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "\\\\evil.example",
                                  "/\\evil.example", "account", "/a\r\nb"])
def test_return_path_of_another_origin_is_refused(stack, alice, path):
    assert error(portal(alice, status=400, returnPath=path)) == ("parameter_invalid", "returnPath")


def test_user_who_never_bought_has_nothing_to_manage(stack):
    assert error(portal(stack.session("bob"), status=404)) == ("customer_missing", None)


def allow_all(stack):
    """What an administrator switches on in the Dashboard."""
    [configuration] = stack.sandbox.api("GET", "/v1/billing_portal/configurations")["data"]
    products = {}
    for n, key in enumerate(("basic_monthly", "premium_monthly")):
        [found] = stack.sandbox.api("GET", "/v1/prices", **{"lookup_keys[]": key})["data"]
        products[f"features[subscription_update][products][{n}][product]"] = found["product"]
        products[f"features[subscription_update][products][{n}][prices][0]"] = found["id"]
    stack.sandbox.api("POST", f"/v1/billing_portal/configurations/{configuration['id']}", **{
        "features[subscription_pause][enabled]": "true",
        "features[subscription_update][enabled]": "true",
        "features[subscription_update][default_allowed_updates][0]": "price", **products})


def test_flow_that_the_portal_is_not_configured_for_is_refused(stack, alice):
    answer = portal(alice, status=400, flow="subscription_update")
    assert error(answer) == ("flow_unavailable", "flow")


@pytest.mark.parametrize("flow", ["subscription_cancel", "subscription_pause", "subscription_update"])
def test_flow_goes_to_the_only_subscription(stack, alice, flow):
    allow_all(stack)
    portal(alice, flow=flow)
    params = sent(stack)["flow_data"]
    assert params["type"] == flow
    assert params[flow] == {"subscription": subscription(stack)["id"]}


def test_payment_method_flow_needs_no_subscription(stack, alice):
    portal(alice, flow="payment_method_update")
    assert sent(stack)["flow_data"]["type"] == "payment_method_update"


def test_update_confirm_names_item_price_and_quantity(stack, alice):
    allow_all(stack)
    portal(alice, flow="subscription_update_confirm", newPriceId=price(stack, "premium_monthly"))
    confirm = sent(stack)["flow_data"]["subscription_update_confirm"]
    item = subscription(stack)["items"]["data"][0]
    assert confirm["items"]["0"] == {"id": item["id"], "price": price(stack, "premium_monthly"),
                                     "quantity": "1"}


@pytest.mark.parametrize("fields, code, param", [
    ({"flow": "steal"}, "parameter_invalid", "flow"),
    ({"flow": "subscription_update_confirm"}, "parameter_missing", "newPriceId"),
    ({"flow": "subscription_update_confirm", "newPriceId": "price_other"}, "price_not_in_plans", "newPriceId"),
])
def test_refused_flow_names_field_and_reason(stack, alice, fields, code, param):
    assert error(portal(alice, status=400, **fields)) == (code, param)


def test_another_users_subscription_looks_like_none(stack, alice):
    mallory = stack.session("mallory")
    pay(stack, create(mallory, plan="premium")["sessionId"])
    stack.settle()
    for subscription_id in (stack.sandbox.api("GET", "/v1/subscriptions")["data"][1]["id"], "sub_x"):
        answer = portal(mallory, status=404, flow="subscription_cancel", subscriptionId=subscription_id)
        assert error(answer) == ("subscription_unknown", "subscriptionId")
