"""Notices on their way: a Redis that holds them, tollgate-sync that brings them, who takes them."""
import base64
import hashlib
import hmac
import itertools
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import places
from .process import wait_until
from .site import Site, write_secret
from .sync import Sync

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
COUNT = itertools.count(1)


def signature(secret, id, timestamp, body):
    """As the specification says, and not as we have written it in C."""
    key = base64.b64decode(secret[len("whsec_"):]) if secret.startswith("whsec_") else secret.encode()
    mac = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(mac).decode()


class Receiver:
    """Takes notices on loopback. `says(id, n)` is the status for the n-th time
    that an id comes, or a pair of it and headers; .posts has (headers, body)."""

    def __init__(self, says=lambda id, n: 204):
        self.says = says
        self.posts = []
        self.server = None
        self.port = 0
        self.start()

    def start(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = receiver.take(self.headers, body)
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def take(self, headers, body):
        self.posts.append((headers, body))
        said = self.says(headers["webhook-id"], self.ids.count(headers["webhook-id"]))
        return said if isinstance(said, tuple) else (said, {})

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/notice"

    @property
    def ids(self):
        """In the order in which they came."""
        return [headers["webhook-id"] for headers, _ in self.posts]

    def wait(self, *ids, seconds=10):
        """Until so many have come; they must be these."""
        wait_until(lambda: len(self.posts) >= len(ids), seconds, f"{ids} of {self.ids}")
        assert self.ids == list(ids)

    def stop(self):
        """Nobody listens any more; start() takes the same port again."""
        self.server.shutdown()
        self.server.server_close()


class Notices:
    """A site with a notify_url on this Redis, and the daemons that bring its notices."""

    def __init__(self, redis_server, sandbox, url, secret=SECRET):
        self.directory = places.directory()
        self.redis = redis_server.client()
        write_secret(self.directory / "notify.secret", secret)
        self.site = Site(self.directory, redis=redis_server.url, stripe=sandbox.base, site_settings=f"""
            notify_url = "{url}"
            notify_secret_file = "{self.directory}/notify.secret" """)
        self.daemons = []

    def start(self):
        """One more of those that bring them."""
        self.daemons.append(Sync(self.site))
        return self.daemons[-1]

    def key(self, *words):
        return ":".join(("tollgate:{shop}", *words))

    def tell(self, id, customer="cus_1", type="payment_failed", data=None, **more):
        """As apply.lua does it."""
        self.redis.xadd(self.key("notices"), {
            "id": id, "type": type, "data": json.dumps(data or {"invoice": "in_1"}),
            "created": int(time.time()), "customer": customer, "user": "ann", **more})

    def make_due(self, lane="cus_1"):
        """Now, and not when the delay is over."""
        assert self.redis.zadd(self.key("delivery_due"), {lane: 0}, xx=True, ch=True) == 1

    def due(self, lane="cus_1"):
        return self.redis.zscore(self.key("delivery_due"), lane)

    def fail(self, attempts, lane="cus_1"):
        """Waits until so many attempts are written down as failed."""
        wait_until(lambda: self.attempts(lane) == attempts, what=f"{attempts} failed attempts")

    def attempts(self, lane="cus_1"):
        return int(self.redis.hget(self.key("delivery"), f"attempts:{lane}") or 0)

    def counters(self):
        return {name: int(value) for name, value in self.redis.hgetall(self.key("counters")).items()}

    def wait_idle(self):
        """Until all of the stream was seen and nothing waits any more."""
        last = self.redis.xinfo_stream(self.key("notices"))["last-generated-id"]
        wait_until(lambda: self.redis.hget(self.key("delivery"), "cursor") == last
                   and not self.redis.exists(self.key("delivery_due")), what="an end of all notices")

    def stop(self):
        for daemon in self.daemons:
            if daemon.process.running():
                daemon.stop()
