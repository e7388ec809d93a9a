"""What got a 2xx is not lost, whatever is killed while events stream in."""
import itertools
import json
import os
import signal
import threading
import time

import pytest
import requests
from testenv.process import answers, wait_until
from testenv.redis import RedisServer
from testenv.webhook import event, sign, subscription

CLIENTS = 4
EVENTS = 150  # by each
KILLS = 4
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


@pytest.fixture
def stack(stack_factory):
    return stack_factory(redis=RedisServer(*DURABLE), responders=("webhook",))


class Stripe(threading.Thread):
    """Sends its events one after another, each again until it gets a 2xx. `taken` has
    those that got one, `again` counts the other attempts."""

    def __init__(self, url, number):
        super().__init__()
        self.url = f"{url}/billing/webhook"
        self.number = number
        self.taken = {}
        self.again = 0

    def run(self):
        session = requests.Session()
        for n in range(EVENTS):
            id = f"{self.number}_{n}"
            made = event("customer.subscription.created", subscription(
                id=f"sub_{id}", customer=f"cus_{id}"), id=f"evt_{id}")
            while not self.send(session, made):
                self.again += 1
                time.sleep(0.02)
            self.taken[id] = made

    def send(self, session, made):
        body = json.dumps(made).encode()
        try:
            return session.post(self.url, body, timeout=10, headers={
                "Stripe-Signature": sign(body), "Content-Type": "application/json"}).ok
        except requests.RequestException:
            return False


def stream(stack, kill):
    """All events, while kill() is done again and again; what became of them."""
    senders = [Stripe(stack.url, number) for number in range(CLIENTS)]
    for sender in senders:
        sender.start()
    for part in range(1, KILLS + 1):
        wait_until(lambda: sum(len(sender.taken) for sender in senders) > part * CLIENTS * EVENTS / (KILLS + 1),
                   seconds=60)
        kill()
    for sender in senders:
        sender.join()
    return senders


def lost(stack, senders):
    """The events that got a 2xx and are not in the record."""
    redis = stack.redis.client()
    taken = itertools.chain.from_iterable(sender.taken for sender in senders)
    return [id for id in taken if redis.hget("tollgate:{shop}:customer:cus_" + id, f"status:sub_{id}") != "active"
            or not redis.exists("tollgate:{shop}:event:evt_" + id)]


def kill_webhook(stack):
    stack.responders["webhook"].kill()
    stack.responders["webhook"].start()


def kill_redis(stack):
    stack.redis.process.kill()
    stack.redis.start()


def kill_web_server(stack):
    """Its workers die with it: a master that is killed would leave it behind."""
    process = stack.web.process
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as children:
        workers = [int(pid) for pid in children.read().split()]
    process.kill()
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    wait_until(lambda: not answers(("127.0.0.1", stack.web.port)))
    stack.web.start()


@pytest.mark.parametrize("kill", [kill_webhook, kill_redis, kill_web_server])
def test_no_event_that_got_a_2xx_is_lost(stack, kill):
    senders = stream(stack, lambda: kill(stack))
    assert sum(len(sender.taken) for sender in senders) == CLIENTS * EVENTS
    assert lost(stack, senders) == []
    assert sum(sender.again for sender in senders) > 0, "nothing was under way when it was killed"
