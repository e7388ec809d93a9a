"""The units for systemd: what they permit is little, differs by program, and is enough to work."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from testenv import fcgi, paper, places, webhook
from testenv.ports import free_port
from testenv.process import Process
from testenv.redis import RedisServer
from testenv.responder import Responder, listening_socket
from testenv.site import CATALOGUE, Site
from testenv.sync import Sync
from testenv.units import Trace, Unit, confined, installed

RESPONDERS = ("access", "checkout", "portal", "session", "subscription", "webhook")
STRIPE = ("checkout", "portal", "session", "subscription", "sync")
ALL = RESPONDERS + ("sync",)
EXPOSURE_MAX = 1.5
UID = 64901

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can take rights away like systemd")


@pytest.fixture(scope="module")
def tree():
    if places.sanitized(places.plain_build()):
        pytest.skip("the sanitizers need more than the units permit")
    return installed(places.plain_build())


@pytest.fixture(scope="module")
def units(tree):
    return tree / "usr/local/lib/systemd/system"


# What the units say


def test_units_are_valid(tree, directory):
    """With the programs where the units look for them."""
    paths = []
    for kind in ("service", "socket"):
        for task in RESPONDERS + ("access-apache",) + (("sync",) if kind == "service" else ()):
            paths.append(directory / f"tollgate-{task}.{kind}")
            paths[-1].write_text(Unit(paths[-1].name, tree / "usr/local/sbin").text)
    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", *paths], capture_output=True, text=True)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


def test_what_systemctl_shows_tells_them_apart(units):
    said = [re.search("^Description=(.*)", path.read_text(), re.MULTILINE)[1] for path in units.iterdir()]
    assert len(said) == len(set(said)) == 2 * (2 * len(ALL) + 2)
    assert sum("of %i" in text for text in said) == len(said) / 2


def exposure(path):
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", path],
                          capture_output=True, text=True)
    return float(re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)[1])


def test_exposure_is_low(units):
    levels = {path.name: exposure(path) for path in units.glob("*.service")}
    assert len(levels) == 2 * len(ALL) + 2
    assert all(0 < level <= EXPOSURE_MAX for level in levels.values()), levels


def test_gate_and_webhook_have_no_network_but_this_host():
    for task in ALL:
        unit = Unit(f"tollgate-{task}.service")
        assert (unit.values("IPAddressDeny"), unit.values("IPAddressAllow")) == (
            ([], []) if task in STRIPE else (["any"], ["localhost"]))


def test_secrets_of_others_are_out_of_sight():
    for name, top in (("tollgate-{}.service", "/etc/tollgate"), ("tollgate-{}@.service", "/etc/tollgate/%i")):
        for task in ALL:
            seen = {"stripe", task} if task in STRIPE else {task}
            hidden = {pathlib.Path(path).name for path in Unit(name.format(task)).hidden()}
            assert hidden == {"stripe", "webhook", *STRIPE} - seen
            assert all(path.startswith(top + "/") for path in Unit(name.format(task)).hidden())


def promised():
    """{task: (Stripe key, signing secret, network)} of SECURITY.md."""
    rows = re.findall(r"^\| `tollgate-(\w+)` \| (.*) \|$", (places.TOP / "SECURITY.md").read_text(), re.MULTILINE)
    return {task: tuple(row.split(" | ")[i] for i in (0, 1, 3)) for task, row in rows}


def test_security_md_says_what_the_units_do():
    def truth(unit):
        hidden = {pathlib.Path(path).name for path in unit.hidden()}
        return ("–" if "stripe" in hidden else "its own", "–" if "webhook" in hidden else "yes",
                "this host" if unit.values("IPAddressDeny") == ["any"] else "any")
    assert promised() == {task: truth(Unit(f"tollgate-{task}.service")) for task in ALL}


def enabled(tree, name):
    """What `systemctl enable` of this unit links, below a root directory that is not the system's."""
    links = tree / "etc/systemd/system"
    shutil.rmtree(links, ignore_errors=True)
    subprocess.run(["systemctl", f"--root={tree}", "enable", name], check=True, capture_output=True)
    return {str(path.relative_to(links)) for path in links.rglob("*") if path.is_symlink()}


@pytest.mark.parametrize("site", ["", "@shop"])
def test_one_command_enables_all(tree, site):
    wants = f"tollgate{site}.target.wants"
    expected = {f"{wants}/tollgate-{task}{site}.{kind}" for task in RESPONDERS for kind in ("socket", "service")}
    assert enabled(tree, f"tollgate{site}.target") == expected | {
        f"{wants}/tollgate-sync{site}.service", f"multi-user.target.wants/tollgate{site}.target"}


