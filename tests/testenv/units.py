"""The units for systemd, and what they ask for that can be had without it."""
import os
import re
import shutil
import subprocess

from . import places

SYSTEMD = places.TOP / "systemd"


def installed(build):
    """What `make install` of this build gives, below a directory that everybody may read."""
    tree = places.directory()
    tree.chmod(0o755)
    subprocess.run(["make", "-s", "-C", build, "install", f"DESTDIR={tree}"], check=True, capture_output=True)
    return tree


class Unit:
    """As make writes it, for programs and a configuration in these directories."""

    def __init__(self, name, sbindir="/usr/local/sbin", sysconfdir="/etc"):
        self.name = name
        self.text = subprocess.run([SYSTEMD / "make-unit", SYSTEMD, name, f"sbindir={sbindir}",
                                    f"sysconfdir={sysconfdir}", "webgroup=www-data"],
                                   check=True, capture_output=True, text=True).stdout

    def values(self, key):
        """The words of all lines of this key."""
        return [word for line in re.findall(rf"^{key}=(.*)$", self.text, re.MULTILINE) for word in line.split()]

    def hidden(self):
        return [path.lstrip("-") for path in self.values("InaccessiblePaths")]

    def calls(self):
        """The system calls that SystemCallFilter= permits."""
        permitted = set()
        for line in re.findall(r"^SystemCallFilter=(.*)$", self.text, re.MULTILINE):
            calls = set().union(*(members(word) for word in line.lstrip("~").split()))
            permitted = permitted - calls if line[0] == "~" else permitted | calls
        return permitted | members("@default")


def members(word, known={}):
    """The calls of a set of systemd's; a call is a set of itself."""
    if word[0] != "@":
        return {word}
    if word not in known:
        listed = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", word],
                                check=True, capture_output=True, text=True).stdout
        words = re.findall(r"^    ([@\w-]+)$", listed, re.MULTILINE)
        known[word] = set().union(*(members(each) for each in words))
    return known[word]


def confined(unit, uid, network=True, tools=()):
    """The words before a command that give it what the unit gives, as far as it goes without
    systemd: a user without rights, a file system where nothing is written and nothing executed
    but the program and libraries (and `tools`), secrets of others out of sight, no core files
    and, without `network`, no network. It keeps its process id."""
    hide = [f"mount -t tmpfs -o mode=000 none {path}" for path in unit.hidden() if os.path.exists(path)]
    executed = [path.lstrip("-") for path in unit.values("ExecPaths")] + [
        shutil.which(tool) for tool in ("prlimit", "setpriv", *tools)]
    bind = [f"mount --bind {path} {path}; mount -o remount,bind,ro {path}"
            for path in dict.fromkeys(map(os.path.realpath, executed)) if os.path.exists(path)]
    return ["unshare", "--mount", *([] if network else ["--net"]), "sh", "-ec",
            "; ".join([*hide, *bind, 'mount -o remount,bind,ro,noexec /; exec "$@"']), "sh", "prlimit", "--core=0",
            "setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--no-new-privs",
            "--bounding-set=-all", "--inh-caps=-all"]


class Trace:
    """What a program asked of the kernel: strace that follows it, and keeps out of its way."""

    def __init__(self, path):
        self.path = path
        self.argv = ["strace", "-D", "-f", "-qq", "-s", "0", "-o", path]

    @property
    def lines(self):
        return self.path.read_text().splitlines()

    def calls(self):
        return set(re.findall(r"^\d+ +(\w+)\(", "\n".join(self.lines), re.MULTILINE))

    def families(self):
        return set(re.findall(r"\bsocket\((AF_\w+)", "\n".join(self.lines)))
