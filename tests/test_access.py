"""The gate: the real program before a real Redis, asked in FastCGI and by nginx."""
import hashlib
import json
import threading
import time

import pytest
import requests
from test_checkout import create, pay
from testenv import fcgi, places
from testenv.nginx import Nginx
from testenv.process import wait_until
from testenv.redis import RedisServer
from testenv.responder import Responder
from testenv.site import Site, identity_token

DAY = 86400
COLD_WAIT = 0.8
AT_ONCE = COLD_WAIT / 2
THREADS = 4
HEARD = 0.02       # the gate hears of a write within a millisecond, on a machine that is not busy
PLANS = """
  plan "basic"   { lookup_key = "basic_monthly" }
  plan "premium" { lookup_keys = {"premium_monthly", "premium_yearly"} features = {"exports"} }
  plan "free"    { free = true product = "prod_free" features = {"reading"} }
"""
PRICE = json.dumps({"id": "price_new", "product": "prod_premium", "lookup_key": "premium_yearly",
                    "currency": "eur", "interval": "year", "unit_amount": 1, "active": True, "read_at": 1})
SETTINGS = 'cold_wait = "800ms"\ngrace = "1d"\n'


class Gate:
    """tollgate-access and its Redis, with what tollgate-sync would write there."""

    def __init__(self, settings="", plans=PLANS, **site):
        self.directory = places.directory()
        self.server = RedisServer()
        self.redis = self.server.client()
        self.site = Site(self.directory, redis=self.server.url, plans=plans,
                         site_settings=SETTINGS + settings, **site)
        for secret in ("stripe.key", "webhook.secret"):
            (self.directory / secret).unlink()
        self.socket = self.directory / "access.sock"
        self.responder = Responder("tollgate-access", self.site.config, self.socket,
                                   options=["-n", THREADS])

    def key(self, *words):
        return ":".join(("tollgate:{shop}", *words))

    def user_key(self, user="ann"):
        return self.key("user", hashlib.sha256(user.encode()).hexdigest())

    def empty(self):
        self.redis.flushall()
        time.sleep(HEARD)

    def link(self, customer="cus_1", user="ann", at=1):
        self.redis.hset(self.user_key(user), f"customer:{customer}", at)
        time.sleep(HEARD)

    def write(self, customer="cus_1", subscription="sub_1", status="active", price="price_1",
              product="prod_1", lookup_key="premium_monthly", ends=DAY, as_of=None, facts=None, **more):
        """One subscription of a customer, as it was read."""
        item = {"id": "si_1", "price": price, "product": product, "lookup_key": lookup_key,
                "current_period_end": int(time.time()) + ends}
        snapshot = {"id": subscription, "customer": customer, "status": status,
                    "created": int(time.time()) - 100 * DAY, "items": [item], **more}
        fields = {f"subscription:{subscription}": json.dumps(snapshot),
                  f"as_of:{subscription}": int(as_of or time.time()), "generation": 1}
        fields.update({f"{fact}:{subscription}": value for fact, value in (facts or {}).items()})
        self.redis.hset(self.key("customer", customer), mapping=fields)
        time.sleep(HEARD)

    def subscribe(self, user="ann", **more):
        self.link(more.get("customer", "cus_1"), user)
        self.write(**more)

    def ask(self, require="plan:premium", user="ann", role=fcgi.RESPONDER, **more):
        pairs = fcgi.get("/members/page", TOLLGATE_REQUIRE=require, **more)
        if user:
            pairs["TOLLGATE_USER"] = user
        return self.send(pairs, role)

    def send(self, pairs, role=fcgi.RESPONDER):
        with fcgi.Connection(self.socket) as connection:
            return connection.request(pairs, role=role)

    def commands(self, ask):
        """What clients sent to Redis meanwhile; what our scripts did is left out."""
        with self.redis.monitor() as monitor:
            ask()
            self.redis.echo("done")
            seen = []
            for command in monitor.listen():
                if command["command"] == "ECHO done":
                    return seen
                if command["client_type"] != "lua":
                    seen.append(command["command"].split()[0])

    def stop(self):
        self.responder.stop()
        self.server.stop()


@pytest.fixture(scope="module")
def gate_process():
    gate = Gate()
    yield gate
    gate.stop()


@pytest.fixture
def gate(gate_process):
    gate_process.empty()
    return gate_process


@pytest.fixture
def gate_factory():
    made = []

    def make(*arguments, **options):
        made.append(Gate(*arguments, **options))
        return made[-1]
    yield make
    for gate in made:
        gate.stop()


