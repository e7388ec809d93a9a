"""tollgate-sync, with everything around it real: what it reads, when, how often, and who else does."""
import hashlib
import json
import re
import signal
import socket
import threading
import time

import pytest
from testenv.process import wait_until
from testenv.responder import run
from testenv.sandbox import SECRET_KEY
from testenv.site import identity_token
from testenv.stack import Stack
from testenv.sync import Sync, sync_once

DAY = 86400
GATED = {"basic": "plan:basic", "premium": "plan:premium", "any": "any"}
SITE = {"settings": 'stripe_timeout = "2s"', "site_settings": 'cold_wait = "3s"\nfinalize_invoices = true\n'}


@pytest.fixture(scope="module")
def shop_process(web_server):
    stack = Stack(web_server, gated=GATED, site=SITE)
    yield stack
    stack.stop()


@pytest.fixture
def shop(shop_process):
    shop_process.fresh()
    shop_process.sandbox.control("DELETE", "faults")
    shop_process.sandbox.control("POST", "delivery", {"hold": False})
    return shop_process


@pytest.fixture
def sync_factory(shop):
    made = []

    def make(*options, site=None):
        made.append(Sync(site or shop.site, *options))
        return made[-1]
    yield make
    for sync in made:
        if sync.process.running():
            sync.stop()


@pytest.fixture
def sync(sync_factory):
    return sync_factory()


def ask(shop, user, page="basic"):
    """What the gate says, and how long it took. 402 is a no, in whatever words the web server
    says it, 503: she is not known yet."""
    begun = time.monotonic()
    answer = shop.session(user).get(f"/{page}/page")
    status = 402 if answer.status_code == shop.web.unpaid else answer.status_code
    return status, time.monotonic() - begun


def price(shop, lookup_key):
    return shop.sandbox.api("GET", "/v1/prices", **{"lookup_keys[]": lookup_key})["data"][0]["id"]


def customer(shop, user=None, method="pm_card_visa"):
    named = {"metadata[tollgate_user]": user, "metadata[tollgate_site]": "shop"} if user else {}
    made = shop.sandbox.api("POST", "/v1/customers", **named)
    if method:
        method = shop.sandbox.api("POST", f"/v1/payment_methods/{method}/attach", customer=made["id"])["id"]
        shop.sandbox.api("POST", f"/v1/customers/{made['id']}",
                         **{"invoice_settings[default_payment_method]": method})
    return made["id"]


def debtor(shop, iban, user="ann"):
    """A customer who pays by bank debit."""
    method = shop.sandbox.api("POST", "/v1/payment_methods", type="sepa_debit", **{
        "sepa_debit[iban]": iban, "billing_details[name]": user, "billing_details[email]": f"{user}@example.com"})
    return customer(shop, user, method["id"])


def subscribe(shop, who, lookup_key="basic_monthly", **more):
    return shop.sandbox.api("POST", "/v1/subscriptions", customer=who,
                            **{"items[0][price]": price(shop, lookup_key), **more})


def silence(shop):
    """From now on no event is delivered."""
    shop.sandbox.control("POST", "delivery", {"hold": True})


def key(*words):
    return ":".join(("tollgate:{shop}", *words))


def record(shop, who):
    return shop.redis.client().hgetall(key("customer", who))


def status(shop, who, subscription):
    return record(shop, who).get(f"status:{subscription['id']}")


def calls(shop, path, method="GET"):
    return [r for r in shop.sandbox.requests() if r["method"] == method and r["path"] == path]


def customers_listed(shop):
    return [r["params"].get("customer") for r in calls(shop, "/v1/subscriptions")]


def mark_dirty(shop, *customers):
    shop.redis.client().zadd(key("dirty"), {who: int(time.time()) for who in customers})


def test_payer_gets_in_after_a_flush_within_the_cold_wait(shop, sync):
    subscribe(shop, customer(shop, "ann"))
    shop.settle()
    shop.redis.flush()
    code, seconds = ask(shop, "ann")
    assert code == 200 and seconds < 1.5


