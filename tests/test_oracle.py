"""Stripe's own SDK for Node as an oracle: of the signatures that we take, and of the sandbox that stands in
for Stripe. TOLLGATE_NODE_MODULES names the directory it was installed to, from oracle/package.json."""
import json
import os
import shutil
import subprocess
import time

import pytest
from testenv import places
from testenv.sandbox import STRIPE_VERSION, WEBHOOK_SECRET
from testenv.site import CATALOGUE
from testenv.webhook import Webhook, event, subscription

MODULES = os.environ.get("TOLLGATE_NODE_MODULES", str(places.TESTS / "oracle" / "node_modules"))
OTHER_SECRET = "whsec_b3RoZXIgc2VjcmV0"

pytestmark = [
    pytest.mark.skipif(not shutil.which("node"), reason="node is missing"),
    pytest.mark.skipif(not os.path.isdir(os.path.join(MODULES, "stripe")),
                       reason="Stripe's SDK is missing: TOLLGATE_NODE_MODULES"),
]


def node(script, *arguments, given):
    ran = subprocess.run(["node", places.TESTS / "oracle" / script, *map(str, arguments)], timeout=60,
                         input=json.dumps(given), capture_output=True, text=True, check=False,
                         env={**os.environ, "NODE_PATH": MODULES})
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


# Signatures


@pytest.fixture(scope="module")
def webhook():
    one = Webhook()
    yield one
    one.stop()


def signed(change="none", secret=WEBHOOK_SECRET, ago=0):
    """A body with its header from the SDK, and whether the SDK itself believes them."""
    case = {"payload": json.dumps(event("customer.subscription.updated", subscription())), "secret": secret,
            "timestamp": int(time.time()) - ago, "believed": WEBHOOK_SECRET, "change": change}
    [result] = node("webhooks.js", given=[case])
    return result


@pytest.mark.parametrize("options, valid", [
    ({}, True),
    ({"change": "another"}, True),
    ({"ago": 290}, True),
    ({"ago": 310}, False),
    ({"secret": OTHER_SECRET}, False),
    ({"change": "body"}, False),
    ({"change": "time"}, False),
    ({"change": "noV1"}, False),
    ({"change": "noTime"}, False),
    ({"change": "empty"}, False),
], ids=str)
def test_webhook_believes_what_the_sdk_believes(webhook, options, valid):
    case = signed(**options)
    assert case["valid"] == valid
    answer = webhook.post(case["payload"].encode(), case["header"])
    assert answer.status == (200 if valid else 400)


# The sandbox


@pytest.fixture(scope="module")
def objects(sandbox_process):
    """What the SDK made and read in the sandbox."""
    sandbox_process.reset()
    sandbox_process.control("POST", "seed", CATALOGUE)
    [price] = sandbox_process.api("GET", "/v1/prices", **{"lookup_keys[]": "basic_monthly"})["data"]
    found = node("api.js", sandbox_process.base.rsplit(":", 1)[1], given={"price": price["id"]})
    return {**found, "price": price["id"], "requests": sandbox_process.control("GET", "requests")["requests"]}


def test_sdk_speaks_the_version_that_we_speak(objects):
    sent = [request["headers"] for request in objects["requests"]]
    assert {headers["stripe_version"] for headers in sent if "Stripe/v1 NodeBindings" in headers["user_agent"]} \
        == {STRIPE_VERSION}


def test_sdk_reads_back_the_customer_that_it_made_once(objects):
    customer = objects["customer"]
    assert customer["read"]["id"] == customer["made"]["id"] == customer["again"]["id"]
    assert customer["read"]["metadata"] == {"tollgate_user": "ann"}


def test_sdk_reads_back_the_checkout_session(objects):
    session = objects["checkout"]["read"]
    assert session["id"] == objects["checkout"]["made"]["id"]
    assert (session["object"], session["status"], session["mode"]) == ("checkout.session", "open", "subscription")
    assert session["url"] == objects["checkout"]["made"]["url"]
    assert [line["price"]["id"] for line in session["line_items"]["data"]] == [objects["price"]]


def test_sdk_reads_back_the_subscription_that_a_card_paid(objects):
    made, read = objects["subscription"]["made"], objects["subscription"]["read"]
    assert (made["status"], made["latest_invoice"]["status"]) == ("active", "paid")
    assert read["latest_invoice"] == made["latest_invoice"]["id"]
    assert [one["id"] for one in objects["subscription"]["listed"]] == [read["id"]]


def test_sdk_opens_the_customer_portal(objects):
    session = objects["portal"]["made"]
    assert (session["object"], session["customer"]) == ("billing_portal.session", objects["customer"]["made"]["id"])


def test_sdk_knows_the_sandboxes_refusals(objects):
    refusals = objects["refusals"]
    assert (refusals["unknown"]["type"], refusals["unknown"]["code"]) == ("StripeInvalidRequestError", "resource_missing")
    assert (refusals["mode"]["statusCode"], refusals["mode"]["type"]) == (400, "StripeInvalidRequestError")
    assert (refusals["key"]["statusCode"], refusals["key"]["type"]) == (401, "StripeAuthenticationError")
