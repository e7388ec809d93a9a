"""Sockets, options and settings that a responder is started with."""
import grp
import os
import pathlib
import re
import socket
import stat

import pytest

from testenv.fcgi import ask
from testenv.ports import free_port
from testenv.process import Process, answers, wait_until
from testenv.redis import RedisServer
from testenv.responder import ECHO, binary, listening_socket, run
from testenv.site import Site

USAGE, TEMPFAIL, OSERR, CONFIG = 64, 75, 71, 78


def test_socket_has_mode_and_group(responder_factory, site):
    first = responder_factory(ECHO, site.config, site.directory / "first.sock")
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o660
    second = responder_factory(ECHO, site.config, site.directory / "second.sock", ["-m", "600"])
    assert stat.S_IMODE(second.path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a socket to any group")
def test_socket_has_group(responder_factory, site):
    given = responder_factory(ECHO, site.config, site.directory / "given.sock", ["-g", "www-data"])
    assert given.path.stat().st_gid == grp.getgrnam("www-data").gr_gid


def test_live_socket_is_refused(echo, site):
    second = run(ECHO, "-c", site.config, "-s", f"unix:{echo.path}")
    assert second.returncode == TEMPFAIL and "another process listens there" in second.stderr
    assert ask(echo.path) < 0.5


def test_dead_socket_is_replaced(echo):
    echo.kill()
    assert echo.path.exists()
    echo.start()
    assert ask(echo.path) < 0.5
    echo.stop()
    assert not echo.path.exists()


def test_socket_of_a_successor_stays(echo, site, responder_factory):
    echo.path.unlink()
    successor = responder_factory(ECHO, site.config, echo.path)
    echo.stop()
    assert successor.path.exists() and ask(successor.path) < 0.5


def test_other_file_is_not_replaced(site):
    precious = site.directory / "precious"
    precious.write_text("words")
    assert run(ECHO, "-c", site.config, "-s", f"unix:{precious}").returncode == OSERR
    assert precious.read_text() == "words"


def test_tcp_socket(site):
    port = free_port()
    argv = ("-c", site.config, "-s", f"127.0.0.1:{port}")
    first = Process([binary(ECHO), *argv], site.directory / "tcp.log")
    first.wait_ready(lambda: answers(("127.0.0.1", port)))
    assert run(ECHO, *argv).returncode == OSERR
    assert first.terminate() == 0


def test_socket_from_a_supervisor_as_fd_3(site):
    path = site.directory / "held.sock"
    with listening_socket(path) as listener:
        script = f'exec env LISTEN_PID=$$ LISTEN_FDS=1 "$@" 3<&{listener.fileno()}'
        process = Process(["bash", "-c", script, "bash", binary(ECHO), "-c", site.config],
                          site.directory / "fd3.log", pass_fds=[listener.fileno()])
        assert ask(path) < 3
        assert process.terminate() == 0


def test_secrets_get_into_no_core_file(echo):
    limits = pathlib.Path(f"/proc/{echo.process.pid}/limits").read_text()
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)


def test_without_any_socket(site):
    refused = run(ECHO, "-c", site.config)
    assert refused.returncode == USAGE and "not a listening socket" in refused.stderr


@pytest.mark.parametrize("options", [["-x"], ["-n", "0"], ["-n", "many"], ["-m", "999"], ["-c"], ["left over"],
                                     ["-s", "nonsense"], ["-s", "unix:"], ["-s", "unix:/" + "x" * 108]])
def test_usage_error(site, options):
    assert run(ECHO, "-c", site.config, *options).returncode == USAGE


def test_help_and_version():
    assert run(ECHO, "--help").stdout.startswith("usage: echo_responder")
    assert run(ECHO, "--version").stdout.startswith("echo_responder ")
    assert run(ECHO, "-h").returncode == run(ECHO, "-V").returncode == 0


def test_good_configuration(site):
    tested = run(ECHO, "-c", site.config, "-t")
    assert (tested.returncode, tested.stdout) == (0, f"echo_responder: {site.config}: configuration is valid\n")


def test_bad_configuration(site):
    site.config.write_text(site.config.read_text() + "nonsense = 1\n")
    for options in (["-t"], ["-s", f"unix:{site.directory}/x.sock"]):
        tested = run(ECHO, "-c", site.config, *options)
        assert tested.returncode == CONFIG and tested.stdout == ""
        assert str(site.config) in tested.stderr and "nonsense" in tested.stderr


def test_start_does_not_wait_for_redis(responder_factory, directory):
    """A Redis that takes connections and never answers."""
    mute = socket.create_server(("127.0.0.1", 0))
    site = Site(directory, redis=f"tcp://127.0.0.1:{mute.getsockname()[1]}/0")
    responder = responder_factory(ECHO, site.config, directory / "echo.sock")
    assert ask(responder.path) < 0.5
    wait_until(lambda: "unreachable" in responder.log)


def test_redis_cluster_is_refused(directory):
    cluster = RedisServer("--cluster-enabled", "yes", "--port", free_port(), "--cluster-port", free_port())
    refused = run(ECHO, "-c", Site(directory, redis=cluster.url).config, "-s", f"unix:{directory}/echo.sock")
    cluster.stop()
    assert refused.returncode == CONFIG and "Cluster" in refused.stderr