def test_free_user_waits_once_and_is_let_in_when_she_buys(shop, sync):
    assert ask(shop, "bea")[0] == 402
    searches = len(calls(shop, "/v1/customers/search"))
    assert searches == 1
    assert ask(shop, "bea")[1] < 0.5 and len(calls(shop, "/v1/customers/search")) == searches
    subscribe(shop, customer(shop, "bea"))
    shop.settle()
    assert ask(shop, "bea")[0] == 200


def test_link_without_a_record_is_enough_to_find_her(shop, sync):
    who = customer(shop)
    subscribe(shop, who)
    shop.settle()
    shop.redis.flush()
    hashed = hashlib.sha256(b"ann").hexdigest()
    shop.redis.client().hset(key("user", hashed), f"customer:{who}", 1)
    assert ask(shop, "ann")[0] == 200


def test_many_events_are_one_reading(shop, sync_factory):
    who = customer(shop, "ann")
    subscription = subscribe(shop, who)
    shop.settle()
    for _ in range(5):
        shop.sandbox.control("POST", "events", {"type": "invoice.voided", "object": {
            "object": "invoice", "id": "in_x", "customer": who, "status": "void"}})
    shop.settle()
    shop.sandbox.control("DELETE", "requests")
    sync = sync_factory()
    sync.wait_for("customer read")
    time.sleep(0.5)
    assert sync.read() == [who] and customers_listed(shop) == [who]
    assert status(shop, who, subscription) == "active"


def test_two_daemons_share_the_work_without_doing_it_twice(shop, sync_factory):
    everybody = [customer(shop) for _ in range(30)]
    shop.settle()   # an event between a reading and its end makes it be read again
    mark_dirty(shop, *everybody)
    daemons = [sync_factory(), sync_factory()]
    wait_until(lambda: sum(len(daemon.read()) for daemon in daemons) >= 30, 20, "30 readings")
    time.sleep(0.3)
    assert sorted(customers_listed(shop)) == sorted(everybody)
    assert all(daemon.read() for daemon in daemons)


def test_work_of_a_killed_daemon_is_taken_over(shop, sync_factory):
    who = customer(shop)
    shop.sandbox.control("POST", "faults", {"path": "^/v1/subscriptions$", "delay": 3})
    mark_dirty(shop, who)
    first = sync_factory()
    wait_until(lambda: shop.redis.client().zcard(key("leases")) == 1, 5, "a lease")
    first.kill()
    second = sync_factory()
    assert second.wait_for("customer read", seconds=20)[0]["customer"] == who
    assert shop.redis.client().zcard(key("leases")) == 0


def test_limit_of_one_slows_all(shop, sync_factory):
    everybody = [customer(shop) for _ in range(6)]
    shop.sandbox.control("POST", "faults", {"path": "^/v1/subscriptions$", "status": 429,
                                            "headers": {"Retry-After": "3"}})
    daemons = [sync_factory("-n", "1"), sync_factory("-n", "1")]
    mark_dirty(shop, *everybody)
    wait_until(lambda: shop.redis.client().exists(key("pause")), 5, "a pause")
    begun = time.monotonic()
    before = len(shop.sandbox.requests())
    time.sleep(1.5)
    assert len(shop.sandbox.requests()) - before <= 3
    wait_until(lambda: len({who for daemon in daemons for who in daemon.read()}) == 6, 20, "all read")
    assert time.monotonic() - begun > 2


def test_rate_holds_over_all_daemons(shop, sync_factory):
    shop_site = shop.site.config.read_text()
    slow = shop.site.config.with_name("slow.conf")
    slow.write_text(shop_site.replace("finalize_invoices", "stripe_rate = 5\nfinalize_invoices"))
    shop.site.config, usual = slow, shop.site.config
    try:
        daemons = [sync_factory(), sync_factory()]
    finally:
        shop.site.config = usual
    time.sleep(1.2)
    shop.sandbox.control("DELETE", "requests")
    mark_dirty(shop, *[customer(shop, method=None) for _ in range(8)])
    before = len(shop.sandbox.requests())
    begun = time.monotonic()
    wait_until(lambda: sum(len(daemon.read()) for daemon in daemons) >= 8, 20, "8 readings")
    asked = len(shop.sandbox.requests()) - before
    assert asked / (time.monotonic() - begun) <= 7