@pytest.fixture
def meanwhile():
    """Runs something a little later, as tollgate-sync would."""
    timers = []

    def later(action, seconds=0.1):
        timers.append(threading.Timer(seconds, action))
        timers[-1].start()
    yield later
    for timer in timers:
        timer.join()


def assert_denied(answer, reason, status=403):
    assert (answer.status, answer.headers.get("Tollgate-Reason")) == (status, reason)


def assert_passes(answer):
    assert (answer.status, answer.headers.get("Tollgate-Reason")) == (204, None)


def waited(seconds):
    """As long as cold_wait says; clocks of milliseconds are cut."""
    return COLD_WAIT - 0.005 < seconds < COLD_WAIT + 1


def took(ask):
    begun = time.monotonic()
    ask()
    return time.monotonic() - begun


def test_subscriber_passes_and_the_page_learns_why(gate):
    gate.subscribe(ends=5 * DAY)
    gate.redis.hset(gate.key("customer", "cus_1"), "features", '["seats", "exports"]')
    answer = gate.ask()
    assert answer.status == 204 and answer.body == b""
    until = int(answer.headers.pop("Tollgate-Until"))
    assert abs(until - time.time() - 6 * DAY) < 5
    assert {k: v for k, v in answer.headers.items() if k.startswith("Tollgate-")} == {
        "Tollgate-User": "ann", "Tollgate-Status": "active", "Tollgate-Plan": "premium",
        "Tollgate-Features": "seats,exports,reading"}


@pytest.mark.parametrize("status,reason", [
    ("incomplete", "incomplete"), ("incomplete_expired", "no_subscription"), ("unpaid", "unpaid"),
    ("paused", "paused"), ("canceled", "canceled"), ("a_new_word", "unavailable")])
def test_who_does_not_pay_is_refused(gate, status, reason):
    gate.subscribe(status=status)
    assert_denied(gate.ask(), reason)


def test_facts_beside_the_snapshot_count(gate):
    gate.subscribe(status="past_due", facts={"past_due_since": int(time.time()) - 6 * DAY})
    assert_passes(gate.ask())
    gate.subscribe(status="past_due", facts={"past_due_since": int(time.time()) - 8 * DAY})
    assert_denied(gate.ask(), "past_due")
    gate.subscribe(facts={"first_payment": "failed"})
    assert_denied(gate.ask(), "payment_failed")
    gate.subscribe(facts={"first_payment": "paid"}, pause_collection="void")
    assert_denied(gate.ask(), "paused")


@pytest.mark.parametrize("require,status", [
    ("any", 204), ("plan:basic plan:premium", 204), ("product:prod_1", 204), ("feature:exports", 204),
    ("feature:reading", 204), ("plan:free", 204), ("plan:basic", 403), ("feature:seats", 403)])
def test_requirement_decides(gate, require, status):
    gate.subscribe()
    answer = gate.ask(require)
    assert answer.status == status
    assert answer.headers.get("Tollgate-Reason") == (None if status == 204 else "other_plan")


@pytest.mark.parametrize("require", ["", "premium", "plan:premum", "any typo"])
def test_typo_locks_everybody_out_and_is_logged_once(gate, require):
    gate.subscribe()
    for user in ("ann", "ann", None):
        assert_denied(gate.ask(require, user=user), "misconfigured")
    lines = [line["why"] for line in gate.responder.events("misconfigured: nobody passes")]
    assert len(lines) == len(set(lines))
    assert any(require in line if require else "absent" in line for line in lines)


@pytest.mark.parametrize("pairs", [
    [("TOLLGATE_USER", "ann"), ("TOLLGATE_USER", "bob")], [("TOLLGATE_SITE", "elsewhere")],
    [("TOLLGATE_USER", "a" * 129)], [("TOLLGATE_USER", "a\nb")]])
def test_bad_params_are_never_400(gate, pairs):
    gate.subscribe()
    assert_denied(gate.send([("TOLLGATE_REQUIRE", "any"), *pairs]), "misconfigured")


def test_nobody_is_401(gate):
    for require in ("any", "plan:free"):
        answer = gate.ask(require, user=None)
        assert_denied(answer, "unidentified", 401)
        assert "Tollgate-User" not in answer.headers


