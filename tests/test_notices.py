"""Notices to the site: signed, in order, again until they are taken, and by one daemon only."""
import json
import threading
import time

import pytest
import requests
from testenv import places
from testenv.nginx import Nginx
from testenv.notices import SECRET, Notices, Receiver, signature
from testenv.php import PhpFpm
from testenv.process import wait_until
from testenv.site import write_secret
from testenv.sync import sync_once
from testenv.webhook import Webhook, event, invoice, subscription

HOLD = 30


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture
def site_factory(redis_server, sandbox):
    """Makes sites with notices, and stops their daemons."""
    made = []

    def make(*arguments, **options):
        made.append(Notices(redis_server, sandbox, *arguments, **options))
        return made[-1]
    yield make
    for notices in made:
        notices.stop()


@pytest.fixture
def notices(site_factory, receiver):
    return site_factory(receiver.url)


def test_notice_is_posted_and_signed(notices, receiver):
    notices.start()
    notices.tell("evt_1-payment_failed", created=1800000000, data={"invoice": "in_1", "amount_due": 500})
    receiver.wait("evt_1-payment_failed")
    headers, body = receiver.posts[0]
    assert json.loads(body) == {
        "type": "payment_failed", "timestamp": "2027-01-15T08:00:00Z",
        "data": {"customer": "cus_1", "user": "ann", "invoice": "in_1", "amount_due": 500}}
    assert headers["Content-Type"] == "application/json"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 10
    assert headers["webhook-signature"] == signature(
        SECRET, "evt_1-payment_failed", headers["webhook-timestamp"], body)


def test_secret_without_prefix_is_the_key(site_factory, receiver):
    secret = "a secret of more than 24 bytes"
    notices = site_factory(receiver.url, secret=secret)
    notices.tell("n1")
    notices.start()
    receiver.wait("n1")
    headers, body = receiver.posts[0]
    assert headers["webhook-signature"] == signature(secret, "n1", headers["webhook-timestamp"], body)


def test_text_of_any_script_arrives_whole(notices, receiver):
    data = {"error_message": 'Łódź "/" \\ \u2028 💶', "from": None, "lines": [1, {"a": True}]}
    notices.tell("n1", data=data, user="зоя")
    notices.start()
    receiver.wait("n1")
    headers, body = receiver.posts[0]
    assert json.loads(body)["data"] == {"customer": "cus_1", "user": "зоя", **data}
    assert headers["webhook-signature"] == signature(SECRET, "n1", headers["webhook-timestamp"], body)


def test_notice_of_no_customer_and_no_user_names_none(notices, receiver):
    notices.tell("n1", customer="", user="")
    notices.start()
    receiver.wait("n1")
    assert json.loads(receiver.posts[0][1])["data"] == {"invoice": "in_1"}


def test_order_of_a_customer_is_kept(notices, receiver):
    ids = [f"n{i}" for i in range(20)]
    for id in ids:
        notices.tell(id)
    notices.start()
    receiver.wait(*ids)
    notices.wait_idle()
    assert notices.counters() == {"notices_delivered": 20}


@pytest.mark.parametrize("status", [301, 400, 404, 500, 503])
def test_anything_but_2xx_is_tried_again_with_the_same_id_and_body(notices, receiver, status):
    receiver.says = lambda id, n: (status, {"Location": receiver.url}) if n < 3 else 202
    notices.tell("n1")
    notices.start()
    for attempt in (1, 2):
        notices.fail(attempt)
        notices.make_due()
    receiver.wait("n1", "n1", "n1")
    assert len({body for _, body in receiver.posts}) == 1
    assert all(headers["webhook-signature"] == signature(SECRET, "n1", headers["webhook-timestamp"], body)
               for headers, body in receiver.posts)
    notices.wait_idle()


def test_first_delays_are_5_seconds_and_5_minutes(notices, receiver):
    receiver.says = lambda id, n: 500
    notices.tell("n1")
    notices.start()
    notices.fail(1)
    assert 3 <= notices.due() - time.time() <= 7
    notices.fail(2)
    assert 295 <= notices.due() - time.time() <= 380
    first, second = (int(headers["webhook-timestamp"]) for headers, _ in receiver.posts)
    assert 5 <= second - first <= 9


def test_receiver_may_ask_for_more_time(notices, receiver):
    receiver.says = lambda id, n: (429, {"Retry-After": "1000"})
    notices.tell("n1")
    notices.start()
    notices.fail(1)
    assert 990 <= notices.due() - time.time() <= 1001


