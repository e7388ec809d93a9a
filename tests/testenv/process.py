"""A server process of ours: started, waited for, stopped, its output kept."""
import atexit
import socket
import subprocess
import time


def wait_until(condition, seconds=10, what="it"):
    """The first true value of condition(), which is asked again and again."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what} did not come true within {seconds} s"
        time.sleep(0.01)


def answers(address):
    """Whether somebody listens: a path for a unix socket, or a pair of host and port."""
    family = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
    with socket.socket(family) as probe:
        try:
            probe.connect(address if isinstance(address, tuple) else str(address))
        except OSError:
            return False
        return True


class Process:
    """argv is started at once; what it writes goes to the file `log`."""

    def __init__(self, argv, log, **options):
        self.log_path = log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen([str(a) for a in argv], stdout=out, stderr=out,
                                          **{"stdin": subprocess.DEVNULL, **options})
        atexit.register(self.kill)

    @property
    def pid(self):
        return self.popen.pid

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_ready(self, ready, seconds=20):
        def ready_or_gone():
            assert self.popen.poll() is None, f"it ended at once:\n{self.log}"
            return ready()
        wait_until(ready_or_gone, seconds, f"{self.popen.args[0]} being ready")

    def running(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def terminate(self, seconds=20):
        """SIGTERM; its exit code. One that does not end in time is killed, and that is a failure."""
        if self.running():
            self.popen.terminate()
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self):
        if self.running():
            self.popen.kill()
            self.popen.wait()
