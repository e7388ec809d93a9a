"""The webhook's door: who is believed, what is answered, and that 2xx means that Redis has it."""
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from testenv import places
from testenv.webhook import Webhook, event, invoice, sign, subscription

MIB = 1024 * 1024
CONNECT = """
site "%(name)s" {
  origin = "https://%(name)s.example"
  stripe_account = "acct_%(name)s"
  stripe_publishable_key = "pk_test_sandbox"
  webhook_secret_files = {"%(secret)s"}
  success_path = "/return?session_id={CHECKOUT_SESSION_ID}"
  cancel_path = "/pricing"
  portal_return_path = "/account"
  plan "basic" { lookup_key = "basic_monthly" }
}
"""


@pytest.fixture(scope="module")
def webhook_process():
    webhook = Webhook()
    yield webhook
    webhook.stop()


@pytest.fixture
def webhook(webhook_process):
    webhook_process.redis.flushall()
    return webhook_process


@pytest.fixture
def webhook_factory():
    made = []

    def make(*options, **more):
        made.append(Webhook(*options, **more))
        return made[-1]
    yield make
    for one in made:
        one.stop()


def a_body(**more):
    return json.dumps(event("customer.subscription.created", subscription(), **more)).encode()


def error_code(answer):
    return answer.status, json.loads(answer.body)["error"]["code"]


def test_signed_event_is_received_and_stored(webhook):
    body = a_body()
    answer = webhook.post(body, sign(body))
    assert (answer.status, json.loads(answer.body)) == (200, {"received": True})
    assert webhook.status() == "active"


@pytest.mark.parametrize("signature", [
    None, "", "t=1", "v1=00", "junk", "t={now},v1=" + "0" * 64, "t={now},v0={mac}", "t=,v1={mac}"])
def test_wrong_signature_is_refused_and_nothing_stored(webhook, signature):
    body = a_body()
    mac = sign(body).split("v1=")[1]
    if signature:
        signature = signature.format(now=int(time.time()), mac=mac)
    assert error_code(webhook.post(body, signature)) == (400, "signature_invalid")
    assert webhook.keys() == []


def test_signature_of_another_body_is_refused(webhook):
    assert error_code(webhook.post(a_body(), sign(a_body()))) == (400, "signature_invalid")
    assert webhook.keys() == []


@pytest.mark.parametrize("age, status", [(295, 200), (-295, 200), (302, 400), (-302, 400)])
def test_signature_is_good_for_five_minutes(webhook, age, status):
    body = a_body()
    assert webhook.post(body, sign(body, at=time.time() - age)).status == status


def test_second_secret_matches(webhook_factory):
    webhook = webhook_factory(secrets=("whsec_old", "whsec_new"))
    for secret, status in (("whsec_old", 200), ("whsec_new", 200), ("whsec_other", 400)):
        body = a_body()
        assert webhook.post(body, sign(body, secret)).status == status


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff{}", b'{"id":"evt_1"}',
                                  b'{"object":"event","id":"evt_1","type":"x","created":1}'])
def test_signed_body_that_is_no_event_is_malformed(webhook, body):
    assert error_code(webhook.post(body, sign(body))) == (400, "event_malformed")
    assert webhook.keys() == []


def test_body_of_a_mebibyte_is_taken_and_a_longer_one_is_not(webhook):
    body = a_body()
    body += b" " * (MIB - len(body))
    assert webhook.post(body, sign(body)).status == 200
    assert webhook.post(body + b" ", sign(body + b" ")).status == 413


def test_get_is_no_event(webhook):
    answer = webhook.post(b"", REQUEST_METHOD="GET")
    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"


def test_site_made_for_a_browser_elsewhere_is_no_obstacle(webhook):
    assert webhook.send(event("customer.subscription.created", subscription()),
                        HTTP_ORIGIN="https://elsewhere.example", HTTP_SEC_FETCH_SITE="cross-site") == 200


def test_unknown_type_is_taken_and_counted(webhook):
    webhook.take(event("charge.succeeded", {"object": "charge", "id": "ch_1", "customer": "cus_1"}))
    assert webhook.keys() == [webhook.key("counters")]
    assert webhook.counters() == {"ignored": 1}


def test_thin_event_is_taken_and_counted(webhook):
    webhook.take({"object": "v2.core.event", "id": "evt_test_65", "created": "2026-10-28T00:00:00Z",
                  "type": "v1.billing.meter.error_report_triggered", "related_object": None})
    assert webhook.counters() == {"ignored": 1}


def test_other_mode_is_taken_and_changes_nothing(webhook):
    webhook.take(event("customer.subscription.created", subscription(), livemode=True))
    assert webhook.record() == {}
    assert webhook.counters() == {"other_mode": 1}


@pytest.mark.parametrize("kind, obj", [
    ("customer.subscription.created", subscription(metadata={"tollgate_site": "other"})),
    ("invoice.payment_failed", invoice(parent={"type": "subscription_details", "subscription_details": {
        "subscription": "sub_1", "metadata": {"tollgate_site": "other"}}})),
    ("invoice.payment_failed", invoice(subscription_details={"metadata": {"tollgate_site": "other"}}))])
