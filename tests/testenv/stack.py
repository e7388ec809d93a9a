"""All of it together: nginx or Apache, the responders, Redis and the Stripe stand-in."""
import requests

from . import places
from .nginx import Nginx
from .ports import free_port
from .redis import RedisServer
from .responder import Responder
from .sandbox import Sandbox
from .site import CATALOGUE, Site, identity_token

RESPONDERS = ("access", "checkout", "session", "portal", "subscription", "webhook")


class Session(requests.Session):
    """A client of one site: paths are enough, and redirects are looked at, not followed."""

    def __init__(self, url):
        super().__init__()
        self.url = url

    def request(self, method, path, **options):
        url = path if "://" in path else self.url + path
        return super().request(method, url, **{"allow_redirects": False, "timeout": 40, **options})


class Stack:
    """`web_server` is Nginx or Apache, `server` and `http` are text for that one. `gated`
    are directories with a file "page", and what they require; `site` are options of Site;
    `port` may be chosen before, and `more` is for the web server."""

    def __init__(self, web_server=Nginx, gated=None, server="", http="", site=None, responders=RESPONDERS,
                 redis=None, port=None, **more):
        port = port or free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.directory = places.directory()
        self.redis = redis or RedisServer()
        self.sandbox = Sandbox(webhook=f"{self.url}/billing/webhook")
        self.site = Site(self.directory, origin=self.url, redis=self.redis.url,
                         stripe=self.sandbox.base, **(site or {}))
        self.gate = {"gate_port": free_port()} if web_server.gate_by_tcp else {}
        self.socket_options = web_server.socket_options
        self.directory.chmod(0o755)
        self.responders = {name: self.responder(name, self.site) for name in responders}
        server += "".join(web_server.gated(name, require) for name, require in (gated or {}).items())
        self.web = web_server(server, http, sockets=self.directory, port=port, **self.gate, **more)
        for name in gated or {}:
            (self.web.root / name).mkdir(mode=0o755)
            (self.web.root / name / "page").write_text("paid")
        self.fresh()

    def responder(self, name, site):
        """Starts a program where the web server looks for it."""
        return Responder(f"tollgate-{name}", site.config, self.directory / f"{name}.sock", self.socket_options,
                         port=self.gate.get("gate_port") if name == "access" else None)

    def fresh(self):
        """As on the first day: nothing in Redis, at Stripe only what is for sale."""
        # An event of before that is under way would be written after the flush.
        self.sandbox.control("POST", "settle", {"timeout": 2})
        self.sandbox.reset()
        self.redis.flush()
        self.sandbox.control("POST", "seed", CATALOGUE)

    def session(self, user=None, cookie=False, **claims):
        """A client, logged in as `user` by bearer token, or like a browser by cookie."""
        session = Session(self.url)
        if user and cookie:
            session.cookies.set("tollgate", identity_token(user, **claims))
            session.headers["Sec-Fetch-Site"] = "same-origin"
        elif user:
            session.headers["Authorization"] = f"Bearer {identity_token(user, **claims)}"
            session.headers["Accept"] = "application/json"
        return session

    def settle(self):
        """Every event has been delivered."""
        self.sandbox.settle()

    def stop(self):
        """The responders last, since what they say may fail the test."""
        self.web.stop()
        self.sandbox.stop()
        self.redis.stop()
        for responder in self.responders.values():
            responder.stop()