def test_events_that_were_never_delivered_are_found(shop):
    assert sync_once(shop.site, "--once").returncode == 0
    silence(shop)
    who = customer(shop, "ann")
    subscription = subscribe(shop, who)
    assert not record(shop, who)
    done = sync_once(shop.site, "--once")
    assert done.returncode == 0 and 'event="missing event"' in done.stderr
    assert status(shop, who, subscription) == "active" and ask(shop, "ann")[0] == 200
    assert "missing event" not in sync_once(shop.site, "--once").stderr


def test_endpoint_that_was_down_for_four_days_loses_nothing(shop):
    began = int(time.time()) - 4 * DAY
    shop.sandbox.control("POST", "clock", {"now": began})
    assert sync_once(shop.site, "--once").returncode == 0
    silence(shop)
    people = {user: customer(shop, user) for user in ("ann", "bea", "cora")}
    bought = {}
    for user, who in people.items():
        bought[user] = subscribe(shop, who)
        shop.sandbox.control("POST", "clock/advance", {"by": DAY})
    shop.sandbox.api("DELETE", f"/v1/subscriptions/{bought['bea']['id']}")
    shop.sandbox.control("POST", "clock/advance", {"by": DAY})
    assert sync_once(shop.site, "--once").returncode == 0
    assert [status(shop, people[user], bought[user]) for user in bought] == ["active", "canceled", "active"]
    assert [ask(shop, user)[0] for user in people] == [200, 402, 200]


def test_cursor_stays_until_all_is_taken(shop):
    sync_once(shop.site, "--once")
    cursor = shop.redis.client().hget(key("duty"), "events_cursor")
    shop.sandbox.control("POST", "faults", {"path": "^/v1/events$", "status": 500, "times": 0})
    time.sleep(1.1)
    assert sync_once(shop.site, "--once").returncode == 75
    assert shop.redis.client().hget(key("duty"), "events_cursor") == cursor
    shop.sandbox.control("DELETE", "faults")
    assert sync_once(shop.site, "--once").returncode == 0
    assert int(shop.redis.client().hget(key("duty"), "events_cursor")) > int(cursor)


def test_lost_cursor_is_told_with_the_way_out(shop):
    assert "--all" in sync_once(shop.site, "--once").stderr
    assert "--all" not in sync_once(shop.site, "--once").stderr


def test_more_events_than_are_held_at_a_time_are_taken_in_pieces(shop):
    sync_once(shop.site, "--once")
    silence(shop)
    now = int(time.time())
    for i in range(620):
        shop.sandbox.control("POST", "events", {"type": "customer.updated", "created": now + i // 4 - 150, "object": {
            "object": "customer", "id": f"cus_{i}", "email": f"{i}@example.com"}})
    done = sync_once(shop.site, "--once")
    assert done.stderr.count('event="missing event"') == 620


def test_span_is_wide_again_behind_a_burst(shop):
    """Hours behind a second that had too many events are not asked for second by second."""
    sync_once(shop.site, "--once")
    silence(shop)
    now = int(time.time())
    for i in range(520):
        shop.sandbox.control("POST", "events", {"type": "customer.updated", "created": now - 3 * 3600, "object": {
            "object": "customer", "id": f"cus_{i}", "email": f"{i}@example.com"}})
    shop.redis.client().hset(key("duty"), "events_cursor", now - 4 * 3600)
    shop.sandbox.control("DELETE", "requests")
    done = sync_once(shop.site, "--once")
    assert done.stderr.count('event="missing event"') == 520
    assert len([call for call in shop.sandbox.requests() if call["path"] == "/v1/events"]) < 200


