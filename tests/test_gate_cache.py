"""Who passes is kept by the gate, and only for as long as it is true."""
import contextlib
import socket
import threading
import time

import pytest
from test_access import HEARD, assert_denied, assert_passes, gate_factory, gate_process  # noqa: F401
from testenv.process import wait_until

NOT_PERMITTED = "redis is asked each time: its user may not follow changes"


@pytest.fixture
def gate(gate_process):  # noqa: F811
    gate_process.empty()
    wait_until(lambda: trackers(gate_process), what="the gate to follow Redis")
    time.sleep(HEARD)
    return gate_process


def trackers(gate):
    return gate.redis.client_list(_type="pubsub")


def is_kept(gate, **question):
    return gate.commands(lambda: gate.ask(**question)) == []


def test_kept_pass_asks_nothing_of_redis(gate):
    gate.subscribe(facts={"first_payment": "paid"})
    asked = gate.ask()
    assert gate.commands(lambda: [assert_passes(gate.ask()) for _ in range(3)]) == []
    again = gate.ask()
    assert {**again.headers, "X-Request-Id": ""} == {**asked.headers, "X-Request-Id": ""}


def test_each_requirement_and_user_is_asked_for(gate):
    gate.subscribe()
    assert_passes(gate.ask())
    assert not is_kept(gate, require="any")
    assert not is_kept(gate, user="bob")
    assert_denied(gate.ask("plan:basic"), "other_plan")
    assert_passes(gate.ask())


@pytest.mark.parametrize("change, reason", [
    (lambda gate: gate.write(status="canceled"), "canceled"),
    (lambda gate: gate.write(status="unpaid"), "unpaid"),
    (lambda gate: gate.write(pause_collection="void"), "paused"),
    (lambda gate: gate.redis.hset(gate.key("customer", "cus_1"), "deleted", 1), "no_subscription"),
    (lambda gate: gate.redis.hdel(gate.user_key(), "customer:cus_1"), "unavailable"),
    (lambda gate: gate.redis.delete(gate.user_key()), "unavailable")])
def test_written_change_ends_it(gate, change, reason):
    gate.subscribe()
    assert_passes(gate.ask())
    change(gate)
    time.sleep(HEARD)
    assert_denied(gate.ask(), reason)


def test_period_ends_it(gate):
    gate.write(ends=2, cancel_at_period_end=True)
    gate.link()
    assert_passes(gate.ask())
    wait_until(lambda: gate.ask().status == 403, 4, "the end of the period")


def test_change_is_heard_within_milliseconds(gate):
    """A hundred times taken away and given back."""
    gate.link()
    slowest = 0
    for n in range(100):
        gate.write(status="active")
        wait_until(lambda: gate.ask().status == 204, what="access")
        gate.redis.hset(gate.key("customer", "cus_1"), "deleted", n)
        begun = time.monotonic()
        while gate.ask().status == 204:
            pass
        slowest = max(slowest, time.monotonic() - begun)
        gate.redis.hdel(gate.key("customer", "cus_1"), "deleted")
    assert slowest < 0.2


def test_flushed_redis_is_believed(gate):
    gate.subscribe()
    assert_passes(gate.ask())
    gate.empty()
    assert_denied(gate.ask(), "unavailable")


def test_lost_connection_loses_what_was_kept(gate):
    """What was written meanwhile nobody told."""
    gate.subscribe()
    assert_passes(gate.ask())
    gate.redis.client_kill_filter(_id=trackers(gate)[0]["id"])
    gate.write(status="canceled")
    assert_denied(gate.ask(), "canceled")
    gate.write()
    assert not is_kept(gate)
    wait_until(lambda: trackers(gate), what="a new connection")
    wait_until(lambda: is_kept(gate), what="passes to be kept again")


class Cut:
    """Between a gate and its Redis: once, a connection is closed behind Redis' answer to this word."""

    def __init__(self, path, redis, word):
        self.redis, self.word, self.cuts = redis, word, 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, server = self.listener.accept()[0], socket.socket(socket.AF_UNIX)
            server.connect(str(self.redis))
            threading.Thread(target=self.pass_on, args=(client, server, []), daemon=True).start()

    def pass_on(self, client, server, asked):
        threading.Thread(target=self.answer, args=(client, server, asked), daemon=True).start()
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                asked.append(data)
                server.sendall(data)
        server.shutdown(socket.SHUT_RDWR)

    def answer(self, client, server, asked):
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)
                if not self.cuts and asked and self.word in asked[-1]:
                    self.cuts += 1
                    client.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("word", [b"CLIENT\r\n$2\r\nID", b"TRACKING"], ids=["id", "tracking"])
def test_connection_that_was_replaced_before_it_listens_is_not_believed(gate_factory, word):  # noqa: F811
    """And another one is made at once."""
    gate = gate_factory()
    cut = Cut(gate.directory / "cut.sock", gate.server.path, word)
    text = gate.site.config.read_text()
    gate.site.config.write_text(text.replace(gate.server.url, f"unix:{gate.directory / 'cut.sock'}"))
    gate.responder.restart()
    wait_until(lambda: cut.cuts and trackers(gate), what="the second connection")
    gate.subscribe()
    assert_passes(gate.ask())
    gate.write(status="canceled")
    assert_denied(gate.ask(), "canceled")


def test_dead_redis_keeps_nobody(gate_factory):  # noqa: F811
    gate = gate_factory()
    wait_until(lambda: trackers(gate), what="the gate to follow Redis")
    gate.subscribe()
    assert_passes(gate.ask())
    gate.server.stop()
    wait_until(lambda: gate.ask().status == 403, 0.5, "the loss to be seen")
    assert_denied(gate.ask(), "unavailable")


def test_redis_that_cannot_tell_is_asked_each_time(gate_factory):  # noqa: F811
    gate = gate_factory()
    wait_until(lambda: trackers(gate), what="the gate to follow Redis")
    gate.redis.acl_setuser("default", enabled=True, nopass=True, keys="*", commands=["+@all", "-client|tracking"])
    gate.redis.client_kill_filter(_id=trackers(gate)[0]["id"])
    gate.subscribe()
    assert_passes(gate.ask())
    wait_until(lambda: gate.responder.events(NOT_PERMITTED), what="a line in the log")
    assert gate.responder.events("redis refuses") == []
    assert gate.commands(lambda: assert_passes(gate.ask())) == ["EVALSHA"]
