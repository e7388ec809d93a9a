"""Redis that fails over: a master, a replica, and the Sentinels that watch them; real ones, and stubs."""
import socketserver
import threading

import redis

from . import places
from .ports import free_port
from .process import Process, answers, wait_until
from .redis import RedisServer

MASTER = "shop"
CONFIG = """
port %(port)d
bind 127.0.0.1
dir %(directory)s
sentinel monitor shop 127.0.0.1 %(master)d 2
sentinel down-after-milliseconds shop 1000
sentinel failover-timeout shop 3000
"""


def url(*ports):
    return "sentinel://" + ",".join(f"127.0.0.1:{port}" for port in ports) + f"/{MASTER}"


class Sentinel:
    def __init__(self, master):
        self.directory = places.directory()
        self.port = free_port()
        config = self.directory / "sentinel.conf"
        config.write_text(CONFIG % {"port": self.port, "directory": self.directory, "master": master.port})
        self.process = Process(["redis-server", config, "--sentinel"], self.directory / "sentinel.log")
        self.process.wait_ready(lambda: answers(("127.0.0.1", self.port)))

    def client(self):
        return redis.Redis(port=self.port, decode_responses=True)

    def state(self):
        return self.client().sentinel_master(MASTER)

    def ready(self, sentinels):
        state = self.state()
        return state["num-other-sentinels"] == sentinels - 1 and state["num-slaves"] == 1 \
            and len(self.client().sentinel_slaves(MASTER)) == 1

    def master_port(self):
        return self.client().sentinel_get_master_addr_by_name(MASTER)[1]

    def stop(self):
        self.process.kill()


class Group:
    """Two servers and three Sentinels, all knowing each other. As the redis of a stack
    its client() is one of the master."""

    def __init__(self, *options):
        first, second = (RedisServer(*options, port=free_port()) for _ in range(2))
        second.client().replicaof("127.0.0.1", first.port)
        self.servers = {server.port: server for server in (first, second)}
        self.sentinels = [Sentinel(first) for _ in range(3)]
        self.url = url(*(sentinel.port for sentinel in self.sentinels))
        self.wait_ready()

    def wait_ready(self):
        """One master, one replica that follows it, and all Sentinels agree."""
        def ready():
            return len({sentinel.master_port() for sentinel in self.sentinels}) == 1 \
                and all(sentinel.ready(3) for sentinel in self.sentinels) \
                and self.client().info("replication")["connected_slaves"] == 1
        wait_until(ready, 40, "the group")

    def master(self):
        return self.servers[self.sentinels[0].master_port()]

    def replica(self):
        [other] = set(self.servers.values()) - {self.master()}
        return other

    def fail_over(self):
        """As an operator orders it, once the Sentinel has seen that the replica follows."""
        def ordered():
            try:
                return self.sentinels[0].client().execute_command("SENTINEL", "FAILOVER", MASTER)
            except redis.ResponseError:
                return False
        wait_until(ordered, 20, "a replica that is good enough")

    def wait_failover(self, old):
        """All Sentinels name another one."""
        wait_until(lambda: all(sentinel.master_port() != old.port for sentinel in self.sentinels), 20,
                   "the failover")

    def client(self):
        return self.master().client()

    def flush(self):
        self.client().flushall()

    def stop(self):
        for part in (*self.sentinels, *self.servers.values()):
            part.stop()


class Handler(socketserver.StreamRequestHandler):
    def words(self):
        count = int(self.rfile.readline()[1:] or 0)
        return [self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2].decode() for _ in range(count)]

    def handle(self):
        while words := self.words():
            self.server.stub.asked.append(words)
            self.server.stub.hold.wait()
            self.wfile.write(self.server.stub.answer(words))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


def text(*words):
    return f"*{len(words)}\r\n".encode() + b"".join(f"${len(w)}\r\n{w}\r\n".encode() for w in map(str, words))


class Stub:
    """A Sentinel that says what a test wants: .port is the master's, None for one it does
    not know; with .password it asks for one. .asked has the commands."""

    def __init__(self, master=None, epoch=0, password=None):
        self.master, self.epoch, self.password = master, epoch, password
        self.asked = []
        self.hold = threading.Event()
        self.hold.set()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.stub = self
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, words):
        if words[0] == "AUTH":
            return b"+OK\r\n" if words[-1] == self.password else b"-WRONGPASS no\r\n"
        if self.password and not any(asked[0] == "AUTH" for asked in self.asked):
            return b"-NOAUTH Authentication required.\r\n"
        if words[1] == "MASTER":
            return text("name", MASTER, "config-epoch", self.epoch) if self.master \
                else b"-ERR No such master with that name\r\n"
        return text("127.0.0.1", self.master.port) if self.master else b"*-1\r\n"

    def stop(self):
        self.hold.set()
        self.server.shutdown()
        self.server.server_close()