def test_all_rebuilds_what_a_flush_took(shop):
    people = {user: customer(shop, user) for user in ("ann", "bea", "cora")}
    bought = {user: subscribe(shop, people[user]) for user in ("ann", "bea")}
    subscribe(shop, people["ann"], "premium_monthly")
    stranger = customer(shop)
    subscribe(shop, stranger)
    shop.settle()
    shop.redis.flush()
    done = sync_once(shop.site, "--all")
    assert (done.returncode, done.stdout) == (
        0, "shop: 3 customers, 4 subscriptions, 3 changed, 0 failed\n")
    assert status(shop, people["bea"], bought["bea"]) == "active" and ask(shop, "ann", "premium")[0] == 200
    assert set(record(shop, people["cora"])) == {"user", "user_hash"}
    again = sync_once(shop.site, "--all", "--site", "shop")
    assert again.stdout == "shop: 3 customers, 4 subscriptions, 0 changed, 0 failed\n"


def test_customer_reads_one(shop):
    who = customer(shop, "ann")
    subscribe(shop, who)
    shop.settle()
    shop.redis.flush()
    done = sync_once(shop.site, "--customer", who)
    assert (done.returncode, done.stdout) == (0, f"{who}: 1 subscriptions, changed\n")
    assert sync_once(shop.site, "--customer", who).stdout == f"{who}: 1 subscriptions, not changed\n"


def test_deleted_customer_is_closed(shop):
    who = customer(shop, "ann")
    subscription = subscribe(shop, who)
    shop.settle()
    silence(shop)
    shop.sandbox.api("DELETE", f"/v1/customers/{who}")
    assert sync_once(shop.site, "--customer", who).returncode == 0
    assert record(shop, who)["deleted"] == "1" and status(shop, who, subscription) == "canceled"
    assert ask(shop, "ann")[0] == 402


def test_key_of_another_account_takes_nothing_away(shop):
    who = customer(shop, "ann")
    subscribe(shop, who)
    shop.settle()
    shop.sandbox.reset()
    done = sync_once(shop.site, "--customer", who)
    assert done.returncode == 75 and "another account" in done.stderr
    assert ask(shop, "ann")[0] == 200


def test_grace_begins_when_the_oldest_open_invoice_was_finalized(shop):
    shop.sandbox.control("POST", "clock", {"now": int(time.time()) - 31 * DAY})
    who = customer(shop, "ann", "pm_card_chargeCustomerFail")
    subscription = subscribe(shop, who, trial_end=int(time.time()) - 3 * DAY)
    silence(shop)
    shop.sandbox.control("POST", "clock/advance", {"to": int(time.time())})
    [invoice] = shop.sandbox.api("GET", "/v1/invoices", subscription=subscription["id"], status="open")["data"]
    assert sync_once(shop.site, "--customer", who).returncode == 0
    assert status(shop, who, subscription) == "past_due"
    since = record(shop, who)[f"past_due_since:{subscription['id']}"]
    assert int(since) == invoice["status_transitions"]["finalized_at"]
    assert ask(shop, "ann")[0] == 200


@pytest.mark.parametrize("iban, end, page", [("AT321904300235473204", "paid", 200),
                                             ("AT861904300235473202", "failed", 402)])
def test_first_bank_debit_is_followed_to_its_end(shop, sync, iban, end, page):
    shop.sandbox.control("POST", "clock", {"now": int(time.time())})
    who = debtor(shop, iban)
    subscription = subscribe(shop, who)
    state = f"first_payment:{subscription['id']}"
    wait_until(lambda: record(shop, who).get(state) == "processing", 5, "processing")
    assert ask(shop, "ann")[0] == 200
    shop.sandbox.control("POST", "clock/advance", {"by": 200})
    wait_until(lambda: record(shop, who).get(state) == end, 5, end)
    assert status(shop, who, subscription) == "active" and ask(shop, "ann")[0] == page