def test_token_says_who_it_is(gate):
    gate.subscribe(user="jörg")
    token = identity_token("jörg")
    answer = gate.ask(user=None, HTTP_AUTHORIZATION=f"Bearer {token}")
    assert answer.status == 204 and answer.headers["Tollgate-User"] == "jörg"
    assert gate.ask(user=None, HTTP_COOKIE=f"a=b; tollgate={token}").status == 204
    assert gate.ask(user=None, HTTP_COOKIE=f"tollgate={token}x").status == 401


def test_method_path_and_body_are_the_pages_business(gate):
    gate.subscribe()
    with fcgi.Connection(gate.socket) as connection:
        for method, path in (("POST", "/upload"), ("DELETE", "/"), ("PROPFIND", "//x?y"), ("HEAD", "")):
            pairs = {"REQUEST_METHOD": method, "REQUEST_URI": path, "CONTENT_LENGTH": "7",
                     "TOLLGATE_USER": "ann", "TOLLGATE_REQUIRE": "any"}
            assert connection.request(pairs, body=b"not=you").status == 204


def test_check_is_one_redis_command(gate):
    gate.subscribe()
    gate.link("cus_2")
    gate.write("cus_2", "sub_2", status="canceled")
    gate.ask()
    assert gate.commands(lambda: [gate.ask("plan:basic") for _ in range(3)]) == ["EVALSHA"] * 3


def test_flushed_scripts_are_sent_again(gate):
    gate.subscribe()
    gate.redis.script_flush()
    assert_passes(gate.ask())


def test_customers_of_a_user_add_up(gate):
    gate.subscribe(status="canceled")
    gate.link("cus_2", at=2)
    gate.write("cus_2", "sub_2", lookup_key="basic_monthly")
    assert gate.ask("plan:basic").status == 204
    assert_denied(gate.ask("plan:premium"), "other_plan")


def test_deleted_customer_gives_nothing(gate):
    gate.subscribe()
    gate.redis.hset(gate.key("customer", "cus_1"), "deleted", 1)
    assert_denied(gate.ask(), "no_subscription")


def test_other_users_customer_gives_nothing(gate):
    gate.subscribe(user="bob")
    gate.link("cus_2", "ann")
    gate.write("cus_2", "sub_2", status="canceled", lookup_key="basic_monthly")
    assert_denied(gate.ask(user="ann"), "no_subscription")


def test_unknown_user_is_wished_for_and_not_refused(gate):
    assert waited(took(lambda: assert_denied(gate.ask(), "unavailable")))
    first = gate.redis.zscore(gate.key("wishes"), "ann")
    assert abs(first - time.time()) < 5
    gate.redis.zadd(gate.key("wishes"), {"ann": 1})
    gate.ask()
    assert gate.redis.zscore(gate.key("wishes"), "ann") == 1


def test_wish_that_comes_true_lets_her_pass(gate, meanwhile):
    meanwhile(gate.subscribe)
    assert took(lambda: assert_passes(gate.ask())) < COLD_WAIT


def test_wish_that_finds_nobody_is_a_no(gate, meanwhile):
    none_until = {"none_until": int(time.time()) + 600}
    meanwhile(lambda: gate.redis.hset(gate.user_key(), mapping=none_until))
    assert took(lambda: assert_denied(gate.ask(), "no_subscription")) < COLD_WAIT
    gate.redis.delete(gate.key("wishes"))
    assert took(lambda: assert_denied(gate.ask(), "no_subscription")) < AT_ONCE
    assert not gate.redis.exists(gate.key("wishes"))


def test_old_no_is_a_miss(gate):
    gate.redis.hset(gate.user_key(), "none_until", int(time.time()) - 1)
    assert_denied(gate.ask(), "unavailable")
    assert gate.redis.zscore(gate.key("wishes"), "ann")


@pytest.mark.parametrize("fields", [{}, {"user": "ann"}, {"generation": 1, "subscription:sub_1": "{"}])
def test_customer_never_read_or_unreadable_is_a_miss(gate, fields):
    gate.link()
    if fields:
        gate.redis.hset(gate.key("customer", "cus_1"), mapping=fields)
    assert_denied(gate.ask(), "unavailable")
    assert len(gate.responder.events("stored subscription unreadable")) == ("generation" in fields)
    assert gate.redis.zscore(gate.key("wishes"), "ann")


def test_unreadable_features_keep_nobody_out_who_has_paid(gate):
    gate.subscribe()
    gate.redis.hset(gate.key("customer", "cus_1"), "features", "[")
    time.sleep(HEARD)
    assert_passes(gate.ask())
    assert_denied(gate.ask("feature:reports"), "unavailable")
    assert gate.redis.zscore(gate.key("wishes"), "ann")


