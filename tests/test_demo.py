"""demo/run, the first command of the README: its check, what it says when something is broken, how it ends."""
import os
import pathlib
import re
import signal
import subprocess

import pytest
from testenv import places
from testenv.ports import free_port
from testenv.process import Process, wait_until

RUN = places.TOP / "demo" / "run"


def environment(temporary):
    """With a directory of its own for what it makes, so that a test sees what it leaves."""
    return {**os.environ, "TOLLGATE_BUILD": str(places.build()), "TMPDIR": str(temporary)}


def check(temporary, *options):
    return subprocess.run([RUN, "--check", *options], env=environment(temporary), text=True,
                          capture_output=True, timeout=120)


@pytest.fixture
def temporary():
    """Open as /tmp is, for Apache's own user."""
    directory = places.directory()
    directory.chmod(0o711)
    yield directory
    subprocess.run(["rm", "-rf", directory], check=True)


@pytest.fixture
def demo(temporary):
    """A running one."""
    process = Process([RUN, "--port", free_port()], temporary / "log", env=environment(temporary))
    process.wait_ready(lambda: "Open http" in process.log, 60)
    yield process
    process.terminate()


def children(temporary):
    """The processes that work in an instance's directory."""
    found = []
    for directory in pathlib.Path("/proc").glob("[0-9]*/cwd"):
        try:
            if os.readlink(directory).startswith(str(temporary / "tollgate-demo-")):
                found.append(directory.parent.name)
        except OSError:
            pass
    return found


@pytest.mark.parametrize("options", [[], ["--apache"]], ids=["nginx", "apache"])
def test_check_makes_a_purchase(temporary, options):
    done = check(temporary, *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ok ") == len(done.stdout.splitlines()) >= 15
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("missing, step", [
    ("access", "a stranger is sent from the members' page to the login"),
    ("checkout", "ordering leads to Stripe's payment page"),
    ("session", "the return page says that it is paid"),
    ("portal", "the customer portal cancels"),
    ("webhook", "Stripe's events are delivered"),
    ("sync", "who was never seen before is sent from the members' page to the pricing page"),
])
def test_check_names_the_step_that_broke(temporary, missing, step):
    done = check(temporary, "--without", missing)
    assert done.returncode == 1
    assert done.stderr.startswith(f"FAILED  {step}: ")
    assert list(temporary.iterdir()) == []


def test_missing_program_is_named(temporary):
    done = subprocess.run([RUN, "--check"], text=True, capture_output=True, timeout=60,
                          env={**environment(temporary), "TOLLGATE_BUILD": "/nonexistent"})
    assert (done.returncode, done.stderr) == (1, "demo: /nonexistent/tollgate-access is not built\n")
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_running_demo_stops_with_all_that_it_started(demo, temporary, number):
    assert len(children(temporary)) >= 9
    demo.signal(number)
    assert demo.popen.wait(30) == 0
    assert children(temporary) == []
    assert [entry.name for entry in temporary.iterdir()] == ["log"]


def test_nothing_outlives_a_demo_that_is_killed(demo, temporary):
    demo.kill()
    wait_until(lambda: children(temporary) == [], 10, "the end of its processes")


def test_check_runs_beside_a_demo_and_a_second_demo_says_why_not(demo, temporary):
    port = re.search(r":(\d+)", demo.log)[1]
    assert check(temporary).returncode == 0
    second = subprocess.run([RUN, "--port", port], env=environment(temporary), text=True,
                            capture_output=True, timeout=60)
    assert (second.returncode, second.stderr) == (1, f"demo: port {port} is in use; try --port\n")
    assert demo.running()


@pytest.mark.parametrize("options", [["--bogus"], ["--port", "x"], ["--without", "nothing"]])
def test_wrong_option_is_refused_with_the_usage(temporary, options):
    done = subprocess.run([RUN, *options], env=environment(temporary), text=True, capture_output=True, timeout=60)
    assert done.returncode != 0
    assert "usage: demo/run" in done.stderr
