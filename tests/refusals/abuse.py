"""What an abuse is, and the good request that it bends."""
import json
from dataclasses import dataclass

from testenv import webhook

from .endpoints import Outcome
from .wire import Request, send
from .world import MARKER


@dataclass(frozen=True)
class Abuse:
    """`on` says for which endpoints, `variants` of what there is a cell each for one of
    these, `bend(case)` does it, `says` is the outcome or makes it of the case."""
    name: str
    on: callable
    bend: callable
    says: object
    variants: callable = lambda endpoint: ("",)
    hang_up: bool = False


@dataclass(frozen=True)
class Cell:
    endpoint: object
    abuse: Abuse
    variant: str

    def __str__(self):
        return ":".join(filter(None, (self.endpoint.name, self.abuse.name, self.variant)))


class Case:
    """A good request of the endpoint's owner, yet to be bent."""

    def __init__(self, world, endpoint, variant=""):
        self.world, self.endpoint, self.variant = world, endpoint, variant
        self.owner, fields = world.prepare(endpoint)
        marked = [] if endpoint.is_gate else [("note", MARKER)]
        self.request = Request(endpoint.method, endpoint.path, fields + marked)
        self.sent = b""
        if endpoint.identity == "signature":
            self.sign(event())
        elif endpoint.needs_user:
            self.bear()

    def token(self, **claims):
        scope = {"scope": "server"} if self.endpoint.identity == "server" else {}
        return self.owner.token(**{**scope, **claims})

    def bear(self, token=None, **claims):
        self.request.header("Authorization", f"Bearer {token or self.token(**claims)}")

    def by_cookie(self, **headers):
        """As a browser that is logged in sends it."""
        self.request.drop("Authorization")
        self.request.header("Cookie", f"tollgate={self.token()}")
        for header, value in headers.items():
            self.request.header(header.replace("_", "-"), value)

    def sign(self, body, **how):
        self.request.body = body
        self.request.header("Stripe-Signature", webhook.sign(body, **how))

    def send(self, hang_up=False):
        host = self.world.stack.url.removeprefix("http://")
        self.sent = self.request.bytes(host)
        return send(int(host.rpartition(":")[2]), self.request.method, self.sent, hang_up)


def event():
    """Of a customer whom nobody knows."""
    return json.dumps(webhook.event("customer.created", {
        "object": "customer", "id": "cus_of_an_event", "email": "e@example.com",
        "metadata": {"note": MARKER}})).encode()


def outcome(says, case):
    return says(case) if callable(says) else says


def by_server(nginx, apache):
    """Where it answers itself, or calls a refusal by its own name."""
    return lambda case: outcome(apache if case.world.is_apache else nginx, case)


def table(on, says, abuses, **more):
    """Abuses that have the same outcome, from {name: bend}."""
    return [Abuse(name, on, bend, says, **more) for name, bend in abuses.items()]


def refused(status, code):
    """At the gate the code stands in no answer: the web server's page says it."""
    return lambda case: Outcome(status) if case.endpoint.is_gate else Outcome(status, code)
