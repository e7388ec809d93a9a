"""Redis behind Sentinels: the master is who they say, whatever a server says of itself."""
import time

import pytest
from testenv.ports import free_port
from testenv.redis import RedisServer
from testenv.responder import run
from testenv.sandbox import SECRET_KEY
from testenv.sentinel import Group, Stub, url
from testenv.site import IDENTITY_KEY, write_secret
from testenv.webhook import Webhook, event, subscription

DEAD = 0.6      # a Sentinel is given 200 ms to be reached, and 200 ms to answer
ONE_THREAD = ["-n", "1"]    # so that the connection of the last request is the one that is used
LOGIN = 'redis_password_file = "%s"'


def created(customer):
    return event("customer.subscription.created", subscription(customer=customer))


def has(server, customer):
    return server.client().exists(f"tollgate:{{shop}}:customer:{customer}") == 1


def masters(webhook):
    """Whom the log names as master, oldest first."""
    return [int(line["master"].split(":")[1]) for line in webhook.responder.events("redis master")]


def send_until_taken(webhook, customer, seconds=20):
    """As Stripe does, but every 50 ms; how long it took."""
    begun = time.monotonic()
    while True:
        status = webhook.send(created(customer))
        took = time.monotonic() - begun
        if status == 200:
            return took
        assert status == 503 and took < seconds
        time.sleep(0.05)


@pytest.fixture(scope="module")
def pair():
    """Two servers, each its own master."""
    servers = [RedisServer(port=free_port()) for _ in range(2)]
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture
def servers(pair):
    for server in pair:
        server.client().replicaof("NO", "ONE")
        server.flush()
    return pair


@pytest.fixture
def webhook_factory(servers):
    """tollgate-webhook before Sentinels, whose url the servers take on."""
    made = []

    def make(*ports, server=None, **site):
        server = server or servers[0]
        kept, server.url = server.url, url(*ports) if ports else server.url
        made.append(Webhook(server=server, arguments=ONE_THREAD, **site))
        server.url = kept
        return made[-1]
    yield make
    for webhook in made:
        webhook.responder.stop()


@pytest.fixture
def stub_factory():
    made = []

    def make(*arguments, **options):
        made.append(Stub(*arguments, **options))
        return made[-1]
    yield make
    for stub in made:
        stub.stop()


@pytest.fixture(scope="module")
def group():
    group = Group()
    yield group
    group.stop()


def test_latest_failover_is_believed_whoever_tells_it(servers, stub_factory, webhook_factory):
    old, new = servers
    sentinels = [stub_factory(old, epoch=6), stub_factory(new, epoch=7), stub_factory(old, epoch=6)]
    webhook = webhook_factory(*(sentinel.port for sentinel in sentinels))
    webhook.take(created("cus_1"))
    assert has(new, "cus_1") and not has(old, "cus_1")
    assert masters(webhook) == [new.port]


def test_kept_connection_to_a_replica_is_changed_and_the_event_taken(servers, stub_factory, webhook_factory):
    old, new = servers
    sentinel = stub_factory(old)
    webhook = webhook_factory(sentinel.port)
    webhook.take(created("cus_1"))
    old.client().replicaof("127.0.0.1", new.port)
    sentinel.master, sentinel.epoch = new, 1
    webhook.take(created("cus_2"))
    assert has(new, "cus_2")
    assert not webhook.responder.events("redis refuses")


def test_kept_connection_to_a_master_of_yesterday_is_left_within_a_second(
        servers, stub_factory, webhook_factory):
    old, new = servers
    sentinel = stub_factory(old)
    webhook = webhook_factory(sentinel.port)
    webhook.take(created("cus_1"))
    sentinel.master, sentinel.epoch = new, 1
    time.sleep(1.1)
    webhook.take(created("cus_2"))
    assert has(new, "cus_2") and not has(old, "cus_2")


def test_sentinels_are_asked_once_a_second(servers, stub_factory, webhook_factory):
    sentinel = stub_factory(servers[0])
    webhook = webhook_factory(sentinel.port)
    begun = time.monotonic()
    webhook.take(*(created("cus_1") for _ in range(50)))
    questions = len(sentinel.asked) / 2
    assert questions <= 2 + int(time.monotonic() - begun)    # one is of the inspection at the start


def test_replica_that_is_named_is_not_used(servers, stub_factory, webhook_factory):
    replica, master = servers
    replica.client().replicaof("127.0.0.1", master.port)
    webhook = webhook_factory(stub_factory(replica).port)
    assert webhook.send(created("cus_1")) == 503
    [line] = webhook.responder.events("redis unreachable")
    assert line["why"] == "the Sentinels name a server that is no master"
    replica.client().replicaof("NO", "ONE")
    webhook.take(created("cus_1"))