def test_who_failed_a_debit_passes_once_she_has_paid_whatever_events_are_lost(shop, sync):
    """What the gate needs to know of the new subscription, it has tollgate-sync ask for."""
    shop.sandbox.control("POST", "clock", {"now": int(time.time())})
    who = debtor(shop, "AT861904300235473202")
    failed = subscribe(shop, who)
    shop.sandbox.control("POST", "clock/advance", {"by": 200})
    wait_until(lambda: record(shop, who).get(f"first_payment:{failed['id']}") == "failed", 5, "the failure")
    shop.sandbox.session.delete(f"{shop.sandbox.base}/v1/subscriptions/{failed['id']}", auth=(SECRET_KEY, ""))
    wait_until(lambda: status(shop, who, failed) == "canceled", 5, "its end")
    silence(shop)
    card = shop.sandbox.api("POST", "/v1/payment_methods/pm_card_visa/attach", customer=who)["id"]
    paid = subscribe(shop, who, default_payment_method=card)
    made = [event for event in shop.sandbox.api("GET", "/v1/events")["data"]
            if event["data"]["object"]["id"] == paid["id"]]
    shop.sandbox.control("POST", "deliver", {"ids": [event["id"] for event in made]})
    assert status(shop, who, paid) == "active"
    assert ask(shop, "ann")[0] == 200


def test_draft_of_a_renewal_is_finalized_at_once(shop, sync):
    shop.sandbox.control("POST", "clock", {"now": int(time.time())})
    who = customer(shop, "ann")
    subscription = subscribe(shop, who)
    ends = subscription["items"]["data"][0]["current_period_end"]
    shop.sandbox.control("POST", "clock/advance", {"to": ends + 1})
    sync.wait_for("invoice finalized")
    newest = shop.sandbox.api("GET", "/v1/invoices", subscription=subscription["id"])["data"][0]
    assert newest["billing_reason"] == "subscription_cycle" and newest["status"] != "draft"


def test_draft_that_stripe_must_not_collect_is_left_alone(shop, sync):
    shop.sandbox.control("POST", "clock", {"now": int(time.time())})
    subscription = subscribe(shop, customer(shop, "ann"))
    shop.sandbox.api("POST", f"/v1/subscriptions/{subscription['id']}",
                     **{"pause_collection[behavior]": "keep_as_draft"})
    ends = subscription["items"]["data"][0]["current_period_end"]
    shop.sandbox.control("POST", "clock/advance", {"to": ends + 1})
    shop.settle()
    wait_until(lambda: not shop.redis.client().zcard(key("invoices"))
               and not shop.redis.client().zcard(key("leases")), 5, "the queue being empty")
    assert not [r for r in shop.sandbox.requests() if r["path"].endswith("/finalize")]


def test_record_is_read_again_before_it_expires(shop, sync_factory):
    near, far = customer(shop, "ann"), customer(shop, "bea")
    for who in (near, far):
        subscribe(shop, who)
    shop.settle()
    assert sync_once(shop.site, "--once").returncode == 0
    redis, now = shop.redis.client(), int(time.time())
    for who in (near, far):
        assert abs(redis.zscore(key("renewals"), who) - now - redis.ttl(key("customer", who))) < 10
    redis.zadd(key("renewals"), {near: now + 9 * DAY})
    redis.hdel(key("duty"), "renewal_at")
    sync = sync_factory()
    assert sync.wait_for("records are renewed before they expire")[0]["customers"] == "1"
    wait_until(lambda: sync.read() == [near], 5, "the reading")
    assert redis.zscore(key("renewals"), near) > now + 30 * DAY


def test_features_beyond_the_first_page_are_listed(shop, sync):
    names = [f"feature_{i:03}" for i in range(120)]
    for name in names:
        feature = shop.sandbox.api("POST", "/v1/entitlements/features", name=name, lookup_key=name)["id"]
        shop.sandbox.api("POST", "/v1/products/prod_basic/features", entitlement_feature=feature)
    who = customer(shop, "ann")
    subscribe(shop, who)
    wait_until(lambda: "feature_119" in record(shop, who).get("features", ""), 10, "the features")
    assert all(name in record(shop, who)["features"] for name in names)


def test_trial_notice_says_whether_there_is_a_payment_method(shop, sync):
    shop.sandbox.control("POST", "clock", {"now": int(time.time())})
    users = {customer(shop, "ann"): True, customer(shop, "bea", method=None): False}
    for who in users:
        subscribe(shop, who, trial_period_days=7,
                  **{"trial_settings[end_behavior][missing_payment_method]": "pause"})
    shop.sandbox.control("POST", "clock/advance", {"by": 4 * DAY + 60})
    shop.settle()

    def told():
        entries = [fields for _, fields in shop.redis.client().xrange(key("notices"))
                   if fields["type"] == "trial_will_end"]
        return {fields["customer"]: fields["data"] for fields in entries} if len(entries) == 2 else None
    notices = wait_until(told, 5, "both notices")
    for who, has in users.items():
        assert f'"has_payment_method":{str(has).lower()}' in notices[who]


