"""Whose programs a virtual host of Apache asks, where one site has its own: never another site's by a slip."""
import pathlib
import shutil
import signal

import pytest
from test_apache import ADA, LOCATION, ApacheBench
from testenv import manual, paper
from testenv.ports import free_port
from testenv.process import wait_until
from testenv.stub import Stub, answer

HOST = """
<VirtualHost *:${PORT}>
    ServerName %s
    DocumentRoot ${ROOT}
    %s
    Include tollgate/tollgate-billing.conf
    Include tollgate/tollgate-access.conf
    Include tollgate/tollgate-pages.conf
</VirtualHost>
"""
ENDPOINTS = ("/billing/config", "/billing/access/plan:premium")


class OwnBench(ApacheBench):
    """Behind the virtual host of the shared programs there is `left`, which has its own, .own, and others."""

    def __init__(self):
        super().__init__()
        self.run = pathlib.Path(f"{self.directory}-left")
        self.run.mkdir(mode=0o755)
        self.port = free_port()
        self.programs, self.instance = manual.apache_instance("left", self.port)
        self.own = {"subscription": Stub(self.run / "subscription.sock"),
                    "access": Stub(("127.0.0.1", self.port), answer(402, {"Tollgate-Reason": "other_plan"}))}

    def gates(self):
        return LOCATION % ("/members", "any") + self.basic("Use TollgateGateUser any").replace("/members", "/basic")

    def host(self, name, says):
        return HOST % (name, f"{says}\n{self.gates()}")

    def begin(self, *hosts):
        return self.start(self.gates(), http=self.programs + "".join(self.host(*each) for each in hosts))

    def visit(self, host):
        """What it answers everywhere, and by whom it was answered: {program: times}."""
        before = {name: len(stub.requests) for name, stub in self.everybody().items()}
        said = [self.ask(path, auth=ADA, headers={"Host": host}).status_code
                for path in (*ENDPOINTS, "/members/page.html", "/basic/page.html")]
        asked = {name: len(stub.requests) - before[name] for name, stub in self.everybody().items()}
        return said, {name: times for name, times in asked.items() if times}

    def starts(self):
        return self.web.errors.count("resuming normal operations")

    def everybody(self):
        return {**self.stubs, **{f"own {name}": stub for name, stub in self.own.items()}}

    def stop(self):
        for stub in self.own.values():
            stub.stop()
        shutil.rmtree(self.run)
        super().stop()


@pytest.fixture
def bench():
    bench = OwnBench()
    yield bench
    bench.stop()


OWN = {"own subscription": 1, "own access": 3}
SHARED = {"subscription": 1, "access": 3}


def test_each_virtual_host_asks_its_own_programs(bench):
    bench.begin(("left", bench.instance), ("right", "Use TollgateSite right"), ("again", bench.instance))
    assert bench.visit("left") == ([204, 402, 402, 402], OWN)
    assert bench.own["access"].params["TOLLGATE_SITE"] == "left"
    assert bench.own["subscription"].params["TOLLGATE_SITE"] == "left"
    assert bench.visit("right")[1] == SHARED
    assert bench.access.params["TOLLGATE_SITE"] == bench.subscription.params["TOLLGATE_SITE"] == "right"
    assert bench.visit("again")[1] == OWN


def test_reload_is_no_second_site_at_the_same_port(bench):
    bench.begin(("left", bench.instance))
    wait_until(lambda: bench.starts() == 1, what="Apache listening to signals")
    bench.web.process.signal(signal.SIGHUP)
    wait_until(lambda: bench.starts() == 2, what="Apache with the new configuration")
    assert bench.visit("left")[1] == OWN


def test_virtual_host_of_two_minds_asks_nobody(bench):
    bench.begin(("left", bench.instance + "\nUse TollgateSite left"))
    assert bench.visit("left") == ([503, 503, 403, 403], {})


@pytest.mark.parametrize("says", ["", "SetEnvIf Host ^ TOLLGATE_SITE=left"])
def test_virtual_host_that_says_nothing_behind_it_asks_nobody(bench, says):
    bench.begin(("left", bench.instance), ("right", says))
    assert bench.visit("right") == ([503, 503, 403, 403], {})
    assert bench.visit("left")[1] == OWN


def test_virtual_host_that_says_nothing_before_it_asks_the_shared_ones(bench):
    bench.begin(("right", ""), ("left", bench.instance))
    assert bench.visit("right")[1] == SHARED


def test_webhook_of_a_platform_is_of_the_shared_programs(bench):
    connect = paper.inside_server(paper.that_has(paper.literals("tollgate-apache.7"), "Use TollgateConnect"))
    bench.begin(("left", bench.instance), ("platform", connect))
    assert bench.ask("/billing/webhook", "POST", data="{}", headers={"Host": "platform"}).status_code == 204
    assert "TOLLGATE_SITE" not in bench.webhook.params and bench.webhook.body == b"{}"


def test_htaccess_does_not_make_it_another_sites(bench):
    bench.begin(("left", bench.instance), ("right", "<Directory ${ROOT}>\nAllowOverride All\n</Directory>"))
    for place in ("members", "basic", ""):
        bench.write(f"{place}/.htaccess".lstrip("/"), "SetEnvIf Request_URI ^ TOLLGATE_INSTANCE=left\n"
                    "SetEnv TOLLGATE_INSTANCE left\nRewriteEngine On\nRewriteRule ^ - [E=TOLLGATE_INSTANCE:left]\n")
    assert bench.visit("right") == ([503, 503, 403, 403], {})


def test_gate_outside_of_the_virtual_hosts_lets_nobody_else_in(bench):
    gate = '<Directory "${ROOT}/outside">\nUse TollgateGate any\n</Directory>\n'
    bench.start("", http=gate + bench.programs + bench.host("left", bench.instance))
    bench.write("outside/page.html", "for members")
    assert bench.ask("/outside/page.html", headers={"Host": "left"}).status_code == 403
    assert bench.access.requests == bench.own["access"].requests == []
    assert bench.ask("/outside/page.html").text == "for members"


@pytest.mark.parametrize("refusal", ["page", "include"])
def test_refusal_and_part_of_a_page_are_of_the_same_programs(bench, refusal):
    """Internal redirects and subrequests come to the virtual host anew."""
    bench.begin(("left", bench.instance + '\n<Location "/basic">\nOptions +Includes\nSetOutputFilter INCLUDES\n</Location>'))
    if refusal == "page":
        assert "Not part of" in bench.ask("/members/page.html", headers={"Host": "left"}).text
        return
    bench.own["access"].says = answer(200, {"Variable-TOLLGATE_USER": "ada"})
    bench.write("basic/part.html", "a part")
    bench.write("basic/page.html", 'outer <!--#include virtual="part.html" --> end')
    assert "outer a part end" in bench.ask("/basic/page.html", auth=ADA, headers={"Host": "left"}).text


@pytest.mark.parametrize("slip", ["unknown instance", "programs behind it", "one port for two"])
def test_slip_is_no_configuration(bench, slip):
    host = bench.host("left", bench.instance)
    texts = {"unknown instance": bench.programs + host.replace("Instance left", "Instance right"),
             "programs behind it": host + bench.programs,
             "one port for two": bench.programs + "\n" + bench.programs.replace("left", "right") + host}
    with pytest.raises(AssertionError, match="ended at once"):
        bench.start("", http=texts[slip])
