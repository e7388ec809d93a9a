"""Each program with a Redis user of its own, permitted what tollgate-redis(7) says and no more."""
import os
import subprocess
import time

import pytest
import redis
from test_checkout import EXPIRE, create, pay
from test_portal import portal
from test_subscription import create as subscribe
from test_subscription_change import buy, preview, update
from testenv import manual, paper, places
from testenv.notices import Receiver
from testenv.process import wait_until
from testenv.redis import RedisServer
from testenv.responder import Responder, run
from testenv.site import Site, write_secret
from testenv.sync import Sync
from testenv.webhook import Webhook


CONFIG = 78


def password(line):
    return next(word[1:] for word in line.split() if word.startswith(">"))


def logs_in_as(user, words):
    secret = write_secret(places.directory() / "redis.password", words)
    return f'redis_user = "{user}"\nredis_password_file = "{secret}"'


def site_with_its_user(stack, program, line, notify_url):
    """A configuration of its own, which names the user, as the example in tollgate.conf(5)."""
    directory = places.directory()
    notify = write_secret(directory / "notify.secret", "a secret of at least 24 bytes")
    return Site(directory, origin=stack.url, redis=stack.redis.url, stripe=stack.sandbox.base,
                settings=logs_in_as(f"tollgate-{program}", password(line)),
                site_settings='creation_limit = "9/1h"\n'
                f'notify_url = "{notify_url}"\nnotify_secret_file = "{notify}"')


@pytest.fixture
def closed():
    """The webhook at a Redis that keeps its records, and where nobody is let in but the users of the recipe."""
    aclfile = places.directory() / "users.acl"
    aclfile.write_text("\n".join([*manual.access_control().values(), *manual.operator_users()]) + "\n")
    webhook = Webhook("--aclfile", aclfile, "--appendonly", "yes",
                      settings=logs_in_as("tollgate-webhook", password(manual.access_control()["webhook"])))
    webhook.redis = webhook.server.client(username="admin", password="ADMIN-PASSWORD")
    yield webhook
    webhook.stop()


def start_with_its_user(stack, program, line, notify_url):
    site = site_with_its_user(stack, program, line, notify_url)
    return Sync(site) if program == "sync" else stack.responder(program, site)


@pytest.fixture
def restricted(stack_factory):
    """A stack under the recipe; a line of it may be changed."""
    receiver = Receiver()

    def make(**changed):
        recipe = {**manual.access_control(), **changed}
        aclfile = places.directory() / "users.acl"
        aclfile.write_text("\n".join(["user default on nopass ~* &* +@all", *recipe.values()]) + "\n")
        stack = stack_factory(responders=(), redis=RedisServer("--aclfile", aclfile), gated={"basic": "plan:basic"})
        for program, line in recipe.items():
            stack.responders[program] = start_with_its_user(stack, program, line, receiver.url)
        return stack
    yield make
    receiver.stop()


def denied(stack):
    return [(entry["username"], entry["object"]) for entry in stack.redis.client().acl_log()]


def buy_and_use(stack):
    """A life with tollgate, on all the ways that lead to Redis."""
    alice = stack.session("alice")
    assert alice.get("/basic/page").status_code == stack.web.unpaid
    create(alice, plan="premium")
    session = create(alice, plan="basic")["sessionId"]
    assert alice.post(EXPIRE, json={"sessionId": session}).json() == {"status": "expired"}
    session = create(alice, plan="basic")["sessionId"]
    pay(stack, session, card="AT321904300235473204")
    assert alice.get(f"/billing/session-status?session_id={session}").json()["status"] == "complete"
    stack.settle()
    assert alice.get("/basic/page").status_code == 200
    assert alice.get("/billing/subscriptions").status_code == 200
    portal(alice)
    subscribe(stack.session("carol"), plan="basic")
    subscribe(stack.session("carol"), plan="premium")
    dave, bought = buy(stack, "dave")
    shown = preview(dave, bought, newPlan="premium")
    update(dave, bought, newPlan="premium", prorationDate=shown["prorationDate"])


def make_too_much(stack):
    mallory = stack.session("mallory")
    create(mallory, plan="basic")
    while mallory.post("/billing/customer-portal").status_code == 200:
        pass
    for endpoint, fields in (("create-checkout-session", {"plan": "premium"}), ("create-subscription", {"plan": "premium"}),
                             ("customer-portal", {})):
        assert mallory.post(f"/billing/{endpoint}", json=fields).status_code == 429