def test_catalogue_is_filled_at_the_start_and_after_a_flush(shop, sync_factory):
    sync_factory()
    wait_until(lambda: shop.redis.client().hexists(key("price"), price(shop, "premium_yearly")), 5, "the catalogue")


def test_features_of_products_are_read_all_pages_of_them(shop):
    names = [f"feature_{i:03}" for i in range(120)]
    for name in names:
        feature = shop.sandbox.api("POST", "/v1/entitlements/features", name=name, lookup_key=name)["id"]
        shop.sandbox.api("POST", "/v1/products/prod_premium/features", entitlement_feature=feature)
    assert sync_once(shop.site, "--once").returncode == 0
    known = shop.redis.client().hgetall(key("product_features"))
    assert known["prod_basic"] == "[]" and json.loads(known["prod_premium"]) == ["exports", *names]


def test_key_without_products_leaves_their_features_unread(shop):
    shop.sandbox.control("POST", "faults", {"path": "^/v1/products/", "status": 403, "times": 0})
    done = sync_once(shop.site, "--once")
    assert done.returncode == 0 and (done.stdout + done.stderr).count("stripe call failed") == 1
    redis = shop.redis.client()
    assert redis.exists(key("price")) and not redis.exists(key("product_features"))


def test_dead_account_does_not_hold_up_others(shop, sync_factory):
    config = shop.site.config.with_name("two.conf")
    text = shop.site.config.read_text()
    other = text[text.index("site "):].replace('"shop"', '"other"')
    config.write_text(text + other.replace("finalize_invoices", 'stripe_account = "acct_dead"\nfinalize_invoices'))
    shop.sandbox.control("POST", "accounts", {"id": "acct_dead"})
    shop.site.config, usual = config, shop.site.config
    try:
        sync = sync_factory("-n", "2")
    finally:
        shop.site.config = usual
    shop.redis.client().zadd("tollgate:{other}:dirty", {f"cus_{i}": 1 for i in range(20)})
    shop.sandbox.control("POST", "faults", {"path": "^/v1/customers/cus_", "delay": 5, "times": 0})
    subscribe(shop, customer(shop, "ann"))
    shop.settle()
    shop.redis.flush()
    shop.redis.client().zadd("tollgate:{other}:dirty", {f"cus_{i}": 1 for i in range(20)})
    time.sleep(1)
    code, seconds = ask(shop, "ann")
    assert code == 200 and seconds < 1.5
    sync.kill()


def test_stops_cleanly_with_a_customer_in_hand(shop, sync_factory):
    who = customer(shop)
    sync = sync_factory()
    time.sleep(0.3)
    shop.sandbox.control("POST", "faults", {"path": "^/v1/subscriptions$", "delay": 1})
    mark_dirty(shop, who)
    wait_until(lambda: shop.redis.client().zcard(key("leases")) == 1, 5, "a lease")
    sync.stop()
    assert sync.read() == [who] and shop.redis.client().zcard(key("leases")) == 0


def test_work_waits_for_stripe_and_is_done_when_it_is_back(shop, sync_factory):
    who = customer(shop)
    shop.sandbox.control("POST", "faults", {"path": "^/v1/subscriptions$", "status": 500, "times": 4})
    sync = sync_factory()
    mark_dirty(shop, who)
    sync.wait_for("work left for later")
    assert sync.wait_for("customer read", seconds=20)[-1]["customer"] == who
    assert not shop.redis.client().exists(key("tries"))


