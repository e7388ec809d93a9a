"""A program of ours behind its socket. A sanitizer's report fails the test that stops it."""
import os
import re
import socket
import subprocess

from . import places
from .process import Process, answers

ECHO = "tests/echo_responder"
REPORT = re.compile(r"ERROR: \w+Sanitizer|runtime error:|WARNING: ThreadSanitizer")
FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')


def binary(program, build=None):
    return (build or places.build()) / program


class Responder:
    """`program` is the path below the build directory: "tollgate-portal", "tests/echo_responder". It
    listens at .address: `path`, or `port` of loopback, where `path` only says what its log is called.
    `before` is a command that becomes the program."""

    def __init__(self, program, config, path, options=(), build=None, listener=None, port=None, before=(),
                 **popen):
        self.path = path
        self.address = ("127.0.0.1", port) if port else path
        self.listener = listener
        self.argv = [*before, binary(program, build), "-c", config, *options, *self.where()]
        self.popen = popen
        self.log_path = path.with_suffix(".log")
        self.process = None
        self.start()

    def where(self):
        if self.listener:
            return []
        return ["-s", "%s:%d" % self.address if isinstance(self.address, tuple) else f"unix:{self.path}"]

    @classmethod
    def inherited(cls, program, config, listener, path, **more):
        """Gets the listening socket as fd 0, as from systemd; it stays the caller's."""
        return cls(program, config, path, listener=listener, **more)

    def start(self):
        popen = {**self.popen, **({"stdin": self.listener} if self.listener else {})}
        before = self.log.count("event=started")
        self.process = Process(self.argv, self.log_path, **popen)
        self.process.wait_ready(lambda: self.ready(before))

    def ready(self, started_before):
        """It listens; with an inherited socket it says so."""
        return self.log.count("event=started") > started_before if self.listener else answers(self.address)

    @property
    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def events(self, event):
        """The logfmt lines of one event, as dictionaries, oldest first."""
        lines = [{key: value.strip('"') for key, value in FIELD.findall(line)}
                 for line in self.log.splitlines()]
        return [line for line in lines if line.get("event", "") == event]

    def stop(self):
        """SIGTERM: it must end by itself, with 0, and no sanitizer may have complained."""
        code = self.process.terminate()
        assert not REPORT.search(self.log), self.log
        assert code == 0, f"exit code {code}:\n{self.log}"

    def kill(self):
        """As a crash would end it."""
        self.process.kill()

    def restart(self):
        self.stop()
        self.start()


def listening_socket(path):
    """What a supervisor holds over restarts."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    os.chmod(path, 0o666)
    listener.listen(1024)
    return listener


def run(program, *options, build=None, **more):
    """A run that ends by itself: the completed process, with stdout and stderr as text."""
    return subprocess.run([str(binary(program, build)), *map(str, options)], text=True, timeout=20,
                          capture_output=True, stdin=subprocess.DEVNULL, **more)
