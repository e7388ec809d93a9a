"""One private instance: Redis, the Stripe sandbox, tollgate, PHP and a web server as
ordinary processes of whoever starts it, with all their files in one directory
that goes away with them."""
import glob
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time

import servers
import shop

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
RESPONDERS = ("access", "checkout", "session", "portal", "subscription", "webhook")
PROGRAMS = RESPONDERS + ("sync",)
START_SECONDS = 20
STOP_SECONDS = 10


class Failure(Exception):
    """Something the visitor must be told, in its words."""


def port_is_taken(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def program(name):
    """Debian keeps servers in /usr/sbin, which is not on everybody's path."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not found:
        raise Failure("%s is not installed" % name)
    return found


class Instance:
    def __init__(self, build, port, without=(), web_server=None):
        self.build = build
        self.port = port
        self.web_server = web_server or servers.Nginx()
        self.programs = [name for name in PROGRAMS if name not in without]
        self.origin = "http://127.0.0.1:%d" % port
        # A short path: a unix socket's name ends after 107 bytes.
        self.dir = tempfile.mkdtemp(prefix="tollgate-demo-")
        self.processes = {}
        self.stripe_key = "sk_test_" + secrets.token_hex(12)
        self.publishable_key = "pk_test_" + secrets.token_hex(12)
        self.webhook_secret = "whsec_" + secrets.token_hex(24)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        if port_is_taken(self.port):
            raise Failure("port %d is in use; try --port" % self.port)
        self.write_secrets()
        self.write_directories()
        self.write_configuration("redis.conf")
        self.run("redis", [program("redis-server"), self.path("redis.conf")], self.path("redis.sock"))
        self.start_sandbox()
        for name in ("tollgate.conf", "php-fpm.conf") + self.web_server.configurations:
            self.write_configuration(name)
        for name in self.programs:
            self.start_program(name)
        self.start_php()
        name = self.web_server.name
        self.run(name, [program(name)] + self.web_server.arguments(self.dir), ("127.0.0.1", self.port))
        shop.stock(self.stripe, self.stripe_key)

    def start_sandbox(self):
        port_file = self.path("sandbox.port")
        self.run("sandbox", [
            "/usr/bin/python3", os.path.join(ROOT, "tests", "sandbox"), "--port", "0", "--port-file", port_file,
            "--key", self.stripe_key, "--publishable-key", self.publishable_key,
            "--webhook", self.origin + "/billing/webhook", "--webhook-secret", self.webhook_secret], port_file)
        with open(port_file) as file:
            self.stripe = "http://127.0.0.1:%d" % int(file.read())

    def start_program(self, name):
        binary = os.path.join(self.build, "tollgate-" + name)
        if not os.access(binary, os.X_OK):
            raise Failure("%s is not built" % binary)
        command = [binary, "-c", self.path("tollgate.conf")]
        if name == "access" and self.web_server.gate_port:
            address = ("127.0.0.1", self.web_server.gate_port)
            self.run(name, command + ["-s", "%s:%d" % address], address)
        elif name in RESPONDERS:
            sock = self.path(name + ".sock")
            self.run(name, command + ["-s", "unix:" + sock] + self.web_server.socket_options, sock)
        else:
            self.run(name, command, self.path(name + ".log"))

    def start_php(self):
        found = sorted(glob.glob("/usr/sbin/php-fpm*"))
        if not found:
            raise Failure("php-fpm is not installed")
        command = [found[-1], "--nodaemonize", "--fpm-config", self.path("php-fpm.conf")]
        # PHP refuses to be root unless told. It is what started the demo: the
        # clone may well lie where nobody else can read.
        self.run("php", command + (["--allow-to-run-as-root"] if os.geteuid() == 0 else []), self.path("php.sock"))

    def path(self, name):
        return os.path.join(self.dir, name)

    def write_secrets(self):
        os.mkdir(self.path("secrets"), 0o700)
        self.write_secret("stripe-key", self.stripe_key)
        self.write_secret("webhook", self.webhook_secret)
        self.write_secret("identity", secrets.token_hex(32))

    def write_secret(self, name, text):
        """Readable to its owner only, or tollgate refuses it."""
        descriptor = os.open(self.path("secrets/" + name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text + "\n")

    def write_directories(self):
        for name in ("tmp", "sessions"):
            os.mkdir(self.path(name), 0o700)
        self.web_server.prepare(self.dir)

    def write_configuration(self, name):
        values = {
            "DIR": self.dir, "ORIGIN": self.origin, "PORT": str(self.port), "USER": servers.own_user(),
            "WEB_USER": self.web_server.user, "STRIPE": getattr(self, "stripe", ""),
            "PUBLISHABLE_KEY": self.publishable_key, **self.web_server.values(self.dir),
        }
        with open(os.path.join(HERE, "conf", name)) as file:
            text = file.read()
        for key, value in values.items():
            text = text.replace("@%s@" % key, value)
        with open(self.path(name), "w") as file:
            file.write(text)

    def run(self, name, command, ready):
        """Starts a process and waits until `ready`, a file or an address, is there."""
        # In a session of its own, so that Ctrl-C reaches it through stop() only;
        # setpriv ends it even when this process is killed outright.
        with open(self.path(name + ".log"), "wb") as log:
            self.processes[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--"] + command, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True, cwd=self.dir)
        deadline = time.monotonic() + START_SECONDS
        while not is_ready(ready):
            if self.processes[name].poll() is not None or time.monotonic() > deadline:
                raise Failure("%s did not start\n%s" % (name, self.log_tail(name)))
            time.sleep(0.02)

    def log_tail(self, name):
        with open(self.path(name + ".log"), errors="replace") as log:
            return "".join("  " + line for line in log.readlines()[-15:])

    def wait(self):
        """The name of the first process that ends."""
        while True:
            for name, process in self.processes.items():
                if process.poll() is not None:
                    return name
            time.sleep(0.5)

    def stop(self):
        """What was started last takes requests first, so it goes first."""
        for process in reversed(self.processes.values()):
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.dir)


def is_ready(ready):
    if isinstance(ready, str) and not ready.endswith(".sock"):
        return os.path.exists(ready)
    family = socket.AF_UNIX if isinstance(ready, str) else socket.AF_INET
    with socket.socket(family) as probe:
        return probe.connect_ex(ready) == 0