def test_missing_customer_keeps_nobody_out_who_passes_by_another(gate):
    gate.subscribe()
    gate.link("cus_gone")
    assert took(lambda: assert_passes(gate.ask())) < AT_ONCE


def test_free_plan_waits_for_nothing(gate):
    assert took(lambda: assert_passes(gate.ask("plan:free"))) < AT_ONCE
    assert not gate.redis.exists(gate.key("wishes"))


def test_stale_record_is_asked_for_again(gate, meanwhile):
    gate.subscribe(ends=-2 * DAY, as_of=1000)
    meanwhile(lambda: gate.write(ends=DAY))
    assert_passes(gate.ask())
    assert gate.redis.zscore(gate.key("dirty"), "cus_1")


def test_stale_record_without_an_answer_is_denied(gate):
    gate.subscribe(ends=-2 * DAY, as_of=1000)
    assert waited(took(lambda: assert_denied(gate.ask(), "stale")))
    assert not gate.redis.exists(gate.key("wishes"))


def test_stale_record_read_again_is_a_no_at_once(gate, meanwhile):
    gate.subscribe(ends=-2 * DAY, as_of=1000)
    meanwhile(lambda: gate.write(ends=-2 * DAY))
    assert took(lambda: assert_denied(gate.ask(), "stale")) < COLD_WAIT


def test_few_wait_and_all_others_are_served(gate):
    gate.subscribe()
    times = []
    crowd = [threading.Thread(target=lambda n=n: times.append(took(lambda: gate.ask(user=f"new{n}"))))
             for n in range(8)]
    for thread in crowd:
        thread.start()
    wait_until(lambda: gate.redis.zcard(gate.key("wishes")) == 8)
    assert took(lambda: assert_passes(gate.ask())) < AT_ONCE
    for thread in crowd:
        thread.join()
    assert sum(map(waited, times)) == THREADS // 2


def test_price_that_no_plan_names_is_found_by_its_product(gate):
    gate.subscribe(price="price_old", product="prod_premium", lookup_key="")
    assert_denied(gate.ask(), "other_plan")
    gate.redis.hset(gate.key("price"), "price_new", PRICE)
    assert gate.ask().headers["Tollgate-Plan"] == "premium"
    assert gate.commands(gate.ask) == ["EVALSHA"]


def test_products_tell_whose_a_doubtful_feature_is(gate_factory):
    gate = gate_factory()
    gate.subscribe(lookup_key="basic_monthly", product="prod_basic")
    gate.redis.hset(gate.key("customer", "cus_1"), "features", '["reports", "seats"]')
    gate.write(subscription="sub_2", status="past_due", product="prod_premium",
               facts={"past_due_since": int(time.time()) - 8 * DAY})
    assert_denied(gate.ask("feature:reports"), "unavailable")
    assert gate.ask("plan:basic").headers["Tollgate-Features"] == "reading"
    gate.redis.hset(gate.key("price"), "price_new", PRICE)
    gate.redis.hset(gate.key("product_features"), mapping={"prod_basic": '["reports"]', "prod_premium": '["seats"]'})
    assert_denied(gate.ask("feature:seats"), "past_due")
    assert gate.ask("feature:reports").headers["Tollgate-Features"] == "reports,reading"
    for _ in range(2):
        assert gate.commands(lambda: gate.ask("feature:reports")) == ["EVALSHA"]


def test_feature_is_kept_while_nothing_is_doubtful(gate):
    gate.subscribe()
    gate.redis.hset(gate.key("customer", "cus_1"), "features", '["reports"]')
    time.sleep(HEARD)
    assert gate.commands(lambda: gate.ask("feature:reports")) == ["EVALSHA"]
    assert gate.commands(lambda: gate.ask("feature:reports")) == []


def test_without_redis_nobody_is_told_to_buy(gate_factory):
    gate = gate_factory()
    gate.subscribe()
    assert_passes(gate.ask())
    gate.server.stop()
    for _ in range(5):
        assert took(lambda: assert_denied(gate.ask(), "unavailable")) < AT_ONCE
    assert gate.ask("plan:free").status == 204
    gate.server.start()
    gate.subscribe()
    wait_until(lambda: gate.ask().status == 204)
    assert len(gate.responder.events("redis unreachable")) == 1
    assert len(gate.responder.events("redis reachable again")) == 1


