"""Where secrets stand in the memory of a program that has used them: nowhere but where they are protected."""
import json
import os
import re

import pytest

from testenv import fcgi, places, webhook
from testenv.redis import RedisServer
from testenv.responder import Responder
from testenv.sandbox import SECRET_KEY, WEBHOOK_SECRET
from testenv.site import CATALOGUE, IDENTITY_KEY, Site, identity_token

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can look into a program of ours")


def mappings(pid):
    """(begin, end, flags) of what is readable in a process."""
    text = open(f"/proc/{pid}/smaps", encoding="utf-8").read()
    for block in re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", text, flags=re.MULTILINE)[1:]:
        begin, end, rights = re.match(r"(\w+)-(\w+) (\S+)", block).groups()
        flags = re.search(r"^VmFlags: (.*)$", block, re.MULTILINE)[1].split()
        if rights[0] == "r" and "[v" not in block.split("\n")[0]:
            yield int(begin, 16), int(end, 16), set(flags)


def found(pid, secret):
    """The flags of each mapping with the secret in it, as often as it is there."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, end, flags in mappings(pid):
            memory.seek(begin)
            for _ in range(memory.read(end - begin).count(secret.encode())):
                yield flags


def assert_protected(responder, *secrets):
    for secret in secrets:
        places_found = list(found(responder.process.pid, secret))
        assert len(places_found) == 1 and {"dd", "lo", "wf"} <= places_found[0], (secret, places_found)


@pytest.fixture
def start(directory, sandbox, responder_factory):
    if places.sanitized(places.plain_build()):
        pytest.skip("the sanitizers keep copies of memory")
    sandbox.control("POST", "seed", CATALOGUE)
    redis = RedisServer()
    site = Site(directory, redis=redis.url, stripe=sandbox.base)
    yield lambda name: responder_factory(f"tollgate-{name}", site.config, directory / f"{name}.sock",
                                         build=places.plain_build())
    redis.stop()


def ask(responder, pairs, body=b""):
    with fcgi.Connection(responder.path) as connection:
        return connection.request(pairs, body).status


def logged_in(pairs):
    return {**pairs, "HTTP_AUTHORIZATION": f"Bearer {identity_token('ann')}"}


def test_key_of_stripe_after_calls(start):
    checkout = start("checkout")
    body = json.dumps({"plan": "basic"}).encode()
    pairs = logged_in(fcgi.post("/billing/create-checkout-session", body, HTTP_ACCEPT="application/json"))
    assert [ask(checkout, pairs, body) for _ in range(3)] == [200] * 3
    assert_protected(checkout, SECRET_KEY, IDENTITY_KEY)


def test_signing_secret_after_events(start):
    receiver = start("webhook")
    for valid in (True, False):
        body = json.dumps(webhook.event("customer.subscription.created", webhook.subscription())).encode()
        signature = webhook.sign(body, WEBHOOK_SECRET if valid else "whsec_other")
        pairs = fcgi.post("/billing/webhook", body, HTTP_STRIPE_SIGNATURE=signature)
        assert ask(receiver, pairs, body) == (200 if valid else 400)
    assert_protected(receiver, WEBHOOK_SECRET, IDENTITY_KEY)
    assert not list(found(receiver.process.pid, SECRET_KEY))


def test_gate_has_no_key_of_stripe(start):
    gate = start("access")
    assert ask(gate, logged_in(fcgi.get("/", TOLLGATE_REQUIRE="any"))) == 403
    assert_protected(gate, IDENTITY_KEY)
    assert not list(found(gate.process.pid, SECRET_KEY)) and not list(found(gate.process.pid, WEBHOOK_SECRET))