def test_failing_notice_holds_back_its_customer_alone(notices, receiver):
    receiver.says = lambda id, n: 500 if id == "ann1" and n == 1 else 200
    notices.tell("ann1", customer="cus_ann")
    notices.tell("ann2", customer="cus_ann")
    notices.tell("bob1", customer="cus_bob")
    notices.tell("site", customer="")
    notices.start()
    wait_until(lambda: len(receiver.posts) == 3)
    assert sorted(receiver.ids) == ["ann1", "bob1", "site"]
    notices.make_due("cus_ann")
    wait_until(lambda: len(receiver.posts) == 5)
    assert receiver.ids[3:] == ["ann1", "ann2"]


def test_notice_is_given_up_after_three_days(notices, receiver):
    receiver.says = lambda id, n: 500 if id == "n1" else 200
    notices.tell("n1")
    notices.tell("n2")
    daemon = notices.start()
    notices.fail(1)
    lane = notices.key("delivery_lane", "cus_1")
    old = json.loads(notices.redis.lindex(lane, 0))
    notices.redis.lset(lane, 0, json.dumps({**old, "since": old["since"] - 3 * 86400}))
    notices.make_due()
    receiver.wait("n1", "n1", "n2")
    notices.wait_idle()
    assert notices.counters() == {"notices_given_up": 1, "notices_delivered": 1}
    assert [(line["id"], line["why"]) for line in daemon.events("notice given up")] == [("n1", "500")]


def test_receiver_that_is_gone_is_not_asked_again(notices, receiver):
    receiver.says = lambda id, n: 410
    notices.tell("n1")
    daemon = notices.start()
    notices.wait_idle()
    assert receiver.ids == ["n1"]
    assert daemon.events("notice given up")[0]["why"] == "410"


def test_receiver_was_down_and_is_up_again(notices, receiver):
    receiver.stop()
    notices.tell("n1")
    notices.start()
    notices.fail(1)
    notices.tell("n2")
    receiver.start()
    notices.make_due()
    receiver.wait("n1", "n2")


def test_slow_receiver_holds_up_no_customer(notices, receiver, sandbox):
    released = threading.Event()
    receiver.says = lambda id, n: released.wait(20) and 200
    customer = sandbox.api("POST", "/v1/customers")["id"]
    notices.tell("n1")
    daemon = notices.start()
    wait_until(lambda: receiver.ids == ["n1"])
    notices.redis.zadd(notices.key("dirty"), {customer: int(time.time()) - 60})
    wait_until(lambda: customer in daemon.read(), seconds=8)
    assert notices.attempts() == 0
    notices.fail(1)
    released.set()
    assert daemon.events("notice not taken")[0]["why"] == "too slow"


def test_run_once_brings_what_is_due(notices, receiver):
    receiver.says = lambda id, n: 500 if id == "n1" else 200
    notices.tell("n1", customer="cus_1")
    notices.tell("n2", customer="cus_1")
    notices.tell("n3", customer="cus_2")
    assert sync_once(notices.site, "--once").returncode == 0
    assert sorted(receiver.ids) == ["n1", "n3"]


def test_two_daemons_deliver_each_notice_once(notices, receiver):
    receiver.says = lambda id, n: time.sleep(0.01) or 200
    ids = [f"c{customer}-{i}" for i in range(10) for customer in range(8)]
    for id in ids:
        notices.tell(id, customer=id.split("-")[0])
    daemons = [notices.start(), notices.start()]
    notices.wait_idle()
    assert sorted(receiver.ids) == sorted(ids)
    assert all(daemon.events("notice delivered") for daemon in daemons)
    for customer in range(8):
        assert [id for id in receiver.ids if id.startswith(f"c{customer}-")] == ids[customer::8]


def test_daemon_killed_with_a_notice_under_way_repeats_it(notices, receiver):
    answering = threading.Event()
    receiver.says = lambda id, n: (n > 1 or answering.wait(20)) and 200
    notices.tell("n1")
    notices.tell("n2")
    first = notices.start()
    wait_until(lambda: receiver.ids == ["n1"])
    first.kill()
    answering.set()
    assert 0 < notices.due() - time.time() <= HOLD
    notices.start()
    notices.make_due()
    receiver.wait("n1", "n1", "n2")
    assert receiver.posts[0][1] == receiver.posts[1][1]


def test_notices_wait_for_the_first_daemon_and_outlive_the_stream(notices, receiver):
    receiver.says = lambda id, n: 500 if n == 1 else 200
    notices.tell("n1")
    notices.start()
    notices.fail(1)
    notices.redis.xtrim(notices.key("notices"), maxlen=0)
    notices.make_due()
    receiver.wait("n1", "n1")