def test_instance_of_a_site_has_its_own_user_configuration_and_sockets():
    service = Unit("tollgate-checkout@.service", sysconfdir="/etc")
    assert service.values("User") == ["tollgate-%i"]
    assert service.values("ExecStart")[1:] == ["-c", "/etc/tollgate/%i.conf"]
    assert Unit("tollgate-checkout@.socket").values("ListenStream") == ["/run/tollgate-%i/checkout.sock"]


def drop_in(unit):
    """What the command of tollgate-apache(7) writes beside a unit of this name: {file: text}."""
    block = paper.that_has(paper.literals("tollgate-apache.7"), "printf")
    made = places.directory()
    commands = block.split("systemctl")[0].replace("/etc/systemd/system", str(made))
    subprocess.run(["sh", "-ec", commands], check=True)
    return {path.name: path.read_text() for path in (made / f"{unit}.d").iterdir()}


def test_port_of_a_sites_own_gate_is_for_the_administrator_to_say(tree, directory):
    """A unit without an address does not start, so no two sites have the same one."""
    name = "tollgate-access-apache@shop.socket"
    template = Unit("tollgate-access-apache@.socket")
    assert template.values("ListenStream") == []
    (directory / name).write_text(template.text)
    (directory / name.replace("socket", "service")).write_text(
        Unit("tollgate-access-apache@.service", tree / "usr/local/sbin").text)
    verify = ["systemd-analyze", "verify", "--man=no", directory / name]
    assert "Refusing" in subprocess.run(verify, capture_output=True, text=True).stderr
    (directory / f"{name}.d").mkdir()
    for file, text in drop_in(name).items():
        (directory / f"{name}.d" / file).write_text(text)
    assert "ListenStream=127.0.0.1:941\n" in text
    verified = subprocess.run(verify, capture_output=True, text=True)
    assert (verified.returncode, verified.stderr) == (0, "")
    assert enabled(tree, name) == {f"tollgate@shop.target.wants/tollgate-access-apache@shop.{kind}"
                                   for kind in ("socket", "service")}


def test_nginx_looks_where_the_sockets_are():
    sockets = {path for task in RESPONDERS for path in Unit(f"tollgate-{task}.socket").values("ListenStream")}
    upstreams = (places.TOP / "nginx" / "tollgate-upstreams.conf").read_text()
    assert set(re.findall(r"^\s*server unix:(\S+)", upstreams, re.MULTILINE)) == {f"{path}" for path in sockets}


# What the programs need is permitted: they are driven through all that they do


class House:
    """The programs of the plain build, each with a command of the test's before it."""

    def __init__(self, tree, sandbox, redis_url, before):
        self.directory = places.directory()
        self.directory.chmod(0o755)
        self.sbin = tree / "usr/local/sbin"
        etc = self.directory / "tollgate"
        etc.mkdir()
        self.site = Site(etc, redis=redis_url, stripe=sandbox.base.replace("127.0.0.1", "localhost"))
        self.arrange_secrets(etc)
        self.listeners = {task: listening_socket(self.directory / f"{task}.sock") for task in RESPONDERS}
        self.programs = {task: Responder.inherited(
            f"tollgate-{task}", self.site.config, self.listeners[task], self.directory / f"{task}.sock",
            build=self.sbin, before=before(task, self.directory)) for task in RESPONDERS}
        self.programs["sync"] = Sync(self.site, build=self.sbin, before=before("sync", self.directory))

    def arrange_secrets(self, etc):
        """In a directory for those who need them, as tollgate(8) says."""
        text = self.site.config.read_text()
        for name, old in (("stripe", "stripe.key"), ("webhook", "webhook.secret"), ("identity", "identity.key")):
            (etc / name).mkdir()
            (etc / old).rename(etc / name / "key")
            os.chown(etc / name / "key", UID, UID)
            text = text.replace(f"{etc}/{old}", f"{etc}/{name}/key")
        self.site.config.write_text(text)

    def ask(self, task, pairs, body=b""):
        with fcgi.Connection(self.directory / f"{task}.sock", timeout=10) as connection:
            return connection.request({"TOLLGATE_USER": "ann", "HTTP_ACCEPT": "application/json",
                                       "HTTP_SEC_FETCH_SITE": "same-origin", **pairs}, body)

    def post(self, task, endpoint, value):
        body = json.dumps(value).encode()
        answer = self.ask(task, fcgi.post(f"/billing/{endpoint}", body), body)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def get(self, task, path):
        answer = self.ask(task, fcgi.get(f"/billing/{path}"))
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def event(self):
        body = json.dumps(webhook.event("customer.subscription.created", webhook.subscription())).encode()
        return self.ask("webhook", fcgi.post("/billing/webhook", body, HTTP_STRIPE_SIGNATURE=webhook.sign(body)), body)

    def gate(self, user):
        return self.ask("access", fcgi.get("/", TOLLGATE_USER=user, TOLLGATE_REQUIRE="plan:basic"))

    def live(self):
        """Each program does what it is there for; the gate's stranger is the daemon's work."""
        session = self.post("checkout", "create-checkout-session", {"plan": "basic"})["sessionId"]
        assert self.get("session", f"session-status?session_id={session}")["status"] == "open"
        assert self.post("portal", "customer-portal", {})["url"]
        assert self.get("subscription", "config")["plans"]
        assert self.event().status == 200
        assert self.gate("stranger").headers["Tollgate-Reason"] == "no_subscription"

    def stop(self):
        for program in self.programs.values():
            program.stop()
        for listener in self.listeners.values():
            listener.close()


