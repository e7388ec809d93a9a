"""A host under systemd, set up by the README's own commands: the units as they are, the web server, PHP and Redis
as Debian starts them. What a unit forbids is forbidden by systemd here, and not by a stand-in for it."""
import concurrent.futures
import re
import shutil
import socket

import pytest
from test_checkout import create, pay
from testenv import machine, paper, places
from testenv.manual import page
from testenv.process import wait_until
from testenv.sandbox import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET, Sandbox
from testenv.site import CATALOGUE, identity_token
from testenv.stack import RESPONDERS, Session
from testenv.units import installed

URL = "http://127.0.0.1"
CONFIGURATION = "/etc/tollgate/tollgate.conf"
ELSEWHERE = "192.0.2.10"    # as in tollgate(8), and not this host's loopback
INVALID = 78
PAGE = "<?php echo $_SERVER['TOLLGATE_STATUS'] . ' ' . $_SERVER['TOLLGATE_PLAN'];"
ROOT = "/var/www/shop"

pytestmark = pytest.mark.skipif(bool(machine.missing()), reason=f"needs {machine.missing()}")


def readme(text, kind=""):
    return paper.that_has(paper.fenced("README.md", kind), text)


def manual(page, text):
    """A block of it."""
    return paper.that_has(paper.literals(page), text)


CHECK = re.search("`(runuser .* check)`", (places.TOP / "README.md").read_text())[1]
APPLY = manual("tollgate.8", "runuser")