def test_site_may_prefer_to_let_everybody_in(gate_factory):
    gate = gate_factory('on_store_failure = "allow"')
    gate.server.stop()
    answer = gate.ask()
    assert (answer.status, answer.headers["Tollgate-Status"]) == (204, "unknown")
    assert_denied(gate.ask(user=None), "unidentified", 401)
    assert_denied(gate.ask("plan:unheard"), "misconfigured")
    gate.server.start()


def test_hanging_redis_costs_half_a_second_at_most(gate):
    gate.subscribe()
    gate.server.pause()
    try:
        for _ in range(4):
            assert took(lambda: assert_denied(gate.ask(), "unavailable")) < 0.5
    finally:
        gate.server.resume()
    wait_until(lambda: gate.ask().status == 204)


def test_processing_is_as_configured(gate_factory):
    gate = gate_factory('processing = "wait"')
    gate.subscribe(facts={"first_payment": "processing"})
    assert_denied(gate.ask(), "processing")
    gate.subscribe(facts={"first_payment": "paid"})
    assert_passes(gate.ask())


def test_authorizer_answers_in_its_own_words(gate):
    gate.subscribe(ends=5 * DAY)
    answer = gate.ask(role=fcgi.AUTHORIZER)
    assert answer.status == 200 and answer.body == b""
    assert int(answer.headers.pop("Variable-TOLLGATE_UNTIL")) > time.time()
    assert {k: v for k, v in answer.headers.items() if k.startswith("Variable-")} == {
        "Variable-REMOTE_USER": "ann", "Variable-TOLLGATE_USER": "ann",
        "Variable-TOLLGATE_STATUS": "active", "Variable-TOLLGATE_PLAN": "premium",
        "Variable-TOLLGATE_FEATURES": "exports,reading", "Variable-TOLLGATE_REASON": ""}


@pytest.mark.parametrize("require,user,status", [
    ("plan:basic", "ann", 402), ("any", None, 401), ("typo", "ann", 403), ("any", "stranger", 503)])
def test_authorizer_tells_refusals_apart(gate, require, user, status):
    gate.subscribe()
    answer = gate.ask(require, user, role=fcgi.AUTHORIZER)
    assert answer.status == status
    assert "Variable-REMOTE_USER" not in answer.headers


def test_nginx_asks_over_kept_connections(gate):
    gate.subscribe()
    nginx = Nginx("""
        location ^~ /members/ {
            auth_request /_tollgate/plan:premium;
            include snippets/tollgate-members.conf;
            add_header X-Plan $tollgate_plan;
        }""", sockets=gate.directory)
    (nginx.root / "members").mkdir()
    (nginx.root / "members" / "page").write_text("for members")
    ann, bob = ({"Authorization": f"Bearer {identity_token(user)}"} for user in ("ann", "bob"))
    for _ in range(3):
        page = requests.get(nginx.url + "/members/page", headers=ann, timeout=5)
        assert (page.status_code, page.text, page.headers["X-Plan"]) == (200, "for members", "premium")
    assert requests.get(nginx.url + "/members/page", timeout=5).status_code == 401
    assert requests.get(nginx.url + "/members/page", headers=bob, timeout=5).status_code == 503
    nginx.stop()


def ask_stack(stack, require, user="alice"):
    with fcgi.Connection(stack.responders["access"].address) as connection:
        return connection.request({"TOLLGATE_USER": user, "TOLLGATE_REQUIRE": require})


def test_who_buys_passes_and_who_cancels_does_not(stack):
    pay(stack, create(stack.session("alice"), plan="basic")["sessionId"])
    stack.settle()
    assert_passes(ask_stack(stack, "plan:basic"))
    assert_denied(ask_stack(stack, "plan:premium"), "other_plan")
    subscription, = stack.sandbox.api("GET", "/v1/subscriptions")["data"]
    stack.sandbox.api("DELETE", f"/v1/subscriptions/{subscription['id']}")
    stack.settle()
    assert_denied(ask_stack(stack, "plan:basic"), "canceled")


def test_return_page_opens_the_gate_before_any_event(stack):
    stack.sandbox.control("POST", "delivery", {"hold": True})
    alice = stack.session("alice")
    session_id = create(alice, plan="premium")["sessionId"]
    pay(stack, session_id)
    alice.get("/billing/session-status", params={"session_id": session_id})
    answer = ask_stack(stack, "feature:exports")
    assert_passes(answer)
    assert answer.headers["Tollgate-Status"] == "trialing"