@pytest.fixture
def house(tree, sandbox, request):
    """Makes one, with a Redis on a unix socket and on TCP."""
    sandbox.control("POST", "seed", CATALOGUE)
    port = free_port()
    redis = RedisServer(port=port)
    redis.directory.chmod(0o755)
    made = []

    def make(before, tcp=False):
        made.append(House(tree, sandbox, f"tcp://127.0.0.1:{port}/0" if tcp else redis.url, before))
        return made[-1]
    yield make
    for each in made:
        each.stop()
    redis.stop()


def test_programs_ask_the_kernel_only_for_what_is_permitted(house):
    traces = {}

    def traced(task, directory):
        traces[task] = Trace(directory / f"{task}.trace")
        return traces[task].argv
    living = house(traced, tcp=True)
    living.live()
    for program in living.programs.values():
        program.stop()
    for task, trace in traces.items():
        unit = Unit(f"tollgate-{task}.service")
        assert len(trace.calls()) > 20 and trace.calls() <= unit.calls(), (task, trace.calls() - unit.calls())
        assert {"AF_INET"} <= trace.families() <= {*unit.values("RestrictAddressFamilies")}, task
        text = "\n".join(trace.lines)
        assert not re.search(r"\bbind\(|PROT_WRITE\|PROT_EXEC|PROT_EXEC\|PROT_WRITE", text), task
        assert "mlock" in trace.calls() and "mlock" in unit.calls()
        assert not re.search(r"openat?\(.*(O_WRONLY|O_RDWR|O_CREAT)(?!.*/dev/)", text), task


@needs_root
def test_programs_work_without_rights_and_with_nothing_to_write_to(house, tree):
    """The gate and the webhook have no network besides, as with redis-socket.conf."""
    def confine(task, directory):
        unit = Unit(f"tollgate-{task}.service", tree / "usr/local/sbin", sysconfdir=directory)
        return confined(unit, UID, network=task in STRIPE)
    living = house(confine)
    living.live()
    process = pathlib.Path(f"/proc/{living.programs['access'].process.pid}")
    status = (process / "status").read_text()
    assert re.search(r"^CapBnd:\s0+$", status, re.M) and re.search(r"^NoNewPrivs:\s1$", status, re.M)
    assert re.search(rf"^Uid:\s{UID}\s", status, re.M)
    assert (process / "mem").stat().st_uid == 0, "others of its user may look into it"


@needs_root
@pytest.mark.parametrize("task", ALL)
def test_confined_program_reads_its_own_secrets_and_no_more(directory, task):
    directory.chmod(0o755)
    names = ("identity", "stripe", "webhook", *STRIPE)
    for name in names:
        (directory / "tollgate" / name).mkdir(parents=True)
        (directory / "tollgate" / name / "key").write_text(name)
    before = confined(Unit(f"tollgate-{task}.service", sysconfdir=directory), UID, tools=["sh", "cat"])
    looked = subprocess.run([*before, "sh", "-c", f"cat {directory}/tollgate/*/key; ls; : >{directory}/new"],
                            capture_output=True, text=True)
    own = {"access": [], "webhook": ["webhook"]}.get(task, ["stripe", task])
    assert looked.stdout == "".join(sorted(["identity", *own]))
    assert not (directory / "new").exists() and "Read-only file system" in looked.stderr
    assert "ls: Permission denied" in looked.stderr


def test_program_that_systemd_starts_when_somebody_connects(tree, site):
    path = site.directory / "activated.sock"
    process = Process(["systemd-socket-activate", "-l", path, tree / "usr/local/sbin/tollgate-access", "-c", site.config],
                      site.directory / "activated.log")
    process.wait_ready(path.exists)
    assert "event=started" not in process.log
    with fcgi.Connection(path) as connection:
        assert connection.request(fcgi.get("/", TOLLGATE_REQUIRE="any")).status == 401
    assert process.terminate() == 0