def test_notices_trimmed_unseen_are_told(notices, receiver):
    notices.tell("n1")
    daemon = notices.start()
    receiver.wait("n1")
    notices.wait_idle()
    with notices.redis.pipeline(transaction=True) as at_once:
        for id in ("lost", "lost", "n2"):
            at_once.xadd(notices.key("notices"), {"id": id, "type": "t", "data": "{}", "created": 1})
        at_once.xtrim(notices.key("notices"), maxlen=1, approximate=False)
        at_once.execute()
    receiver.wait("n1", "n2")
    assert daemon.events("notices lost")[0]["count"] == "2"
    assert notices.counters()["notices_lost"] == 2


def test_entry_that_is_no_notice_blocks_nobody(notices, receiver):
    notices.redis.rpush(notices.key("delivery_lane", "cus_1"), "junk")
    notices.redis.xadd(notices.key("notices"), {"customer": "cus_1", "id": "bad", "type": "t", "data": "{"})
    notices.redis.xadd(notices.key("notices"), {"customer": "cus_1", "what": "is this"})
    notices.tell("n1")
    daemon = notices.start()
    receiver.wait("n1")
    assert [line["why"] for line in daemon.events("notice given up")] == ["not to be read"] * 3


def test_long_answer_is_not_looked_at(notices, receiver):
    receiver.says = lambda id, n: (200, {"X-Long": "x" * 60000})
    notices.tell("n1")
    notices.start()
    notices.wait_idle()
    assert notices.counters() == {"notices_delivered": 1}


def test_site_without_notify_url_is_only_told_in_the_stream(site_factory):
    notices = site_factory("http://127.0.0.1:1/")
    text = notices.site.config.read_text()
    notices.site.config.write_text(text.replace("notify_url", "# notify_url"))
    notices.tell("n1")
    notices.start()
    time.sleep(0.5)
    assert not notices.redis.keys(notices.key("delivery*"))


# What the events of Stripe tell.


@pytest.fixture(scope="module")
def webhook():
    webhook = Webhook()
    yield webhook
    webhook.stop()


INVOICE = invoice(number="A-1", amount_due=500, next_payment_attempt=1800000000, due_date=None,
                  hosted_invoice_url="https://invoice.stripe.com/i/1")
TOLD_OF_INVOICE = {
    "invoice": "in_1", "number": "A-1", "subscription": "sub_1", "status": "open",
    "billing_reason": "subscription_create", "amount_due": 500, "amount_paid": 0, "currency": "eur",
    "attempt_count": 1, "next_payment_attempt": 1800000000,
    "hosted_invoice_url": "https://invoice.stripe.com/i/1"}
UNTAXED = {"last_finalization_error": {"type": "invalid_request_error", "code": "customer_tax_location_invalid",
                                       "message": "No address."},
           "automatic_tax": {"enabled": True, "status": "requires_location_inputs"}}
TOLD_OF_UNTAXED = {"error_type": "invalid_request_error", "error_code": "customer_tax_location_invalid",
                   "error_message": "No address.", "automatic_tax_status": "requires_location_inputs"}
SESSION = {"object": "checkout.session", "id": "cs_1", "mode": "subscription", "customer": "cus_1",
           "subscription": "sub_1", "status": "complete", "payment_status": "unpaid", "expires_at": 1800000000}
SCHEDULE = {"object": "subscription_schedule", "id": "sub_sched_1", "customer": "cus_1", "status": "active",
            "subscription": "sub_1", "current_phase": {"start_date": 1700000000, "end_date": 1800000000}}


@pytest.mark.parametrize("kind, obj, type, data", [
    ("invoice.paid", INVOICE, "payment_succeeded", TOLD_OF_INVOICE),
    ("invoice.payment_failed", INVOICE, "payment_failed", TOLD_OF_INVOICE),
    ("invoice.payment_action_required", INVOICE, "payment_action_required", TOLD_OF_INVOICE),
    ("invoice.finalized", INVOICE, "invoice_finalized", TOLD_OF_INVOICE),
    ("invoice.upcoming", INVOICE, "invoice_upcoming", TOLD_OF_INVOICE),
    ("invoice.overdue", INVOICE, "invoice_overdue", TOLD_OF_INVOICE),
    ("invoice.will_be_due", INVOICE, "invoice_will_be_due", TOLD_OF_INVOICE),
    ("invoice.finalization_failed", {**INVOICE, **UNTAXED}, "invoice_finalization_failed",
     {**TOLD_OF_INVOICE, **TOLD_OF_UNTAXED}),
    ("checkout.session.async_payment_failed", SESSION, "checkout_async_payment_failed",
     {"session": "cs_1", "subscription": "sub_1", "payment_status": "unpaid"}),
    ("checkout.session.completed", SESSION, "unlinked_subscription",
     {"session": "cs_1", "subscription": "sub_1", "payment_status": "unpaid"}),
    ("subscription_schedule.expiring", SCHEDULE, "subscription_schedule_expiring",
     {"schedule": "sub_sched_1", "subscription": "sub_1", "status": "active", "ends_at": 1800000000}),
    ("customer.subscription.created", subscription(), "subscription_status_changed",
     {"subscription": "sub_1", "from": None, "to": "active", "reason": None}),
])
def test_event_makes_its_notice(webhook, kind, obj, type, data):
    webhook.redis.flushall()
    told = event(kind, obj)
    webhook.take(told, told)
    [notice] = webhook.notices()
    assert (notice["type"], notice["data"], notice["customer"]) == (type, data, "cus_1")
    assert (notice["id"], notice["created"]) == (f"{told['id']}-{type}", str(told["created"]))


