"""SIGTERM and restarts: what is in hand is finished, and no request is lost."""
import contextlib
import signal
import threading
import time

from testenv import places
from testenv.fcgi import Connection, ask, begin, get, params, stdin
from testenv.load import Load
from testenv.nginx import Nginx
from testenv.ports import free_port
from testenv.responder import ECHO, Responder, listening_socket


def test_stop_finishes_what_is_in_hand(echo):
    with Connection(echo.path) as connection:
        connection.send(begin() + params(get("/billing/slow?ms=1500")) + stdin())
        time.sleep(0.2)
        echo.process.signal(signal.SIGTERM)
        assert connection.answer().status == 200
    echo.stop()


def test_stop_lets_who_has_just_connected_ask(echo):
    with Connection(echo.path) as connection:
        time.sleep(0.1)
        echo.process.signal(signal.SIGTERM)
        time.sleep(0.3)
        assert connection.request(get("/billing/whoami")).status == 200
    echo.stop()


def test_stop_does_not_wait_for_idle_peers(echo):
    kept = Connection(echo.path)
    kept.request(get("/billing/whoami"))
    silent = Connection(echo.path)
    begun = time.monotonic()
    echo.stop()
    assert time.monotonic() - begun < 2.5
    assert kept.closed_by_peer() and silent.closed_by_peer()


def test_stop_serves_who_waits_in_the_backlog(echo):
    """Both threads are busy, so that the others are not even accepted."""
    busy = [Connection(echo.path) for _ in range(2)]
    for connection in busy:
        connection.send(begin() + params(get("/billing/slow?ms=700")) + stdin())
    time.sleep(0.2)
    waiting = [Connection(echo.path) for _ in range(20)]
    echo.process.signal(signal.SIGTERM)
    for connection in waiting:
        connection.send(begin() + params(get("/billing/whoami")) + stdin())
    assert all(connection.answer().status == 200 for connection in busy + waiting)
    echo.stop()


def test_stop_of_a_port_does_not_wait_for_whoever_comes(responder_factory, site):
    """A path is removed, so that nobody comes any more; a port is open until the end."""
    port = free_port()
    echo = responder_factory(ECHO, site.config, site.directory / "echo.sock", ["-n", "2"], port=port)
    stopped = threading.Event()

    def come():
        with contextlib.suppress(OSError):
            while not stopped.is_set():
                with Connection(("127.0.0.1", port), 2) as connection:
                    connection.request(get("/billing/slow?ms=30"), keep=False)
    visitors = [threading.Thread(target=come) for _ in range(4)]
    for visitor in visitors:
        visitor.start()
    time.sleep(0.3)
    begun = time.monotonic()
    echo.stop()
    seconds = time.monotonic() - begun
    stopped.set()
    for visitor in visitors:
        visitor.join()
    assert seconds < 3


LOCATIONS = """
    location /get/ {
        include snippets/tollgate-endpoint.conf;
        fastcgi_keep_conn on;
        fastcgi_pass kept;
    }
    location /post/ {
        include snippets/tollgate-endpoint.conf;
        fastcgi_keep_conn off;
        fastcgi_pass fresh;
    }
"""
TRAFFIC = [("GET", "/get/whoami", None, {}),
           ("POST", "/post/count", b"x" * 1000, {"Content-Type": "application/octet-stream"})]


def nginx_before(*sockets):
    servers = "\n".join(f"server unix:{path} max_fails=0;" for path in sockets)
    return Nginx(LOCATIONS, "include snippets/tollgate-http.conf;"
                 f"upstream kept {{ {servers} keepalive 16; }} upstream fresh {{ {servers} }}")


def test_restarts_of_one_of_two_lose_no_request(site):
    build = places.plain_build()
    both = [Responder(ECHO, site.config, site.directory / f"{i}.sock", ["-n", "4"], build=build) for i in "ab"]
    nginx = nginx_before(*(responder.path for responder in both))
    with Load(nginx.port, TRAFFIC) as load:
        for responder in both * 2:
            load.go_on(300)
            responder.restart()
        load.go_on(300)
    nginx.stop()
    for responder in both:
        responder.stop()
    assert set(load.statuses) == {200}, (load.statuses, nginx.errors)


def test_restarts_with_an_inherited_socket_lose_no_request(site):
    path = site.directory / "held.sock"
    with listening_socket(path) as listener:
        responder = Responder.inherited(ECHO, site.config, listener, path, options=["-n", "4"],
                                        build=places.plain_build())
        nginx = nginx_before(path)
        with Load(nginx.port, TRAFFIC) as load:
            for _ in range(4):
                load.go_on(300)
                responder.restart()
            load.go_on(300)
        nginx.stop()
        responder.stop()
    assert set(load.statuses) == {200}, (load.statuses, nginx.errors)
    assert path.exists()


def test_two_processes_share_an_inherited_socket(site):
    path = site.directory / "held.sock"
    with listening_socket(path) as listener:
        both = [Responder.inherited(ECHO, site.config, listener, site.directory / f"{i}.sock") for i in "ab"]
        both[0].stop()
        assert ask(path) < 1
        both[1].stop()