class House(machine.Machine):
    """With Stripe's stand-in on its loopback, and a shop."""

    def __init__(self, tree):
        super().__init__()
        with self.network():
            self.sandbox = Sandbox(webhook=f"{URL}/billing/webhook")
            self.sandbox.control("POST", "seed", CATALOGUE)
        self.key = "/etc/tollgate/shop.identity"
        self.install(tree)
        self.configure()
        self.path(f"{ROOT}/members").mkdir(parents=True)
        self.path(f"{ROOT}/members/page.php").write_text(PAGE)
        self.wire()
        self.sh(readme("enable --now tollgate.target"))

    def install(self, tree):
        self.copy(tree)
        self.sh(readme("useradd").split("make install\n")[1])
        with open(self.path("/etc/redis/redis.conf"), "a", encoding="ascii") as file:
            file.write("unixsocket /run/redis/redis-server.sock\nunixsocketperm 770\n")
        self.sh("systemctl enable --now redis-server $(basename -a /lib/systemd/system/php*-fpm.service)")

    def configure(self):
        self.sh(readme("openssl rand"))
        for file, secret in (("stripe/shop.key", SECRET_KEY), ("webhook/shop.whsec", WEBHOOK_SECRET)):
            self.sh(f"install -o tollgate -m 600 /dev/stdin /etc/tollgate/{file}", input=secret)
        text = readme('site "shop"').replace("https://shop.example", URL)
        self.path(CONFIGURATION).write_text(f'stripe_api_base = "{self.sandbox.base}"\n'
                                            + text.replace("pk_live_51Example", PUBLISHABLE_KEY))

    def session(self, user):
        """A script in the browser of who has logged in to the shop."""
        session = Session(URL)
        session.cookies.set("tollgate", identity_token(user, self.path(self.key).read_text().strip()))
        session.headers.update({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"})
        return session

    def page(self, user):
        return self.session(user).get("/members/page.php")

    def sells(self, user):
        """The status of what a program with a Stripe key is asked for."""
        return self.session(user).post("/billing/create-checkout-session", json={}).status_code

    def buy(self, user):
        pay(self, create(self.session(user), plan="premium")["sessionId"])
        wait_until(lambda: self.page(user).status_code == 200, what=f"access of {user}")

    def of_each(self, what, kind="service"):
        """A property of each program's unit."""
        tasks = self.gates + (RESPONDERS if kind == "socket" else (*RESPONDERS, "sync"))
        return self.units(what, *(f"tollgate-{task}.{kind}" for task in tasks))

    def states(self, kind="service"):
        return set(self.of_each("SubState", kind).values())

    def stop(self):
        super().stop()
        self.sandbox.stop()


class NginxHouse(House):
    unpaid = 403
    gates = ()

    def wire(self):
        self.sh(readme("/etc/nginx/snippets/"))
        inside = re.search(r"^http \{\n(.*)^\}", readme("server {", "nginx"), re.DOTALL | re.MULTILINE)[1]
        self.path("/etc/nginx/conf.d/shop.conf").write_text(
            inside.replace("server {", f"server {{\n        root {ROOT};"))
        self.sh("rm /etc/nginx/sites-enabled/default; systemctl enable --now nginx")


class ApacheHouse(House):
    """PHP is as Debian has it: the README leaves it to the administrator."""
    unpaid = 402
    gates = ("access-apache",)

    def wire(self):
        self.sh(readme("a2enmod"))
        text = readme("<VirtualHost", "apache").replace("*:443>", f"*:80>\n    DocumentRoot {ROOT}")
        self.path("/etc/apache2/sites-available/shop.conf").write_text(text)
        self.sh("a2dissite 000-default; a2ensite shop; a2enconf 'php*-fpm'; systemctl enable --now apache2")
        self.sh(re.search(r"`(systemctl enable --now\s+tollgate-access-apache.socket)`",
                          (places.TOP / "README.md").read_text())[1].replace("\n", " "))


@pytest.fixture(scope="module", params=[NginxHouse, ApacheHouse], ids=["nginx", "apache"])
def house_process(request):
    if places.sanitized(places.plain_build()):
        pytest.skip("the sanitizers need more than the units permit")
    tree = installed(places.plain_build())
    if "=-/etc/tollgate/" not in (tree / "usr/local/lib/systemd/system/tollgate-access.service").read_text():
        pytest.skip("needs a plain build with --sysconfdir=/etc")
    house = request.param(tree)
    yield house
    house.stop()


@pytest.fixture
def house(house_process):
    with house_process.network():
        yield house_process


def test_it_sells_and_lets_in(house):
    assert house.page("bob").status_code == house.unpaid
    house.buy("ann")
    assert house.page("ann").text == "active premium"
    assert house.states() == {"running"}
    assert house.sh(CHECK).stderr == ""


def test_start_is_in_the_journal_by_its_priority(house):
    """Were memory of secrets not locked, it would stand there as a warning."""
    house.sh("systemctl restart tollgate.target")
    for name, invocation in house.of_each("InvocationID").items():
        def said(priority):
            return house.sh(f"journalctl -o cat -p {priority} _SYSTEMD_INVOCATION_ID={invocation}").stdout
        wait_until(lambda: "event=started" in said("info"), what=f"a start of {name}")
        assert "event=started" not in said("notice") and "secrets" not in said("warning")


def test_all_of_it_starts_at_boot(house):
    house.buy("carol")
    house.reboot()
    wait_until(lambda: house.states() == {"running"}, what="all programs")
    wait_until(lambda: house.page("carol").status_code == 200, what="access")


def hammer(house, ask, stopped):
    """The statuses that are answered until it is to stop."""
    seen = []
    session = house.session("dora")
    while not stopped:
        seen.append(ask(session).status_code)
    return seen


def test_restart_loses_no_request(house):
    house.buy("dora")
    asks = {lambda session: session.get("/members/page.php"): 200,
            lambda session: session.get("/billing/config"): 200,
            lambda session: session.post("/billing/create-preview-invoice", json={}): 400}
    stopped = []
    with concurrent.futures.ThreadPoolExecutor(len(asks)) as pool:
        asked = [pool.submit(hammer, house, ask, stopped) for ask in asks]
        for _ in range(3):
            house.sh(APPLY)
        stopped.append(True)
        for statuses, expected in zip(asked, asks.values()):
            assert set(statuses.result()) == {expected} and len(statuses.result()) > 20


def test_what_redis_knows_of_a_site_is_forgotten_before_it_goes_live(house):
    redis = "redis-cli -s /run/redis/redis-server.sock"
    house.sh(f"{redis} mset tollgate:{{shop}}:session:cs_test_1 1 tollgate:{{other}}:session:cs_test_1 1")
    house.sh(readme("unlink"))
    wait_until(lambda: house.states() == {"running"}, what="all programs")
    assert house.sh(f"{redis} --scan --pattern '*:session:cs_test_1'").stdout == "tollgate:{other}:session:cs_test_1\n"


def test_stopped_target_listens_nowhere(house):
    house.sh("systemctl stop tollgate.target")
    wait_until(lambda: house.states() == house.states("socket") == {"dead"}, what="the end")
    assert house.sells("frank") in (502, 503)
    house.sh("systemctl start tollgate.target")
    assert house.sells("frank") == 200


def users_of(house, *tasks):
    """Whom the programs of the shop alone run as."""
    pids = house.units("MainPID", *(f"tollgate-{task}@shop" for task in tasks)).values()
    return set(house.sh("stat -c %U " + " ".join(f"/proc/{pid}" for pid in pids)).stdout.split())


@pytest.mark.parametrize("house_process", [NginxHouse], ids=["nginx"], indirect=True, scope="module")
def test_programs_of_one_site_alone(house, configuration):
    house.sh("systemctl disable --now tollgate.target; mkdir -p /etc/tollgate/shop; cd /etc/tollgate;"
             " cp -r stripe webhook shop.identity shop/")
    house.path("/etc/tollgate/shop.conf").write_text(
        configuration.read_text().replace('"/etc/tollgate/', '"/etc/tollgate/shop/'))
    house.sh(manual("tollgate-nginx.7", "useradd"))
    house.sh(manual("tollgate-nginx.7", "sed -e"))
    server = house.path("/etc/nginx/conf.d/shop.conf")
    shared = server.read_text()
    server.write_text(shared.replace("server {", "server {\n" + manual("tollgate-nginx.7", "set $tollgate_instance")))
    house.sh("systemctl reload nginx; systemctl enable --now tollgate@shop.target")
    house.buy("jane")
    assert users_of(house, *RESPONDERS, "sync") == {"tollgate-shop"}
    house.sh("systemctl disable --now tollgate@shop.target; systemctl enable --now tollgate.target")
    server.write_text(shared)
    house.sh("systemctl reload nginx")


# Behind Apache there is one program more. They come last, or the machines would be booted in turns.
of_all_programs = pytest.mark.parametrize("house_process", [ApacheHouse], ids=["apache"], indirect=True, scope="module")


@of_all_programs
def test_program_that_dies_and_dies_again_is_started_while_the_web_server_waits(house):
    """It finds the socket open, whose holder is systemd."""
    house.buy("emma")
    before = house.of_each("NRestarts")
    for times in range(6):
        house.sh("systemctl kill --signal=KILL " + " ".join(before))
        if not times:
            assert house.page("emma").status_code == 200
        wait_until(lambda: house.states() == {"running"}, what="all programs")
    assert {name: int(count) - int(before[name]) for name, count in house.of_each("NRestarts").items()} \
        == dict.fromkeys(before, 6)
    assert house.page("emma").status_code == 200 and house.sells("frank") == 200


@pytest.fixture
def configuration(house):
    """It and the units may be changed: all will be as it was."""
    file = house.path(CONFIGURATION)
    good = file.read_text()
    yield file
    file.write_text(good)
    house.sh("systemctl revert 'tollgate-*.service'; systemctl restart tollgate.target")
    wait_until(lambda: house.states() == {"running"}, what="all programs")


@of_all_programs
def test_wrong_configuration_is_told_and_a_right_one_taken(house, configuration):
    """However often somebody asked meanwhile, or somebody tried."""
    good = configuration.read_text()
    configuration.write_text(good + "nonsense = 1\n")
    assert house.sh(APPLY, check=False).returncode == INVALID
    for _ in range(6):
        house.sh("systemctl restart tollgate.target")
        assert house.page("ann").status_code in (500, 503)
    wait_until(lambda: house.states() == {"failed"}, what="all programs having failed")
    assert set(house.of_each("ExecMainStatus").values()) == {str(INVALID)}
    said = house.sh("journalctl -u tollgate-access -p err -o cat").stdout
    assert f"file={CONFIGURATION} line={good.count(chr(10)) + 1} reason=\"no such option 'nonsense'\"" in said
    configuration.write_text(good)
    house.sh("systemctl restart tollgate.target")
    wait_until(lambda: house.states() == {"running"}, what="all programs")
    assert house.page("bob").status_code == house.unpaid and house.sells("frank") == 200


@of_all_programs
def test_secret_that_the_programs_cannot_read_is_found_before_a_restart(house, configuration):
    """Root, who asks, could."""
    secret = "/etc/tollgate/webhook/shop.whsec"
    before = house.of_each("InvocationID")
    house.sh(f"chown root {secret}; tollgate check")
    refused = house.sh(APPLY, check=False)
    house.sh(f"chown tollgate {secret}")
    assert refused.returncode == INVALID and secret in refused.stderr
    assert house.of_each("InvocationID") == before


@of_all_programs
def test_upgrade_restarts_all_programs(house):
    upgrade = readme("systemctl daemon-reload\nrunuser").split("make install\n")[1]
    house.sh(upgrade)
    wait_until(lambda: house.states() == {"running"}, what="all programs")
    assert house.sells("frank") == 200


@of_all_programs
def test_missing_user_is_not_tried_for_ever(house):
    """The target is active all the same, so it is said where to look."""
    house.sh("systemctl start tollgate-checkout@nobody.service tollgate-access@nobody.service", check=False)
    failed = re.search(r"systemctl list-units --failed \S*", page("tollgate.8"))[0]
    wait_until(lambda: "tollgate-checkout@nobody" in house.sh(failed).stdout, what="the end")
    assert house.units("NRestarts", "tollgate-checkout@nobody.service") == {"tollgate-checkout@nobody.service": "0"}
    house.sh("systemctl reset-failed; systemctl stop 'tollgate*@nobody*'")


@of_all_programs
def test_changed_socket_is_taken_with_its_restart(house):
    drop_in = manual("tollgate.8", "SocketGroup=").replace("nginx", "games")
    house.sh("install -D /dev/stdin /etc/systemd/system/tollgate-access.socket.d/override.conf", input=drop_in)
    restart = re.search("systemctl restart tollgate-access.socket", page("tollgate.8"))[0]
    house.sh(f"systemctl daemon-reload; {restart}")
    assert house.sh("stat -c %G /run/tollgate/access.sock").stdout == "games\n"
    house.sh(f"systemctl revert tollgate-access.socket; {restart}")


@of_all_programs
@pytest.mark.skipif(not shutil.which("cgi-fcgi"), reason="needs cgi-fcgi")
def test_operator_asks_why_somebody_does_not_pass(house):
    ask = manual("tollgate.8", "cgi-fcgi")
    assert "Tollgate-Reason: no_subscription" in house.sh(ask.replace("=ann", "=nobody")).stdout
    house.sh(ask.replace("=plan:premium", "=plan:premuim"))
    told = house.sh(manual("tollgate.8", "journalctl")).stdout
    assert "plan:premuim" in told and "site=shop" in told


# Run as a user of the host who is nobody in particular.
CONNECT = "runuser -u {user} -- /usr/bin/python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}))'"
LISTEN = "runuser -u {user} -- /usr/bin/python3 -c 'import socket; socket.create_server((\"127.0.0.1\", {port}))'"


def can(house, what, user, port=940):
    return house.sh(what.format(user=user, port=port), check=False).returncode == 0


@of_all_programs
def test_nobody_else_listens_at_the_port_of_the_gate(house):
    house.sh("systemctl stop tollgate-access-apache.socket")
    assert can(house, LISTEN, "games", 1024) and not can(house, LISTEN, "games")
    assert house.page("ann").status_code == 503
    house.sh("systemctl start tollgate-access-apache.socket")
    assert house.page("bob").status_code == house.unpaid


@of_all_programs
@pytest.mark.skipif(not shutil.which("nft"), reason="needs nft")
def test_firewall_keeps_all_but_the_web_server_from_the_gates(house):
    assert can(house, CONNECT, "games")
    with open(house.path("/etc/nftables.conf"), "a", encoding="ascii") as file:
        file.write(manual("tollgate-apache.7", "table inet tollgate"))
    house.sh(manual("tollgate-apache.7", "enable nftables"))
    assert [can(house, CONNECT, user) for user in ("games", "tollgate", "www-data", "root")] == [False, False, True, True]
    assert house.page("bob").status_code == house.unpaid
    with socket.create_server(("127.0.0.1", 941)):
        assert can(house, CONNECT, "games", 941)
        house.sh(manual("tollgate-apache.7", "nft add element"))
        assert not can(house, CONNECT, "games", 941) and can(house, CONNECT, "www-data", 941)
    house.sh("systemctl disable --now nftables")


@pytest.fixture
def redis_elsewhere(house):
    """Its address is one of this machine, but not of its loopback."""
    house.sh(f"ip address add {ELSEWHERE}/32 dev lo")
    house.sh(f"systemd-run --unit=elsewhere redis-server --bind {ELSEWHERE} --port 6380 --protected-mode no")
    yield f"tcp://{ELSEWHERE}:6380/0"
    house.sh(f"systemctl stop elsewhere; ip address del {ELSEWHERE}/32 dev lo")


@of_all_programs
def test_gate_and_webhook_reach_no_other_host_before_it_is_permitted(house, configuration, redis_elsewhere):
    configuration.write_text(re.sub("(?m)^redis = .*", f'redis = "{redis_elsewhere}"', configuration.read_text()))
    house.sh("systemctl restart tollgate.target")
    assert house.page("ann").status_code == 503 and house.sells("gina") == 200
    drop_in = manual("tollgate.8", f"IPAddressAllow={ELSEWHERE}")
    for task in ("access", "webhook", *house.gates):
        house.sh(f"install -D /dev/stdin /etc/systemd/system/tollgate-{task}.service.d/override.conf", input=drop_in)
    house.sh("systemctl daemon-reload; systemctl restart tollgate.target")
    house.buy("gina")


@of_all_programs
def test_gate_and_webhook_need_no_network_for_a_socket(house, configuration):
    house.sh(manual("tollgate.8", "redis-socket.conf"))
    house.buy("hilda")
    alone = {name for name, pid in house.of_each("MainPID").items()
             if house.sh(f"readlink /proc/{pid}/ns/net").stdout != house.sh("readlink /proc/1/ns/net").stdout}
    assert alone == {f"tollgate-{task}.service" for task in ("access", "access-apache", "webhook")}


def make_programs_of_one_site(house, configuration):
    """All that the manual lists, with what is pasted."""
    given = {"shop/stripe/shop.key": SECRET_KEY, "shop/webhook/shop.whsec": WEBHOOK_SECRET, "shop/redis.password": "none",
             "shop.conf": configuration.read_text().replace('"/etc/tollgate/', '"/etc/tollgate/shop/')}
    for line in manual("tollgate-apache.7", "useradd").splitlines():
        house.sh(f"cd /etc/tollgate; {line}", input=given.pop(line.split()[-1], None))
    assert not given
    house.sh(manual("tollgate-apache.7", "printf"))
    house.sh(manual("tollgate-apache.7", "runuser"))


@of_all_programs
def test_programs_of_one_site_alone_behind_apache(house, configuration):
    house.sh("systemctl disable --now tollgate.target; useradd --create-home shop")
    make_programs_of_one_site(house, configuration)
    site = house.path("/etc/apache2/sites-available/shop.conf")
    shared, key = site.read_text(), house.key
    house.key = house.sh("runuser -u shop -- readlink -e ~shop/tollgate.identity").stdout.strip()
    site.write_text(shared.replace("<VirtualHost", manual("tollgate-apache.7", "Use TollgatePrograms") + "<VirtualHost")
                    .replace("Use TollgateSite shop", manual("tollgate-apache.7", "Use TollgateInstance")))
    house.sh("apachectl configtest && systemctl reload apache2")
    house.buy("jane")
    assert users_of(house, "access-apache", *RESPONDERS, "sync") == {"tollgate-shop"}
    house.sh("systemctl disable --now tollgate@shop.target; systemctl enable --now tollgate.target")
    site.write_text(shared)
    house.key = key
    house.sh("systemctl reload apache2")
