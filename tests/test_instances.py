"""One instance for each site, each under a unix user of its own, behind one nginx or one Apache."""
import os
import pathlib
import subprocess

import pytest
from test_checkout import create, pay
from test_redis_acl import password
from testenv import instances, manual, places
from testenv.process import wait_until
from testenv.redis import RedisServer
from testenv.site import write_secret

pytestmark = pytest.mark.skipif(bool(instances.missing()), reason=f"needs {instances.missing()}")


def login(site):
    """The name and password of the site's own user of Redis, in its own directory."""
    return f'redis_user = "{site}"\nredis_password_file = "%(secrets)s/redis.password"'


@pytest.fixture(scope="module", params=[instances.Instances, instances.ApacheInstances], ids=["nginx", "apache"])
def host(request):
    aclfile = places.directory() / "users.acl"
    aclfile.write_text("\n".join([manual.site_user("left"), manual.site_user("right"),
                                  "user default on nopass ~* &* +@all"]) + "\n")
    host = request.param(redis=RedisServer("--aclfile", aclfile), left={}, right={})
    host.redis.path.parent.chmod(0o711)
    for site in host.sites.values():
        write_secret(site.secrets / "redis.password", password(manual.site_user(site.name)))
        site.more = login(site.name) % vars(site)
        site.write()
    yield host.start()
    host.stop()


def shell(uid, *argv):
    """The exit code of a command run by this user, who is in no group but his own."""
    return subprocess.run([str(word) for word in argv], user=uid, group=uid, extra_groups=[],
                          stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=10, check=False).returncode


def test_each_site_sells_and_lets_in_its_own(host):
    for site in host.sites.values():
        ann = site.session(f"ann of {site.name}")
        pay(site, create(ann, plan="basic")["sessionId"])
        wait_until(lambda: ann.get("/page").status_code == 200, what="access")
    stranger = host["right"].session("ann of left")
    wait_until(lambda: stranger.get("/page").status_code == host.web.unpaid, what="a no")


HANDLER = """
SetEnvIf Request_URI ^ TOLLGATE_SITE=%(site)s TOLLGATE_INSTANCE=%(site)s
ProxyFCGISetEnvIf true TOLLGATE_SITE %(site)s
SetHandler "proxy:unix:%(socket)s|fcgi://stolen"
"""


@pytest.mark.parametrize("host", [instances.ApacheInstances], ids=["apache"], indirect=True, scope="module")
def test_programs_of_the_other_site_do_not_answer_a_handler_of_this_one(host):
    """Apache's user can connect to all of them. Not by SetEnv; what an <If> can do, AllowOverride has to forbid."""
    left, right = host["left"], host["right"]
    stolen = host.web.root / "stolen"
    stolen.mkdir(mode=0o755, exist_ok=True)
    for site in (left, right):
        (stolen / ".htaccess").write_text(HANDLER % {"site": site.name, "socket": site.run / "subscription.sock"})
        assert left.session().get("/stolen/config").status_code == (200 if site is left else 400)
    assert right.session().get("/billing/config").status_code == 200


def test_every_program_runs_as_its_sites_user(host):
    for name, responder in host.responders.items():
        status = pathlib.Path(f"/proc/{responder.process.pid}/status").read_text()
        uid = host[name.split("-")[0]].uid
        assert f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}" in status


def test_files_of_the_other_site_cannot_be_read(host):
    left, right = host["left"], host["right"]
    secrets = [*right.secrets.iterdir(), right.config, right.file]
    assert {path.name for path in secrets} >= {"stripe.key", "webhook.secret", "identity.key", "redis.password"}
    for path in secrets:
        assert shell(left.uid, "cat", path) != 0, path
        assert shell(right.uid, "cat", path) == 0, path


def test_socket_of_the_other_site_cannot_be_reached(host):
    connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    left, right = host["left"], host["right"]
    for path in right.run.glob("*.sock"):
        assert shell(left.uid, "/usr/bin/python3", "-c", connect, path) != 0, path
        assert shell(right.uid, "/usr/bin/python3", "-c", connect, path) == 0, path


def test_memory_of_the_other_site_cannot_be_looked_into(host):
    pid = host.responders["right-checkout"].process.pid
    for file in ("mem", "environ", "maps"):
        assert shell(host["left"].uid, "head", "-c1", f"/proc/{pid}/{file}") != 0


def test_configuration_of_the_other_site_does_not_start(host):
    left, right = host["left"], host["right"]
    program = host.directory / "tollgate-checkout"
    assert shell(left.uid, program, "-t", "-c", right.config) == 78
    assert shell(right.uid, program, "-t", "-c", right.config) == 0
    assert os.stat(right.config).st_uid == right.uid