def test_what_another_site_has_sold_changes_nothing(webhook, kind, obj):
    webhook.take(event(kind, obj))
    assert webhook.keys() == [webhook.key("counters")]
    assert webhook.counters() == {"other_site": 1}


def test_event_of_an_unknown_account_is_taken_and_changes_nothing(webhook):
    webhook.take(event("customer.subscription.created", subscription(), account="acct_unknown"))
    assert webhook.record() == {}
    assert webhook.counters() == {"unknown_account": 1}


def test_connect_account_chooses_the_site(webhook_factory, directory):
    secret = directory / "connect.secret"
    secret.touch(mode=0o600)
    secret.write_text("whsec_connect")
    more = "".join(CONNECT % {"name": name, "secret": secret} for name in ("left", "right"))
    webhook = webhook_factory(more=more)
    for account in ("acct_left", "acct_right"):
        body = a_body(account=account)
        assert webhook.post(body, sign(body, "whsec_connect"), TOLLGATE_SITE="left").status == 200
    for site in ("left", "right"):
        assert webhook.redis.exists("tollgate:{%s}:customer:cus_1" % site)
    assert webhook.record() == {}


def test_account_of_a_site_with_another_secret_is_not_reached(webhook_factory, directory):
    secret = directory / "other.secret"
    secret.touch(mode=0o600)
    secret.write_text("whsec_other")
    webhook = webhook_factory(more=CONNECT % {"name": "other", "secret": secret})
    assert webhook.send(event("customer.subscription.created", subscription(), account="acct_other"),
                        TOLLGATE_SITE="shop") == 200
    assert not webhook.redis.exists("tollgate:{other}:customer:cus_1")


def test_same_event_twice_is_one_notice(webhook):
    failed = event("invoice.payment_failed", invoice())
    webhook.take(failed, failed, failed)
    assert len(webhook.notices("payment_failed")) == 1
    assert webhook.counters() == {"applied": 1, "seen": 2}


def test_parallel_deliveries_of_one_event_are_one_notice(webhook):
    failed = event("invoice.payment_failed", invoice())
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: webhook.send(failed), range(32))) == {200}
    assert len(webhook.notices("payment_failed")) == 1


def test_redis_down_is_503_and_the_next_try_is_applied(webhook_factory):
    webhook = webhook_factory()
    created = event("customer.subscription.created", subscription())
    webhook.server.stop()
    body = json.dumps(created).encode()
    answer = webhook.post(body, sign(body))
    assert error_code(answer) == (503, "store_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    webhook.server.start()
    time.sleep(0.15)
    webhook.take(created)
    assert webhook.status() == "active"


def test_hanging_redis_is_503_in_time(webhook_factory):
    webhook = webhook_factory()
    webhook.take(event("customer.subscription.created", subscription()))
    webhook.server.pause()
    begun = time.monotonic()
    assert webhook.send(event("customer.subscription.updated", subscription("unpaid"))) == 503
    assert time.monotonic() - begun < 1
    webhook.server.resume()


def test_full_redis_is_503_and_half_of_nothing_is_stored(webhook_factory):
    webhook = webhook_factory()
    failed = event("invoice.payment_failed", invoice())
    webhook.redis.config_set("maxmemory", "1")
    assert webhook.send(failed) == 503
    assert webhook.keys() == []
    webhook.redis.config_set("maxmemory", "0")
    webhook.take(failed)
    assert len(webhook.notices("payment_failed")) == 1


def test_read_only_redis_is_503(webhook_factory):
    webhook = webhook_factory()
    webhook.redis.replicaof("127.0.0.1", "1")
    assert webhook.send(event("customer.subscription.created", subscription())) == 503


def test_acl_of_the_manual_suffices(webhook_factory):
    webhook = webhook_factory()
    manual = (places.TOP / "man/tollgate-redis.7").read_text()
    [recipe] = re.findall(r"^user tollgate-webhook on >\S+ (.*)$", manual, re.MULTILINE)
    webhook.redis.execute_command("ACL", "SETUSER", "default", "resetkeys", *recipe.split())
    webhook.take(
        event("customer.subscription.created", subscription("past_due")),
        event("customer.subscription.updated", subscription(
            metadata={"tollgate_site": "shop", "tollgate_user": "ada"}), created=time.time() + 1),
        event("checkout.session.completed", {"id": "cs_1", "mode": "subscription", "customer": "cus_1",
              "subscription": "sub_1", "status": "complete", "expires_at": int(time.time()) + 60}),
        event("invoice.paid", invoice(status="paid")), event("charge.succeeded", {}),
        event("subscription_schedule.updated", {"customer": "cus_1"}))
    assert "refuses" not in webhook.responder.log


def test_each_event_is_logged_once_and_no_secret_is(webhook_factory):
    webhook = webhook_factory()
    created = event("customer.subscription.created", subscription())
    webhook.take(created)
    [line] = webhook.responder.events("webhook event")
    assert (line["id"], line["type"], line["outcome"]) == (
        created["id"], "customer.subscription.created", "applied")
    assert "whsec" not in webhook.responder.log
