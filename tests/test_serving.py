"""How requests are taken in and answers leave: threads, slow peers, bodies, kept connections."""
import json
import resource
import socket
import time

import pytest
import requests

from testenv.fcgi import (AUTHORIZER, BEGIN, PARAMS, Connection, ask, begin, get, params, post, record,
                          stdin)
from testenv.nginx import Nginx
from testenv.responder import ECHO


def test_idle_connections_hold_no_thread(echo):
    silent = [Connection(echo.path) for _ in range(30)]
    kept = [Connection(echo.path) for _ in range(30)]
    for connection in kept:
        assert connection.request(get("/billing/whoami")).status == 200
    assert ask(echo.path) < 0.5
    for connection in silent + kept:
        assert connection.request(get("/billing/whoami")).status == 200


def test_half_requests_cost_a_second_each_and_starve_nobody(echo):
    halves = [Connection(echo.path) for _ in range(4)]
    for connection in halves:
        connection.send(begin() + params(get("/billing/whoami"))[:-20])
    assert ask(echo.path, timeout=10) < 4
    assert all(connection.closed_by_peer() for connection in halves)


@pytest.mark.parametrize("declared", ["100", ""])
def test_unfinished_body_costs_a_second_and_is_refused(echo, declared):
    with Connection(echo.path) as connection:
        request = {**post("/billing/count"), "CONTENT_LENGTH": declared}
        connection.send(begin() + params(request) + stdin(b"x" * 100)[:50])
        assert connection.answer().status == 400
        assert connection.closed_by_peer()


@pytest.mark.parametrize("garbage", [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 100, b"\xff" * 100, begin(role=9), begin()[:12],
    record(BEGIN, b"short"), begin() + begin(), begin() + stdin(b"early"), stdin(b"earlier"),
    begin() + record(PARAMS, b"\x05\x05ab"), record(9, b"\x0e\x00FCGI_MAX_CONNS", 0)])
def test_garbage_ends_its_own_connection_only(echo, garbage):
    with Connection(echo.path) as connection:
        connection.send(garbage)
        connection.socket.shutdown(socket.SHUT_WR)
        while connection.socket.recv(1000):
            pass
    assert ask(echo.path) < 0.5


def test_trickling_request_is_hung_up(echo):
    with Connection(echo.path) as connection:
        begun = time.monotonic()
        connection.send(begin())
        with pytest.raises(OSError):
            while time.monotonic() < begun + 20:
                connection.send(record(PARAMS, b"\x01\x00x"))
                time.sleep(0.3)
        assert 9 < time.monotonic() - begun < 13


def test_peer_that_does_not_read_is_given_up(responder_factory, site):
    one = responder_factory(ECHO, site.config, site.directory / "one.sock", ["-n", "1"])
    with Connection(one.path) as connection:
        connection.send(begin() + params(get("/billing/large?bytes=4000000")) + stdin())
        assert ask(one.path, timeout=10) < 7


def test_more_connections_than_descriptors(site, responder_factory):
    few = responder_factory(ECHO, site.config, site.directory / "few.sock", ["-n", "1"],
                            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
    idle = [Connection(few.path) for _ in range(100)]
    assert ask(few.path) < 2
    assert idle[0].closed_by_peer()
    assert "cannot accept" not in few.log


@pytest.mark.parametrize("declared", [True, False])
def test_body_over_the_limit(echo, declared):
    body = b"x" * 70000
    request = post("/billing/count", body)
    if not declared:
        del request["CONTENT_LENGTH"]
    with Connection(echo.path) as connection:
        assert connection.request(request, body).status == 413
        assert connection.request(get("/billing/whoami")).status == 200


def test_body_at_the_limit(echo):
    body = b"x" * 65536
    with Connection(echo.path) as connection:
        assert json.loads(connection.request(post("/billing/count", body), body).body)["bytes"] == 65536


def test_body_without_end_is_dropped(echo):
    with Connection(echo.path) as connection:
        connection.send(begin() + params(post("/billing/count", b"")))
        with pytest.raises(OSError):
            for _ in range(100):
                connection.send(stdin(b"x" * 65535)[:-8])
    assert ask(echo.path) < 0.5


@pytest.mark.parametrize("path, status", [("count", 200), ("unknown", 404), ("whoami", 405), ("echo", 401)])
def test_kept_connection_serves_again_after_a_body(echo, path, status):
    body = b"x" * 20000
    with Connection(echo.path) as connection:
        for _ in range(3):
            assert connection.request(post(f"/billing/{path}", body), body).status == status


def test_body_shorter_or_longer_than_declared(echo):
    with Connection(echo.path) as connection:
        assert connection.request(post("/billing/count", b"12345"), b"123").status == 400
        assert connection.request(post("/billing/count", b"12345"), b"1234567").status == 400


def test_chunked_body_through_nginx(echo):
    """Without buffering no CONTENT_LENGTH comes."""
    nginx = Nginx("location /billing/ { include /etc/nginx/fastcgi_params; fastcgi_request_buffering off;"
                  f" fastcgi_pass unix:{echo.path}; }}")
    url = f"{nginx.url}/billing/count"
    assert requests.post(url, data=iter([b"x" * 1000] * 60)).json() == {"bytes": 60000}
    assert requests.post(url, data=iter([b"x" * 1000] * 70)).status_code == 413
    nginx.stop()


def test_head_has_no_body(echo):
    with Connection(echo.path) as connection:
        answer = connection.request({**get("/billing/whoami"), "REQUEST_METHOD": "HEAD"})
        assert (answer.status, answer.body) == (200, b"")
        assert int(answer.headers["Content-Length"]) > 0


def test_no_content_has_no_body_and_no_length(echo):
    with Connection(echo.path) as connection:
        answer = connection.request(get("/billing/empty"))
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers["Tollgate-Test"] == "here" and "Content-Length" not in answer.headers


def test_large_answer_is_whole(echo):
    with Connection(echo.path) as connection:
        assert len(json.loads(connection.request(get("/billing/large?bytes=1000000")).body)["text"]) == 1000000


def test_authorizer_without_stdin_is_answered_at_once(echo):
    begun = time.monotonic()
    with Connection(echo.path) as connection:
        assert connection.request(get("/billing/whoami"), role=AUTHORIZER, keep=False).status == 200
        assert connection.closed_by_peer()
    assert time.monotonic() - begun < 0.5


def test_connection_that_is_not_to_be_kept_is_closed(echo):
    with Connection(echo.path) as connection:
        assert connection.request(get("/billing/whoami"), keep=False).status == 200
        assert connection.closed_by_peer()
