"""Fixtures: real servers, private to the run. See testenv/."""
import pytest

from testenv import places
from testenv.redis import RedisServer
from testenv.responder import ECHO, Responder
from testenv.sandbox import Sandbox
from testenv.site import Site
from testenv.stack import Stack


@pytest.fixture(scope="session")
def redis_process():
    server = RedisServer()
    yield server
    server.stop()


@pytest.fixture
def redis_server(redis_process):
    """A Redis that is empty."""
    redis_process.flush()
    return redis_process


@pytest.fixture(scope="session")
def sandbox_process():
    sandbox = Sandbox()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def sandbox(sandbox_process):
    """Stripe's stand-in, with nothing in it and without a webhook."""
    sandbox_process.reset()
    return sandbox_process


@pytest.fixture(scope="session")
def stack_process():
    stack = Stack()
    yield stack
    stack.stop()


@pytest.fixture
def stack(stack_process):
    """Everything, as on the first day. Who stops a part of it starts it again."""
    stack_process.fresh()
    return stack_process


@pytest.fixture
def stack_factory():
    """Makes stacks with a configuration of the test's own, and stops them."""
    made = []

    def make(**options):
        made.append(Stack(**options))
        return made[-1]
    yield make
    for stack in made:
        stack.stop()


@pytest.fixture
def directory():
    """A short one, for sockets."""
    return places.directory()


@pytest.fixture
def site(directory):
    """tollgate.conf of a site without Redis and Stripe."""
    return Site(directory)


@pytest.fixture
def responder_factory():
    """Makes responders and stops them, which checks how they end."""
    made = []

    def make(*arguments, **options):
        made.append(Responder(*arguments, **options))
        return made[-1]
    yield make
    for responder in made:
        if responder.process.running():
            responder.stop()


@pytest.fixture
def echo(responder_factory, site):
    """tests/echo_responder with two threads."""
    return responder_factory(ECHO, site.config, site.directory / "echo.sock", ["-n", "2"])
