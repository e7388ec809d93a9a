"""A host of several sites: a file in sites.d and a server of nginx for each of them."""
from . import places
from .nginx import HTTP, SERVER, Nginx, upstreams
from .ports import free_port
from .redis import RedisServer
from .responder import Responder
from .sandbox import PUBLISHABLE_KEY, SECRET_KEY, Sandbox
from .site import IDENTITY_KEY, identity_token, write_secret
from .stack import RESPONDERS, Session
from .sync import Sync

MAIN = """
redis = "%(redis)s"
stripe_api_base = "%(stripe)s"
include("sites.d/*.conf")
"""

SITE = """
site "%(name)s" {
  origin = "%(url)s"
  stripe_secret_key_file = "%(secrets)s/stripe.key"
  stripe_publishable_key = "%(publishable_key)s"
  webhook_secret_files = {"%(secrets)s/webhook.secret"}
  identity_key_files = {"%(secrets)s/identity.key"}
  success_path = "/billing/return?session_id={CHECKOUT_SESSION_ID}"
  cancel_path = "/pricing"
  portal_return_path = "/account"
  plan "basic" { lookup_key = "basic_monthly" }
  plan "own"   { lookup_key = "%(name)s_monthly" }
  %(more)s
}
"""

NGINX = """
server {
    listen 127.0.0.1:%(port)d;
    root %(root)s;
    set $tollgate_site %(name)s;
    set $tollgate_instance "%(instance)s";
    %(includes)s
    location = /page {
        auth_request /_tollgate/plan:basic;
        include snippets/tollgate-members.conf;
        try_files /page.html =404;
    }
}
"""


INCLUDES = SERVER % {"pages": places.TOP / "nginx" / "pages"}


def product(name):
    return {"id": f"prod_{name}", "name": name, "prices": [
        {"lookup_key": f"{name}_monthly", "unit_amount": 500, "currency": "eur", "interval": "month"}]}


class Tenant:
    """One site of the host, as the tests of a stack know it. It has secrets of its own;
    `account` is its Connect account, `more` further keys."""

    def __init__(self, host, name, more="", account=None):
        self.host = host
        self.name = name
        self.account = account
        self.instance = ""
        self.sandbox = host.sandbox.of(account)
        self.redis = host.redis
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.file = host.directory / "sites.d" / f"{name}.conf"
        self.secrets = host.directory / name
        self.secrets.mkdir()
        self.more = more + (f'\n  stripe_account = "{account}"' if account else "")
        self.webhook_secret = f"whsec_{name}"
        self.identity_key = f"{name}: {IDENTITY_KEY}"
        write_secret(self.secrets / "stripe.key", SECRET_KEY)
        write_secret(self.secrets / "webhook.secret", self.webhook_secret)
        write_secret(self.secrets / "identity.key", self.identity_key)
        self.write()

    def text(self):
        return SITE % {**vars(self), "publishable_key": PUBLISHABLE_KEY}

    def write(self, text=None):
        """The site's file as it should be, or broken."""
        self.file.write_text(self.text() if text is None else text)

    def server(self, root):
        return NGINX % {"port": self.port, "root": root, "name": self.name,
                        "instance": self.instance, "includes": INCLUDES}

    def session(self, user=None, **claims):
        session = Session(self.url)
        session.headers["Accept"] = "application/json"
        if user:
            token = identity_token(user, self.identity_key, **{"aud": self.name, **claims})
            session.headers["Authorization"] = f"Bearer {token}"
        return session

    def key(self, *words):
        return ":".join(("tollgate:{%s}" % self.name, *words))

    def keys(self):
        return sorted(self.redis.client().keys(self.key("*")))

    def settle(self):
        self.sandbox.settle()


class Host:
    """`sites` are names, with options of Tenant. One set of programs serves all; a
    server of nginx besides theirs names no site."""

    def __init__(self, redis=None, **sites):
        self.directory = places.directory()
        (self.directory / "sites.d").mkdir()
        self.redis = redis or RedisServer()
        self.sandbox = Sandbox()
        self.config = self.directory / "tollgate.conf"
        self.config.write_text(MAIN % {"redis": self.redis.url, "stripe": self.sandbox.base})
        self.sites = {name: Tenant(self, name, **options) for name, options in sites.items()}
        self.responders = {}
        self.web = None

    def __getitem__(self, name):
        return self.sites[name]

    def start(self, *programs):
        """All of them, or these."""
        for name in programs or RESPONDERS:
            self.responders[name] = Responder(f"tollgate-{name}", self.config, self.directory / f"{name}.sock")
        self.serve()
        self.sell()
        return self

    def upstreams(self):
        return upstreams(self.directory)

    def http(self):
        return HTTP % {"upstreams": self.upstreams()}

    def serve(self):
        root = places.directory()
        (root / "page.html").write_text("paid for\n")
        self.web = Nginx(INCLUDES, self.http() + "".join(site.server(root) for site in self.sites.values()))

    def sell(self):
        """What each site sells is at Stripe, which sends each its events."""
        for site in self.sites.values():
            where = {"account": site.account} if site.account else {}
            if site.account:
                self.sandbox.control("POST", "accounts", {"id": site.account})
            self.sandbox.control("POST", "seed", {"products": [product("basic"), product(site.name)], **where})
            if not site.account:
                self.sandbox.control("POST", "webhooks", {
                    "url": f"{site.url}/billing/webhook", "secret": site.webhook_secret})

    def sync(self):
        self.responders["sync"] = Sync(self)
        return self.responders["sync"]

    def stop(self):
        if self.web:
            self.web.stop()
        self.sandbox.stop()
        self.redis.stop()
        for responder in self.responders.values():
            responder.stop()