# The example for administrators, under a real php-fpm behind a real nginx.


@pytest.fixture(scope="module")
def php():
    php = PhpFpm()
    yield php
    php.stop()


class Example:
    """nginx with examples/php/notice-receiver.php, and what that has handled."""

    def __init__(self, php):
        self.directory = places.directory()
        secret = write_secret(self.directory / "notice.secret", SECRET)
        location = php.location(places.TOP / "examples" / "php" / "notice-receiver.php",
                                NOTICE_SECRET_FILE=secret, NOTICE_DIRECTORY=self.directory)
        self.nginx = Nginx("location = /billing-notice.php {\n%s}" % location)
        self.url = self.nginx.url + "/billing-notice.php"

    def post(self, id="n1", at=None, body=b'{"type":"t","data":{"user":"ann"}}', **headers):
        at = str(int(time.time()) if at is None else at)
        return requests.post(self.url, body, timeout=10, headers={
            "webhook-id": id, "webhook-timestamp": at,
            "webhook-signature": signature(SECRET, id, at, body), **headers}).status_code

    def handled(self):
        log = self.directory / "notices.log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def stop(self):
        self.nginx.stop()


@pytest.fixture
def example(php):
    example = Example(php)
    yield example
    example.stop()


def test_php_example_takes_what_is_delivered(site_factory, example):
    notices = site_factory(example.url)
    notices.tell("n1", data={"hosted_invoice_url": "https://invoice.stripe.com/i/1"})
    notices.tell("n2", type="subscription_status_changed", data={"from": "active", "to": "past_due"})
    notices.start()
    notices.wait_idle()
    assert [(line["id"], line["user"], line["do"]) for line in example.handled()] == [
        ("n1", "ann", "ask for another card: https://invoice.stripe.com/i/1"),
        ("n2", "ann", "note that it is past_due now")]
    assert notices.counters() == {"notices_delivered": 2}


def test_php_example_handles_a_repeated_notice_once(example):
    assert [example.post() for _ in range(3)] == [204] * 3
    assert example.post(id="n2") == 204
    assert [line["id"] for line in example.handled()] == ["n1", "n2"]


def test_php_example_handles_notices_that_come_at_once_once(example):
    threads = [threading.Thread(target=example.post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(example.handled()) == 1


@pytest.mark.parametrize("headers", [
    {"webhook-signature": ""}, {"webhook-signature": "v1,"}, {"webhook-signature": "v1a,AAAA"},
    {"webhook-id": "n2"}, {"webhook-id": ""}, {"webhook-timestamp": ""},
    {"webhook-timestamp": "1e9"}, {"webhook-timestamp": "-1"}])
def test_php_example_refuses_what_is_not_signed(example, headers):
    assert example.post(**headers) == 400
    assert example.handled() == []


@pytest.mark.parametrize("age, status", [(290, 204), (-290, 204), (310, 400), (-310, 400)])
def test_php_example_refuses_old_and_future_timestamps(example, age, status):
    assert example.post(at=int(time.time()) - age) == status


def test_php_example_takes_one_good_signature_of_several(example):
    at = str(int(time.time()))
    body = b'{"type":"t","data":{}}'
    good = signature(SECRET, "n1", at, body)
    assert example.post(at=at, body=body, **{"webhook-signature": f"v1,AAAA {good} v1a,BBBB"}) == 204


def test_php_example_that_fails_has_the_notice_sent_again(example, php):
    log = example.directory / "notices.log"
    log.mkdir()
    body = b'{"type":"trial_will_end","data":{"trial_end":"tomorrow"}}'
    assert example.post(body=body) == 500
    assert example.post(body=b"{") == 500
    log.rmdir()
    assert example.post() == 204
    assert len(example.handled()) == 1


def test_php_example_without_a_secret_takes_nothing(example):
    (example.directory / "notice.secret").write_text("whsec_")
    assert example.post(**{"webhook-signature": signature("whsec_", "n1", int(time.time()), b"{}")}) == 500


def test_php_example_takes_post_only(example):
    assert requests.get(example.url, timeout=10).status_code == 405
