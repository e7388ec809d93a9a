"""Fixtures: real servers, private to the run. See testenv/."""
import pytest

from testenv import places
from testenv.apache import Apache
from testenv.host import Host
from testenv.nginx import Nginx
from testenv.redis import RedisServer
from testenv.responder import ECHO, Responder
from testenv.sandbox import Sandbox
from testenv.site import Site
from testenv.stack import Stack


def pytest_configure(config):
    config.addinivalue_line("markers", "redis_tls(has): for builds with or without TLS to Redis")


def pytest_collection_modifyitems(config, items):
    """A build either speaks TLS to Redis or refuses it by name: tests of the other kind are none of it."""
    def fits(item):
        mark = item.get_closest_marker("redis_tls")
        return mark is None or mark.args[0] == places.built_with_redis_tls()
    config.hook.pytest_deselected(items=[item for item in items if not fits(item)])
    items[:] = [item for item in items if fits(item)]


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


@pytest.fixture(scope="session", params=[Nginx, Apache], ids=["nginx", "apache"])
def web_server(request):
    """Every test that uses it runs behind both."""
    return request.param


@pytest.fixture(scope="session")
def stack_process(web_server):
    stack = Stack(web_server)
    yield stack
    stack.stop()


@pytest.fixture
def stack(stack_process):
    """Everything, as on the first day. Who stops a part of it starts it again."""
    stack_process.fresh()
    return stack_process


@pytest.fixture
def stack_factory(web_server):
    """Makes stacks with a configuration of the test's own, and stops them."""
    made = []

    def make(**options):
        made.append(Stack(web_server, **options))
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


@pytest.fixture
def host_factory():
    """Makes hosts of several sites, and stops them."""
    made = []

    def make(*arguments, **options):
        made.append(Host(*arguments, **options))
        return made[-1]
    yield make
    for host in made:
        host.stop()
