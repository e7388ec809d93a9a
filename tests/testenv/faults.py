"""A program whose calls into libraries fail on demand: tests/faults. The page of shared memory that
says which one is that of fault.h."""
import mmap
import os
import socket
import struct
import time

from . import fcgi, places
from .responder import REPORT, Responder, run
from .site import IDENTITY_KEY

KINDS = ("none", "memory", "library_memory", "openssl", "curl", "curl_lost", "curl_timeout", "json",
         "fcgi", "redis", "redis_lost", "redis_timeout", "redis_protocol", "redis_full", "redis_error",
         "redis_status", "redis_nil")
HEAD = struct.Struct("=IIQQQQ64s")
STACKS = 8192
FOREVER = 1 << 40
EVERY = "TOLLGATE_FAULTS"  # "all": each call in its turn, instead of the first from each place


class Page:
    """`environment` is for who maps it too."""

    def __init__(self):
        path = places.directory() / "faults"
        path.write_bytes(bytes(HEAD.size + 8 * STACKS))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)
        self.environment = {**os.environ, "TOLLGATE_FAULT": str(path),
                            "ASAN_OPTIONS": "handle_abort=1"}

    def arm(self, kind, nth=0, span=1, recording=False):
        HEAD.pack_into(self.memory, 0, KINDS.index(kind), recording, nth, span, 0, 0, b"")

    def disarm(self):
        """How many calls of the kind there were, how many of them failed, and the last one's name."""
        _, _, _, _, calls, fired, name = HEAD.unpack_from(self.memory)
        self.arm("none")
        return calls, fired, name.rstrip(b"\0").decode()

    def first_of_each_place(self, calls):
        stacks = struct.unpack_from(f"={min(calls, STACKS)}Q", self.memory, HEAD.size)
        return sorted({stack: nth for nth, stack in reversed(list(enumerate(stacks, 1)))}.values())

    def faults(self, kinds, act, most=STACKS):
        """Of each kind, for each place where act() makes such a call, or evenly for `most` of them:
        a fault there alone, and one of all calls from there on."""
        everything = os.environ.get(EVERY) == "all"
        for kind in kinds:
            act()
            self.arm(kind, recording=True)
            act()
            calls, _, _ = self.disarm()
            found = self.first_of_each_place(calls)
            for nth in range(1, calls + 1) if everything else found[::-(-len(found) // most) or 1]:
                yield Fault(self, kind, nth, 1)
                yield Fault(self, kind, nth, FOREVER)


class Fault:
    """Is there while it is entered."""

    def __init__(self, page, kind, nth, span):
        self.page, self.kind, self.nth, self.span = page, kind, nth, span
        self.fired, self.name = 0, ""

    def __enter__(self):
        self.page.arm(self.kind, self.nth, self.span)

    def __exit__(self, *_):
        _, self.fired, self.name = self.page.disarm()

    def __repr__(self):
        return f"{self.kind} {self.nth}{'' if self.span == 1 else ' and on'}: {self.name}"


class Faulty(Responder):
    """One thread, so that what is counted comes of the request that is asked."""

    def __init__(self, program, site):
        self.page = Page()
        super().__init__(f"tests/faults/{program}", site.config, places.directory() / "faulty.sock",
                         ["-n", "1"], env=self.page.environment)

    def ask(self, pairs, body=b""):
        """The answer, or None when the connection ended without a whole one."""
        try:
            with fcgi.Connection(self.path) as connection:
                return connection.request(pairs, body)
        except socket.timeout:
            raise AssertionError(f"neither answer nor end:\n{self.log[-4000:]}") from None
        except (ConnectionError, ValueError, KeyError):
            time.sleep(0.02)  # who dies closes its connections first
            assert self.process.running(), f"exit code {self.process.popen.returncode}\n{self.log[-8000:]}"
            return None

    def keeps(self, *secrets):
        """None of them stands in the log."""
        for secret in (IDENTITY_KEY, *secrets):
            assert secret not in self.log


class FaultyRun:
    """A run that ends by itself, with a page of its own."""

    def __init__(self, program, *options):
        self.page = Page()
        self.program, self.options = f"tests/faults/{program}", options

    def __call__(self):
        """The exit code: of its own choice, and without a sanitizer's report."""
        done = run(self.program, *self.options, env=self.page.environment)
        assert done.returncode >= 0 and not REPORT.search(done.stderr), done.stderr[-8000:]
        return done.returncode
