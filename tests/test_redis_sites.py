"""Sites on Redis servers of their own, in one program: what fails one does not slow the other."""
import hashlib
import json
import statistics
import threading
import time

import pytest
from testenv import fcgi, places
from testenv.process import wait_until
from testenv.redis import RedisServer
from testenv.responder import Responder
from testenv.site import OTHER_SITE, Site
from testenv.webhook import PATH, event, sign, subscription

AT_ONCE = 0.19      # less than what Redis is given


@pytest.fixture(scope="module")
def servers():
    servers = {name: RedisServer() for name in ("shop", "other")}
    yield servers
    for server in servers.values():
        server.stop()


@pytest.fixture(scope="module")
def programs(servers):
    directory = places.directory()
    site = Site(directory, redis=servers["shop"].url,
                more=OTHER_SITE % {"directory": directory, "settings": f'redis = "{servers["other"].url}"'})
    programs = {name: Responder(f"tollgate-{name}", site.config, directory / f"{name}.sock")
                for name in ("access", "webhook")}
    yield programs
    for program in programs.values():
        program.stop()


@pytest.fixture
def both(programs, servers):
    for server in servers.values():
        server.flush()
    return programs


def deliver(programs, site, customer):
    """The status, and how long it took."""
    body = json.dumps(event("customer.subscription.created", subscription(customer=customer))).encode()
    begun = time.monotonic()
    with fcgi.Connection(programs["webhook"].path) as connection:
        status = connection.request(fcgi.post(PATH, body, TOLLGATE_SITE=site, HTTP_STRIPE_SIGNATURE=sign(body)),
                                    body).status
    return status, time.monotonic() - begun


def ask_gate(programs, site, user="ann"):
    begun = time.monotonic()
    with fcgi.Connection(programs["access"].path) as connection:
        reason = connection.request(fcgi.get("/page", TOLLGATE_SITE=site, TOLLGATE_USER=user,
                                             TOLLGATE_REQUIRE="plan:basic")).headers.get("Tollgate-Reason")
    return reason, time.monotonic() - begun


def know(servers, site, user="ann"):
    """That she has bought nothing is something that this Redis knows."""
    key = f"tollgate:{{{site}}}:user:{hashlib.sha256(user.encode()).hexdigest()}"
    servers[site].client().hset(key, "none_until", int(time.time()) + 600)


def test_each_site_keeps_its_own(both, servers):
    assert deliver(both, "shop", "cus_1")[0] == deliver(both, "other", "cus_2")[0] == 200
    for site, customer in (("shop", "cus_1"), ("other", "cus_2")):
        keys = servers[site].client().keys("*:customer:*")
        assert keys == [f"tollgate:{{{site}}}:customer:{customer}"]


@pytest.fixture
def crowd(both):
    """Asks for a site without a pause, from more clients than the gate has threads."""
    over = threading.Event()
    clients = []

    def ask(site):
        while not over.is_set():
            ask_gate(both, site)

    def start(site):
        clients.extend(threading.Thread(target=ask, args=(site,)) for _ in range(8))
        for client in clients:
            client.start()
    yield start
    over.set()
    for client in clients:
        client.join()


@pytest.mark.parametrize("fail, repair", [("kill", "start"), ("pause", "resume")])
def test_server_that_fails_does_not_slow_the_other_site(both, servers, crowd, fail, repair):
    know(servers, "shop")
    getattr(servers["other"], fail)()
    try:
        crowd("other")
        time.sleep(0.5)
        asked = [ask_gate(both, "shop") for _ in range(200)]
        assert {reason for reason, _ in asked} == {"no_subscription"}
        assert statistics.median(took for _, took in asked) < AT_ONCE / 3
        assert max(took for _, took in asked) < AT_ONCE
    finally:
        getattr(servers["other"], repair)()


@pytest.mark.parametrize("fail, repair", [("kill", "start"), ("pause", "resume")])
def test_server_that_fails_fails_its_own_site_only(both, servers, fail, repair):
    getattr(servers["other"], fail)()
    try:
        assert ask_gate(both, "other")[0] == "unavailable"
        assert deliver(both, "other", "cus_1")[0] == 503
        assert deliver(both, "shop", "cus_2")[0] == 200
    finally:
        getattr(servers["other"], repair)()
    wait_until(lambda: deliver(both, "other", "cus_3")[0] == 200, what="its recovery")
