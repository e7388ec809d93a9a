"""A Redis user for each site: what runs for one site reaches nothing of another."""
import pytest
import redis
from test_checkout import create, pay
from test_portal import portal
from test_redis_acl import denied, password
from test_subscription_change import buy, preview, update
from testenv import manual, places
from testenv.process import wait_until
from testenv.redis import RedisServer
from testenv.site import write_secret

# Each command that a site's user may send, with what it takes besides the key.
WITH_KEY = {
    "del": [], "exists": [], "expire": [60], "expireat": [60], "get": [], "hdel": ["f"], "hget": ["f"],
    "hgetall": [], "hincrby": ["f", 1], "hlen": [], "hset": ["f", "v"], "hsetnx": ["f", "v"], "incr": [],
    "lindex": [0], "lpop": [], "mget": [], "persist": [], "pexpire": [60], "pttl": [], "rpush": ["v"], "set": ["v"],
    "ttl": [], "xadd": ["*", "f", "v"], "xrange": ["-", "+"], "zadd": [1, "m"], "zrange": [0, -1],
    "zrangebyscore": [0, 1], "zrem": ["m"], "zscore": ["m"],
}
GATE_MEMORY = {"client|id", "client|tracking", "ping", "subscribe"}     # without it, the gate asks each time
WITHOUT_KEY = {"info", "time"}
SCRIPTS = {"eval", "evalsha"}
FORBIDDEN = ["SUBSCRIBE __redis__:invalidate", "PSUBSCRIBE *", "SUBSCRIBE right", "PUBLISH right x", "MONITOR",
             "CLIENT TRACKING on BCAST PREFIX tollgate:{right}:", "CLIENT LIST", "KEYS *", "SCAN 0", "FLUSHALL", "FLUSHDB",
             "CONFIG GET *", "ACL LIST", "ACL SETUSER left ~*", "SELECT 1", "RANDOMKEY", "SAVE", "SLOWLOG GET",
             "DUMP tollgate:{right}:prices", "RENAME tollgate:{right}:prices tollgate:{left}:prices",
             "COPY tollgate:{right}:prices tollgate:{left}:prices", "SCRIPT FLUSH", "FUNCTION LIST",
             "XREADGROUP GROUP g c STREAMS tollgate:{right}:notices >", "REPLICAOF no one"]


@pytest.fixture(scope="module")
def server():
    aclfile = places.directory() / "users.acl"
    lines = ["user default on nopass ~* &* +@all", *(manual.site_user(site) for site in ("left", "right"))]
    aclfile.write_text("\n".join(lines) + "\n")
    server = RedisServer("--aclfile", aclfile)
    yield server
    server.stop()


@pytest.fixture
def left(server):
    """Redis as the programs of the site "left" have it."""
    return server.client(username="left", password=password(manual.site_user("left")))


@pytest.fixture
def host(host_factory):
    def options(site):
        secret = write_secret(places.directory() / "redis.password", password(manual.site_user(site)))
        return {"more": f'redis_user = "{site}"\nredis_password_file = "{secret}"\nallow_pause = true'}
    aclfile = places.directory() / "users.acl"
    aclfile.write_text("\n".join(manual.site_user(site) for site in ("left", "right"))
                       + "\nuser default on nopass ~* &* +@all\n")
    host = host_factory(redis=RedisServer("--aclfile", aclfile), left=options("left"), right=options("right")).start()
    host.sync()
    return host


def live(site):
    """A purchase at Stripe's page, one in the own form, a change of plan, the portal."""
    alice = site.session("alice")
    pay(site, create(alice, plan="basic")["sessionId"])
    wait_until(lambda: alice.get("/page").status_code == 200, what="access")
    portal(alice)
    bob, bought = buy(site, "bob")
    update(bob, bought, newPlan="own", prorationDate=preview(bob, bought, newPlan="own")["prorationDate"])
    assert site.session("carol").get("/page").status_code in (403, 503)


def test_each_site_lives_under_its_own_user(host):
    for site in host.sites.values():
        live(site)
    host["left"].settle()
    assert set(denied(host)) <= {(site, word) for site in host.sites for word in GATE_MEMORY}
    users = {client["user"] for client in host.redis.client().client_list()}
    assert {"left", "right"} <= users
    for site in host.sites.values():
        assert site.redis.client().xlen(site.key("notices")) > 0


def test_site_may_do_what_its_programs_may():
    def commands(line):
        return {word for word in line.split() if word[0] == "+"}
    programs = set().union(*map(commands, manual.access_control().values()))
    assert commands(manual.site_user("shop")) == programs - {f"+{word}" for word in GATE_MEMORY}


def test_every_command_of_a_site_is_tried():
    permitted = {word[1:] for word in manual.site_user("shop").split() if word[0] == "+"}
    assert permitted - {"xinfo"} == set(WITH_KEY) | WITHOUT_KEY | SCRIPTS


@pytest.mark.parametrize("kind", manual.redis_kinds())
def test_no_command_reaches_a_key_of_another_site(left, kind):
    for key in ("tollgate:{right}:%s" % kind, "tollgate:{right}:%s:cus_1" % kind):
        for command, rest in [*WITH_KEY.items(), ("xinfo stream", [])]:
            with pytest.raises(redis.exceptions.NoPermissionError):
                left.execute_command(*command.split(), key, *rest)


def test_own_key_is_reached(left):
    key = "tollgate:{left}:counters"
    assert left.hincrby(key, "f", 1) == 1 and left.hgetall(key) == {"f": "1"}
    assert left.eval("return redis.call('DEL', KEYS[1])", 1, key) == 1


def test_script_reaches_no_more(left, server):
    key = "tollgate:{right}:customer:cus_1"
    server.client().hset(key, "user", "bob")
    sha = server.client().script_load("return redis.call('HGETALL', KEYS[1] or '%s')" % key)
    for command, script in (("EVAL", "return redis.call('HGETALL', KEYS[1])"), ("EVALSHA", sha)):
        with pytest.raises(redis.exceptions.NoPermissionError):
            left.execute_command(command, script, 1, key)
    for command, script in (("EVAL", f"return redis.call('HGETALL', '{key}')"), ("EVALSHA", sha)):
        with pytest.raises(redis.exceptions.ResponseError, match="can't access"):
            left.execute_command(command, script, 0)
    with pytest.raises(redis.exceptions.ResponseError):
        left.execute_command("EVAL", "return redis.call('PUBLISH', 'right', 'x')", 0)


@pytest.mark.parametrize("words", FORBIDDEN)
def test_what_goes_around_the_keys_is_refused(left, words):
    with pytest.raises(redis.exceptions.NoPermissionError):
        left.execute_command(*words.split())
