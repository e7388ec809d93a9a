"""Responders that are restarted or killed under load, behind nginx as we configure it: nobody notices."""
import collections
import shutil
import threading

import pytest
import requests
from testenv import places
from testenv.nginx import HTTP, SERVER, Nginx, upstreams
from testenv.process import wait_until
from testenv.responder import listening_socket
from testenv.site import Site, identity_token
from testenv.stub import Stub, answer

FREE = """
location ^~ /free/ {
    auth_request /_tollgate/plan:free;
    include snippets/tollgate-members.conf;
}
"""
ONE_GATE = "server unix:%s/access.sock max_fails=0;"
TWO_GATES = ONE_GATE + "server unix:%s/access-2.sock max_fails=0;"


class Load:
    """Four clients that ask again and again over kept connections; .answers counts statuses."""

    def __init__(self, url, method="GET"):
        self.url, self.method = url, method
        self.headers = {"Authorization": "Bearer " + identity_token("ada")}
        self.answers = collections.Counter()
        self.over = threading.Event()
        self.clients = [threading.Thread(target=self.ask) for _ in range(4)]

    def ask(self):
        with requests.Session() as session:
            while not self.over.is_set():
                answer = session.request(self.method, self.url, headers=self.headers, timeout=20)
                self.answers[answer.status_code] += 1

    def __enter__(self):
        for client in self.clients:
            client.start()
        self.go_on()
        return self

    def __exit__(self, *_):
        self.over.set()
        for client in self.clients:
            client.join()

    def go_on(self):
        """Until another 200 answers have come."""
        enough = self.answers.total() + 200
        wait_until(lambda: self.answers.total() >= enough, 30, "answers")


@pytest.fixture
def site(directory, redis_server):
    return Site(directory, redis=redis_server.url)


@pytest.fixture
def own(site, responder_factory):
    """Starts a responder that listens by itself: a name of a program, and of its socket."""
    def start(program, name):
        return responder_factory(f"tollgate-{program}", site.config, site.directory / f"{name}.sock")
    return start


@pytest.fixture
def held(site, responder_factory):
    """Starts a responder whose listening socket stays when it goes, as with systemd."""
    def start(program, name):
        path = site.directory / f"{name}.sock"
        return responder_factory(f"tollgate-{program}", site.config, path, listener=listening_socket(path))
    return start


@pytest.fixture
def nginx(site):
    """Starts one before these gates; its URL."""
    made = []

    def start(*gates):
        servers = "".join(f"server unix:{site.directory}/{gate}.sock max_fails=0;" for gate in gates)
        text = upstreams(site.directory).replace(
            f"server unix:{site.directory}/access.sock max_fails=0;", servers)
        made.append(Nginx(SERVER % {"pages": places.TOP / "nginx" / "pages"} + FREE, HTTP % {"upstreams": text}))
        (made[-1].root / "free").mkdir()
        (made[-1].root / "free" / "page.html").write_text("free")
        return made[-1].url
    yield start
    for nginx in made:
        nginx.stop()
        shutil.rmtree(nginx.directory)


def test_one_of_two_gates_is_killed_and_comes_back(own, nginx):
    gates = [own("access", "access"), own("access", "access-2")]
    with Load(nginx("access", "access-2") + "/free/page.html") as load:
        for gate in gates:
            gate.kill()
            load.go_on()
            gate.start()
            load.go_on()
    assert set(load.answers) == {200}


@pytest.mark.parametrize("nonsense", [answer(503), b"\0 no header"])
def test_gate_that_talks_nonsense_is_passed_over(site, nginx, nonsense):
    gates = [Stub(site.directory / "access.sock", nonsense), Stub(site.directory / "access-2.sock")]
    url = nginx("access", "access-2") + "/free/page.html"
    assert [requests.get(url, timeout=10).status_code for _ in range(4)] == [200] * 4
    for gate in gates:
        assert gate.requests
        gate.stop()


@pytest.mark.parametrize("program, method, path, status", [
    ("access", "GET", "/free/page.html", 200),
    ("access", "POST", "/free/page.html", 405),
    ("webhook", "POST", "/billing/webhook", 400),
])
def test_restart_loses_no_request(held, nginx, program, method, path, status):
    responder = held(program, program)
    with Load(nginx("access") + path, method) as load:
        for _ in range(5):
            responder.restart()
            load.go_on()
    assert set(load.answers) == {status}
