"""A host of its own, started like any other: systemd is its first process. Its files are those of this host, and
what is written to them is forgotten with it; its network is a loopback, which stays when it is rebooted."""
import contextlib
import ctypes
import os
import pathlib
import shutil
import subprocess

from . import places
from .process import Process, wait_until

CLONE_NEWNET = 0x40000000
REBOOT = 133    # how systemd-nspawn ends then

# Nothing is left when it ends, whatever ends it.
ALONE = ["unshare", "--mount-proc", "--pid", "--fork", "--kill-child", "--net"]

# What this host starts at boot is this host's affair. For systemd to lock memory and to filter
# addresses as on a host, it gets more than containers usually do.
START = f"""
ip link set lo up
mount -t tmpfs none /run
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay none -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
rm -rf "$1"/root/etc/systemd/system/*.wants
echo 0123456789abcdef0123456789abcdef > "$1/root/etc/machine-id"
mkdir /run/systemd
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
status={REBOOT}
while [ $status = {REBOOT} ]; do
    systemd-nspawn --quiet --boot --machine=tollgate --directory="$1/root" \
        --network-namespace-path=/proc/$$/ns/net --register=no --keep-unit \
        --link-journal=no --resolv-conf=off --timezone=off \
        --capability=CAP_BPF,CAP_IPC_LOCK,CAP_NET_ADMIN --system-call-filter="@memlock bpf" && exit || status=$?
done
exit $status
"""


def missing():
    """What keeps one from being started here, or None."""
    if os.geteuid() != 0:
        return "root"
    if not shutil.which("systemd-nspawn"):
        return "systemd-nspawn"
    tried = subprocess.run([*ALONE, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True, check=False)
    return f"namespaces of its own: {tried.stderr.strip()}" if tried.returncode else None


def enter(network):
    """This thread, and what it starts, goes over into this network namespace, an open file."""
    if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def descendants(pid):
    """The processes that it started, and those that they did."""
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield child
        yield from descendants(child)


class Machine:
    def __init__(self):
        self.directory = places.directory()
        self.process = Process([*ALONE, "sh", "-ec", START, "sh", self.directory],
                               self.directory.with_suffix(".log"))
        self.init = None
        self.await_boot()

    def await_boot(self):
        self.init = wait_until(self.find_init, 20, "a first process")
        wait_until(self.is_up, 60, "the machine being up")

    def find_init(self):
        """systemd's process id here."""
        assert self.process.running(), self.process.log
        with contextlib.suppress(FileNotFoundError):
            for pid in descendants(self.process.pid):
                if pathlib.Path(f"/proc/{pid}/comm").read_text() == "systemd\n":
                    return pid
        return None

    def is_up(self):
        state = self.run("systemctl", "is-system-running", check=False).stdout
        assert state != "degraded\n", self.run("systemctl", "--failed").stdout
        return state == "running\n"

    def reboot(self):
        before = self.init
        self.run("systemctl", "reboot")
        wait_until(lambda: not os.path.exists(f"/proc/{before}"), 60, "the machine going down")
        self.await_boot()

    def run(self, *argv, check=True, **options):
        """A command there, as root: the completed process."""
        done = subprocess.run(["nsenter", "-t", self.init, "-a", "--", *map(str, argv)],
                              capture_output=True, text=True, timeout=60, check=False, **options)
        assert not check or done.returncode == 0, (argv, done.stdout, done.stderr)
        return done

    def sh(self, commands, **options):
        """Lines out of a paper."""
        return self.run("sh", "-ec", commands, **options)

    def path(self, name):
        """A file there, by a name that is good here."""
        return pathlib.Path(f"/proc/{self.init}/root{name}")

    def copy(self, tree):
        """The files of a directory, to where they belong below /."""
        shutil.copytree(tree, self.path("/"), symlinks=True, dirs_exist_ok=True)

    def units(self, what, *names):
        """A property of each of these units."""
        shown = self.run("systemctl", "show", "--value", "--property", what, *names).stdout
        return dict(zip(names, shown.rstrip("\n").split("\n\n")))

    @contextlib.contextmanager
    def network(self):
        """What is done within is done in its network."""
        with open("/proc/thread-self/ns/net", "rb") as ours, open(f"/proc/{self.init}/ns/net", "rb") as its:
            enter(its)
            try:
                yield
            finally:
                enter(ours)

    def stop(self):
        self.run("systemctl", "poweroff")
        assert self.process.popen.wait(60) == 0, self.process.log
