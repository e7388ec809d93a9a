"""tollgate-sync, and how it dies: killed at any moment, and started again."""
import random
import subprocess
import threading
import time

from testenv.process import Process
from testenv.responder import REPORT, binary

DAEMONS = 2
LIFE = (0.03, 0.4)  # seconds until one is killed


class Staff:
    """Daemons that share the work of a site."""

    def __init__(self, config, redis):
        self.config = config
        self.redis = redis
        self.log = config.with_name("sync.log")
        self.daemons = []
        self.killed = 0
        self.stopping = threading.Event()
        self.killer = None

    def key(self, *words):
        return ":".join(("tollgate:{shop}", *words))

    def hire(self):
        return Process([binary("tollgate-sync"), "-c", self.config], self.log)

    def start(self):
        """Daemons that are killed again and again, until stop()."""
        self.daemons = [self.hire() for _ in range(DAEMONS)]
        self.stopping.clear()
        self.killer = threading.Thread(target=self.kill_some)
        self.killer.start()

    def kill_some(self):
        while not self.stopping.wait(random.uniform(*LIFE)):
            one = random.randrange(DAEMONS)
            self.daemons[one].kill()
            self.killed += 1
            self.daemons[one] = self.hire()

    def start_one(self):
        """A daemon that is left alone, until dismiss()."""
        before = self.log.read_text(errors="replace").count("event=started")
        self.daemons = [self.hire()]
        self.daemons[0].wait_ready(lambda: self.daemons[0].log.count("event=started") > before)

    def dismiss(self):
        for daemon in self.daemons:
            assert daemon.terminate() == 0, self.log.read_text()

    def stop(self):
        """All of them are killed."""
        self.stopping.set()
        self.killer.join()
        for daemon in self.daemons:
            daemon.kill()
        assert not REPORT.search(self.log.read_text(errors="replace")), self.log.read_text()

    def let_leases_end(self):
        """What the dead had in hand is free again, as after some minutes."""
        for member in self.redis.zrange(self.key("leases"), 0, -1):
            self.redis.zadd(self.key("leases"), {member: 1})
        self.redis.delete(*(self.key("duty", name) for name in ("events", "catalogue", "renewal")))

    def since(self, then):
        """A daemon has read the events until then."""
        self.redis.hset(self.key("duty"), "events_cursor", then)

    def left(self):
        """How many pieces of work there are."""
        return sum(self.redis.zcard(self.key(name)) for name in ("dirty", "wishes", "leases"))

    def finish(self):
        """One that is not killed does all that there is; the seconds that it took."""
        begun = time.monotonic()
        for _ in range(20):
            self.let_leases_end()
            done = subprocess.run([binary("tollgate-sync"), "-c", self.config, "--once"], text=True,
                                  stderr=subprocess.PIPE, timeout=300)
            assert not REPORT.search(done.stderr), done.stderr
            if done.returncode == 0 and self.left() == 0:
                return time.monotonic() - begun
        raise AssertionError(f"tollgate-sync --once left {self.left()} pieces of work:\n{done.stderr[-3000:]}")