def lose_and_find(stack):
    """What Redis lost is read again from Stripe."""
    alice = stack.session("alice")
    stack.redis.flush()
    portal(alice)
    stack.redis.flush()
    assert alice.get("/billing/subscriptions").status_code == 200
    stack.redis.flush()
    assert create(alice, status=409, plan="basic")["error"]["code"] == "already_subscribed"
    subscription = stack.sandbox.api("GET", "/v1/subscriptions")["data"][0]["id"]
    stack.sandbox.api("DELETE", f"/v1/subscriptions/{subscription}")
    stack.settle()
    portal(stack.session("bob"), status=404)


def test_every_program_may_do_what_it_does(restricted):
    stack = restricted()
    buy_and_use(stack)
    make_too_much(stack)
    lose_and_find(stack)
    assert denied(stack) == []


@pytest.mark.parametrize("program, command", [("access", "+zadd"), ("access", "+client|tracking"), ("webhook", "+exists"), ("checkout", "+hlen")])
def test_missing_permission_is_noticed(restricted, program, command):
    line = manual.access_control()[program]
    stack = restricted(**{program: line.replace(f" {command}", "")})
    stack.session("alice").get("/basic/page")
    stack.session("bob").post("/billing/create-checkout-session", json={"plan": "basic"})
    stack.sandbox.api("POST", "/v1/customers", **{"metadata[tollgate_user]": "x"})
    wait_until(lambda: denied(stack), what="a denial in ACL LOG")
    assert (f"tollgate-{program}", command[1:]) in denied(stack)


def test_other_sites_keys_cannot_be_read(restricted):
    stack = restricted()
    line = manual.access_control()["access"]
    client = stack.redis.client()
    client.execute_command("AUTH", "tollgate-access", password(line))
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.hgetall("tollgate:{other}:user:1")


def test_nothing_is_lost_when_a_redis_of_these_users_is_restarted(closed):
    """Redis reads its AOF as the default user, and drops what that may not do."""
    closed.show("active", int(time.time()) - 1, kind="created")
    closed.redis.bgrewriteaof()
    wait_until(lambda: not closed.redis.info("persistence")["aof_rewrite_in_progress"], what="a base of the AOF")
    closed.show("canceled", int(time.time()), kind="deleted")
    before = closed.keys(), closed.record(), closed.notices()
    closed.server.stop()
    closed.server.start()
    assert (closed.keys(), closed.record(), closed.notices()) == before
    assert closed.status() == "canceled"


@pytest.mark.parametrize("login", [{}, {"password": "x"}, {"username": "default", "password": "x"},
                                   {"username": "default", "password": ""}])
def test_nobody_is_let_in_without_a_login(closed, login):
    for words in ("PING", "GET tollgate:{shop}:counters", "CONFIG GET *", "SUBSCRIBE __redis__:invalidate"):
        with pytest.raises((redis.exceptions.AuthenticationError, redis.exceptions.ResponseError),
                           match="NOAUTH|WRONGPASS|Authentication required|invalid username-password"):
            closed.server.client(**login).execute_command(*words.split())


@pytest.mark.parametrize("user, words, said", [("shop", "WRONG", "WRONGPASS"), ("weak", "WEAK", "NOPERM"),
                                               (None, None, "NOAUTH")])
def test_login_that_redis_refuses_is_found_before_a_start(closed, directory, user, words, said):
    """And stops no program, since Redis may be told of the user later."""
    closed.redis.execute_command("ACL", "SETUSER", "weak", "on", ">WEAK", "-@all")
    site = Site(directory, redis=closed.server.url, settings=logs_in_as(user, words) if user else "")
    told = run("tollgate", "check", "-c", site.config)
    assert (told.returncode, told.stdout) == (CONFIG, "") and f'why="{said}' in told.stderr
    assert "site shop: Redis refuses the login" in told.stderr
    responder = Responder("tollgate-webhook", site.config, directory / "webhook.sock")
    if said == "WRONGPASS":
        wait_until(lambda: responder.events("redis unreachable"), what="a complaint")
        assert responder.events("redis unreachable")[0]["user"] == user
    responder.stop()


def test_operator_forgets_a_site_as_the_readme_says(closed):
    """With a password that stands in the environment, since a pipe leaves nobody to ask."""
    closed.redis.mset({"tollgate:{shop}:session:cs_1": 1, "tollgate:{other}:session:cs_1": 1})
    block = paper.that_has(paper.fenced("README.md"), "unlink")
    commands = [line for line in block.splitlines(keepends=True) if not line.startswith("systemctl")]
    subprocess.run("".join(commands).replace("redis-cli -s /run/redis/redis-server.sock",
                                             f"redis-cli -s {closed.server.path} --user admin"),
                   shell=True, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "REDISCLI_AUTH": "ADMIN-PASSWORD"})
    assert closed.keys() == ["tollgate:{other}:session:cs_1"]