def test_master_goes_on_without_sentinels(servers, stub_factory, webhook_factory):
    sentinel = stub_factory(servers[0])
    webhook = webhook_factory(sentinel.port)
    webhook.take(created("cus_1"))
    sentinel.hold.clear()
    time.sleep(1.1)
    webhook.take(created("cus_2"))
    assert webhook.responder.events("sentinel does not answer")


def test_sentinel_that_hangs_costs_its_time_and_no_more(servers, stub_factory, webhook_factory):
    hanging, sentinel = stub_factory(), stub_factory(servers[0])
    hanging.hold.clear()
    webhook = webhook_factory(hanging.port, free_port(), sentinel.port)
    begun = time.monotonic()
    webhook.take(created("cus_1"))
    assert 0.2 < time.monotonic() - begun < DEAD
    webhook.take(created("cus_2"))


@pytest.mark.parametrize("stubs, why", [
    ([], "Connection refused"), ([{}], "it knows no master of this name")])
def test_without_a_master_there_is_no_redis(stub_factory, webhook_factory, stubs, why):
    ports = [stub_factory(**stub).port for stub in stubs] or [free_port()]
    webhook = webhook_factory(*ports)
    assert webhook.send(created("cus_1")) == 503
    assert webhook.responder.events("redis unreachable")[0]["why"] == why


@pytest.mark.parametrize("asks", [True, False])
def test_password_is_shown_to_a_sentinel_that_asks_for_it(servers, stub_factory, webhook_factory, asks, directory):
    secret = write_secret(directory / "redis.password", "a word")
    sentinel = stub_factory(servers[0], password="a word" if asks else None)
    servers[0].client().config_set("requirepass", "a word")
    try:
        webhook = webhook_factory(sentinel.port, settings=LOGIN % secret)
        webhook.take(created("cus_1"))
    finally:
        servers[0].client(password="a word").config_set("requirepass", "")
    assert (["AUTH", "a word"] in sentinel.asked) == asks


def test_check_warns_of_a_master_that_takes_writes_alone(servers, stub_factory, webhook_factory):
    webhook = webhook_factory(stub_factory(servers[0]).port)
    write_secret(webhook.directory / "stripe.key", SECRET_KEY)
    write_secret(webhook.directory / "identity.key", IDENTITY_KEY)
    for replicas, warned in (("0", True), ("1", False)):
        servers[0].client().config_set("min-replicas-to-write", replicas)
        checked = run("tollgate", "check", "-c", webhook.site.config)
        assert checked.returncode == 0, checked.stderr
        assert ("min-replicas-to-write" in checked.stderr) == warned
    servers[0].client().config_set("min-replicas-to-write", "0")


def test_killed_master_is_replaced_and_does_not_come_back(group):
    """Restarted, it says for ten seconds that it is the master, and so does the new one."""
    old = group.master()
    webhook = Webhook(server=group, arguments=ONE_THREAD)
    webhook.take(created("cus_1"))
    old.kill()
    assert send_until_taken(webhook, "cus_2") < 5
    group.wait_failover(old)
    old.start()
    new = group.master()
    assert has(new, "cus_2")
    assert old.client().role()[0] == "master"
    webhook.responder.restart()
    webhook.take(created("cus_3"))
    assert has(new, "cus_3") and not has(old, "cus_3")
    assert masters(webhook) == [old.port, new.port, new.port]
    webhook.responder.stop()


def test_master_that_stalled_and_comes_back_takes_nothing_more(group):
    """Its connections are kept, nobody told it, and it would take every write."""
    group.wait_ready()
    old = group.master()
    webhook = Webhook(server=group, arguments=ONE_THREAD)
    webhook.take(created("cus_4"))
    old.pause()
    group.wait_failover(old)
    old.resume()
    assert old.client().role()[0] == "master"
    webhook.take(created("cus_5"))
    assert has(group.master(), "cus_5") and not has(old, "cus_5")
    webhook.responder.stop()


def test_planned_failover_loses_nothing_with_min_replicas_to_write(group):
    """The old master refuses from the moment on that its replica is no longer one."""
    group.wait_ready()
    for server in group.servers.values():
        server.client().config_set("min-replicas-to-write", 1)
    old = group.master()
    webhook = Webhook(server=group, arguments=ONE_THREAD)
    group.fail_over()
    sent = []
    while group.sentinels[-1].master_port() == old.port or len(sent) < 20:
        sent.append(f"cus_planned_{len(sent)}")
        send_until_taken(webhook, sent[-1])
    assert [customer for customer in sent if not has(group.master(), customer)] == []
    webhook.responder.stop()