def test_items_beyond_the_first_page_are_read(shop):
    who, items = customer(shop, "ann"), {}
    for i in range(14):
        product = shop.sandbox.api("POST", "/v1/products", name=f"Part {i}")["id"]
        items[f"items[{i}][price]"] = shop.sandbox.api(
            "POST", "/v1/prices", product=product, unit_amount=100, currency="eur", **{"recurring[interval]": "month"})["id"]
    subscription = shop.sandbox.api("POST", "/v1/subscriptions", customer=who, **items)
    assert sync_once(shop.site, "--customer", who).returncode == 0
    stored = record(shop, who)[f"subscription:{subscription['id']}"]
    assert subscription["items"]["has_more"] and all(price in stored for price in items.values())


def test_customer_of_somebody_else_is_not_handed_over(shop, sync):
    who = customer(shop, "ann")
    subscribe(shop, who)
    shop.settle()
    shop.sandbox.api("POST", f"/v1/customers/{who}", **{"metadata[tollgate_user]": "bea"})
    assert [ask(shop, user)[0] for user in ("ann", "bea", "ann")] == [200, 402, 200]
    assert ask(shop, "bea")[1] < 0.5


def test_invoice_that_stripe_refuses_to_finalize_is_told_and_left(shop, sync):
    shop.sandbox.control("POST", "clock", {"now": int(time.time())})
    shop.sandbox.control("POST", "faults", {"path": "/finalize$", "status": 400, "times": 0})
    subscription = subscribe(shop, customer(shop, "ann"))
    ends = subscription["items"]["data"][0]["current_period_end"]
    shop.sandbox.control("POST", "clock/advance", {"to": ends + 1})
    sync.wait_for("invoice cannot be finalized")
    wait_until(lambda: not shop.redis.client().exists(key("leases")), 5, "the work being done")
    assert len([r for r in shop.sandbox.requests() if r["path"].endswith("/finalize")]) == 1


def test_who_must_have_paid_waits_for_her_first_debit(stack_factory):
    shop = stack_factory(gated=GATED, site={"site_settings": 'processing = "wait"\n'})
    sync = Sync(shop.site)
    shop.sandbox.control("POST", "clock", {"now": int(time.time())})
    who = debtor(shop, "AT321904300235473204")
    subscription = subscribe(shop, who)
    state = f"first_payment:{subscription['id']}"
    wait_until(lambda: record(shop, who).get(state) == "processing", 5, "processing")
    assert ask(shop, "ann")[0] == 402
    shop.sandbox.control("POST", "clock/advance", {"by": 200})
    wait_until(lambda: record(shop, who).get(state) == "paid", 5, "paid")
    assert ask(shop, "ann")[0] == 200
    sync.stop()


def test_redis_that_hangs_up_at_once_kills_nobody(site):
    """systemd keeps the signal away, cron does not."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(site.directory / "redis.sock"))
        listener.listen(64)
        hang_up = threading.Thread(target=lambda: [listener.accept()[0].close() for _ in range(64)], daemon=True)
        hang_up.start()
        text = site.config.read_text()
        site.config.write_text(re.sub('redis = ".*"', f'redis = "unix:{site.directory}/redis.sock"', text))
        for _ in range(5):
            done = run("tollgate-sync", "-c", site.config, "--once", preexec_fn=lambda: signal.signal(
                signal.SIGPIPE, signal.SIG_DFL))
            assert done.returncode > 0, done


@pytest.mark.parametrize("options, code, said", [
    (["-t"], 0, "configuration is valid"), (["-V"], 0, "tollgate-sync "), (["-h"], 0, "usage: tollgate-sync"),
    (["--once", "--all"], 64, "usage"), (["-n", "0"], 64, "usage"), (["cus_1"], 64, "usage"),
    (["--once", "--site", "nowhere"], 64, "no site nowhere")])
def test_options(site, options, code, said):
    done = sync_once(site, *options)
    assert done.returncode == code and said in done.stdout + done.stderr


def test_key_without_entitlements_still_reads_subscriptions(shop):
    who = customer(shop, "ann")
    subscription = subscribe(shop, who)
    shop.settle()
    shop.redis.flush()
    shop.sandbox.control("POST", "faults", {"path": "active_entitlements$", "status": 403})
    assert sync_once(shop.site, "--customer", who).returncode == 0
    assert status(shop, who, subscription) == "active" and "features" not in record(shop, who)
