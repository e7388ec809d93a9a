"""A site whose file is broken: it says 503, its neighbours do not notice, and who checks is told."""
import json

import pytest
from test_checkout import create, pay
from testenv import fcgi
from testenv.process import wait_until
from testenv.responder import run
from testenv.stack import RESPONDERS
from testenv.sync import sync_once
from testenv.webhook import PATH, event, sign, subscription

CONFIG = 78
ENDPOINTS = [("POST", "create-checkout-session"), ("GET", "session-status"), ("POST", "customer-portal"),
             ("GET", "config"), ("GET", "subscriptions"), ("POST", "create-subscription"), ("POST", "webhook")]
PROGRAMS = [f"tollgate-{name}" for name in (*RESPONDERS, "sync")]


@pytest.fixture
def host(host_factory):
    """A neighbour who is well, and a shop with a key that does not exist."""
    return host_factory(neighbour={}, shop={"more": "gace = 2d"})


def ask_gate(host, role=fcgi.RESPONDER, **params):
    with fcgi.Connection(host.responders["access"].path) as gate:
        answer = gate.request(fcgi.get("/page", TOLLGATE_USER="ann", TOLLGATE_REQUIRE="any", **params), role=role)
    return answer.status, answer.headers["Tollgate-Reason"]


def deliver(host, site):
    body = json.dumps(event("customer.subscription.created", subscription())).encode()
    signature = sign(body, host[site].webhook_secret)
    with fcgi.Connection(host.responders["webhook"].path) as webhook:
        return webhook.request(fcgi.post(PATH, body, TOLLGATE_SITE=site, HTTP_STRIPE_SIGNATURE=signature), body).status


def test_neighbour_sells_and_lets_in(host):
    ann = host.start()["neighbour"].session("ann")
    pay(host, create(ann, plan="basic")["sessionId"])
    wait_until(lambda: ann.get("/page").status_code == 200, what="access")
    for method, endpoint in ENDPOINTS:
        answer = host["shop"].session("ann").request(method, f"/billing/{endpoint}")
        error = answer.json()["error"]
        assert (answer.status_code, error["type"], error["code"]) == (503, "api_error", "site_unavailable"), endpoint
        assert int(answer.headers["Retry-After"]) > 0
    assert host["shop"].keys() == []


def test_gate_asks_her_to_come_back(host):
    answer = host.start("access")["shop"].session("ann").get("/page")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert ask_gate(host, TOLLGATE_SITE="shop") == (403, "unavailable")
    assert ask_gate(host, fcgi.AUTHORIZER, TOLLGATE_SITE="shop") == (503, "unavailable")
    assert ask_gate(host, TOLLGATE_SITE="neighbor") == (403, "misconfigured")


def test_request_that_names_no_site_is_not_the_neighbours(host):
    host.start("access")
    assert ask_gate(host) == (403, "unavailable")
    assert host["neighbour"].keys() == []


def test_gate_that_lets_in_without_redis_lets_nobody_in(host_factory):
    host = host_factory(neighbour={}, shop={"more": "on_store_failure = allow\n gace = 2d"}).start("access")
    host.redis.kill()
    assert ask_gate(host, TOLLGATE_SITE="shop") == (403, "unavailable")


def test_event_comes_again_until_the_file_is_mended(host):
    host.start("webhook")
    assert deliver(host, "shop") == 503
    assert deliver(host, "neighbour") == 200
    host["shop"].more = ""
    host["shop"].write()
    host.responders["webhook"].restart()
    assert deliver(host, "shop") == 200
    assert host["shop"].key("customer", "cus_1") in host["shop"].keys()


def test_sync_works_for_the_others(host):
    once = sync_once(host, "--once")
    assert once.returncode == 0 and "site=neighbour" in once.stderr
    assert host["neighbour"].keys() and not host["shop"].keys()
    refused = sync_once(host, "--once", "--site", "shop")
    assert refused.returncode == CONFIG and "site shop is broken" in refused.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_log_and_check_name_file_line_and_key(host, program):
    for argv in ((program, "-t"), ("tollgate", "check")):
        told = run(*argv, "-c", host.config)
        assert told.returncode == CONFIG and told.stdout == ""
        assert f"file={host['shop'].file} line=13 reason=\"no such option 'gace'\"" in told.stderr
        assert f'event="site stopped" site=shop file={host["shop"].file}' in told.stderr
        assert f"{host.config}: configuration is not valid, of 1 of 2 sites" in told.stderr
    host["shop"].more = ""
    host["shop"].write()
    assert run(program, "-t", "-c", host.config).returncode == 0


def test_secret_that_one_program_lacks_stops_the_site_there_only(host):
    host["shop"].more = ""
    host["shop"].write()
    (host["shop"].secrets / "webhook.secret").unlink()
    host.start("access", "webhook")
    assert deliver(host, "shop") == 503
    assert deliver(host, "neighbour") == 200
    assert host["shop"].session().get("/page").status_code == 401
