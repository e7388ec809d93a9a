"""rediss://: verified in builds whose hiredis has TLS, and refused by name in those whose has none."""
import subprocess

import pytest
from testenv import places
from testenv.ports import free_port
from testenv.process import wait_until
from testenv.redis import RedisServer
from testenv.responder import run
from testenv.site import Site
from testenv.places import WITHOUT_TLS
from testenv.webhook import Webhook, event, subscription

CONFIG = 78
REQUEST = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-batch"]


def check(directory, url="rediss://127.0.0.1:1"):
    return run("tollgate", "check", "-c", Site(directory, redis=url).config)


@pytest.fixture(scope="module")
def certificates():
    """A directory with an authority, and a certificate for localhost that it signed."""
    directory = places.directory()

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)
    openssl("req", "-x509", *REQUEST, "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *REQUEST, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-keyout", "server.key", "-out", "server.csr")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-copy_extensions", "copy", "-out", "server.pem")
    return directory


@pytest.fixture
def webhook_factory(certificates, monkeypatch):
    """tollgate-webhook before a Redis with TLS, which it calls by a name."""
    made = []

    def make(name, authority):
        port = free_port()
        server = RedisServer("--tls-port", port, "--tls-auth-clients", "no",
                             "--tls-cert-file", certificates / "server.pem",
                             "--tls-key-file", certificates / "server.key")
        server.url = f"rediss://{name}:{port}/0"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates / authority))
        made.append(Webhook(server=server, arguments=["-n", "1"]))
        return made[-1]
    yield make
    for webhook in made:
        webhook.stop()


def created(customer):
    return event("customer.subscription.created", subscription(customer=customer))


@pytest.mark.redis_tls(False)
def test_build_without_tls_refuses_by_name(directory):
    for refused in (check(directory), run("tollgate-webhook", "-c", directory / "tollgate.conf", "-s",
                                          f"unix:{directory}/webhook.sock")):
        assert refused.returncode == CONFIG
        assert WITHOUT_TLS in refused.stderr and "local proxy" in refused.stderr


@pytest.mark.redis_tls(True)
def test_server_that_is_who_it_says_is_used(webhook_factory):
    webhook = webhook_factory("localhost", "ca.pem")
    webhook.take(created("cus_1"), created("cus_2"))
    assert webhook.record("cus_2")


@pytest.mark.redis_tls(True)
@pytest.mark.parametrize("name, authority", [("127.0.0.1", "ca.pem"), ("localhost", "server.pem")])
def test_server_that_may_be_another_gets_nothing(webhook_factory, name, authority):
    """The name is not its own, or nobody whom the system trusts vouches for it."""
    webhook = webhook_factory(name, authority)
    assert webhook.send(created("cus_1")) == 503
    [line] = webhook.responder.events("redis unreachable")
    assert "certificate verify failed" in line["why"]


@pytest.mark.redis_tls(True)
def test_kept_connection_that_died_is_replaced(webhook_factory):
    webhook = webhook_factory("localhost", "ca.pem")
    webhook.take(created("cus_1"))
    for end in (webhook.server.stop, webhook.server.kill):
        end()
        webhook.server.start()
        webhook.take(created("cus_2"))


@pytest.mark.redis_tls(True)
def test_server_that_stalls_is_not_waited_for(webhook_factory):
    webhook = webhook_factory("localhost", "ca.pem")
    webhook.take(created("cus_1"))
    webhook.server.pause()
    assert webhook.send(created("cus_2")) == 503
    assert webhook.send(created("cus_2")) == 503
    webhook.server.resume()
    wait_until(lambda: webhook.send(created("cus_2")) == 200, 2, "its recovery")
