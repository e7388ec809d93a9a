"""All state: the accounts with their objects, keys, settings, clock. One lock guards it."""
import collections
import contextlib
import copy
import threading
import time

import events
from clock import Clock
from errors import invalid, no_such
from faults import Faults
from idempotency import Answers
from objects import new_id, previous, render
from webhooks import Outbox

PLATFORM = "acct_sandbox000001"
OWNED = ("subscription", "invoice", "entitlements.active_entitlement")
REMEMBERED = 20000
SETTINGS = {"search_lag": 0, "livemode": False, "processing": 180,
            "retries": {"schedule_days": [3, 5, 7], "end": "cancel"}}


def owner(obj):
    return obj.get("_customer") or obj.get("customer")


class Account:
    """The objects of one Stripe account, by kind and id, oldest first."""

    def __init__(self, world, identifier):
        self.world = world
        self.id = identifier
        self.tables = collections.defaultdict(dict)
        self.owners = collections.defaultdict(dict)
        self.versions = collections.defaultdict(list)
        self.counters = collections.Counter()
        self.identifiers = {}

    def now(self):
        return self.world.clock.now()

    def setting(self, name):
        return self.world.settings[name]

    def schedule(self, when, name, identifier):
        self.world.clock.schedule(when, self, name, identifier)

    def get(self, kind, identifier):
        return self.tables[kind].get(identifier)

    def find(self, kind, identifier, param="id"):
        """The object, or Stripe's refusal: 404 for the one in the URL, 400 for one that is referred to."""
        obj = self.get(kind, identifier)
        if obj is None or obj.get("deleted"):
            raise no_such(kind.replace("entitlements.", "").replace("billing_portal.", "billing portal "),
                          identifier, param, 404 if param in ("id", "session", "intent") else 400)
        return obj

    def every(self, kind):
        """Newest first, as every list of Stripe's."""
        return reversed(list(self.tables[kind].values()))

    def owned(self, kind, customer):
        """A customer's subscriptions, invoices or active entitlements, newest first."""
        return list(reversed(self.owners[(kind, customer)].values()))

    def add(self, obj, event=None):
        obj["livemode"] = self.setting("livemode")
        self.tables[obj["object"]][obj["id"]] = obj
        if obj["object"] in OWNED:
            self.owners[(obj["object"], owner(obj))][obj["id"]] = obj
        self.touch(obj)
        if event:
            events.emit(self, event, obj)
        return obj

    def remove(self, obj, event=None):
        self.tables[obj["object"]].pop(obj["id"])
        self.owners[(obj["object"], owner(obj))].pop(obj["id"], None)
        if event:
            events.emit(self, event, obj)
        return {"id": obj["id"], "object": obj["object"], "deleted": True}

    @contextlib.contextmanager
    def changing(self, obj, event=None):
        """What is done to obj inside is announced once, with what was different before."""
        before = render(obj)
        yield obj
        changed = previous(before, render(obj))
        if changed:
            self.touch(obj)
            if event and not obj.get("_unannounced"):
                events.emit(self, event, obj, changed)

    def touch(self, obj):
        """Keeps the versions that search, which lags, still shows."""
        if obj["object"] in ("customer", "subscription"):
            self.versions[obj["id"]].append((time.monotonic(), render(obj)))
            del self.versions[obj["id"]][:-20]


class World:
    def __init__(self, options):
        self.options = options
        self.lock = threading.RLock()
        self.base_url = None
        self.outbox = Outbox(self)
        self.reset()

    def reset(self):
        self.clock = Clock(self.options.now)
        self.settings = copy.deepcopy(SETTINGS)
        self.accounts = {PLATFORM: Account(self, PLATFORM)}
        self.keys = {key: None for key in self.options.key}
        self.faults = Faults()
        self.answers = Answers()
        self.requests = collections.deque(maxlen=REMEMBERED)
        self.request = None
        self.sources = {}
        self.outbox.reset()
        for url, secret in zip(self.options.webhook, self.options.webhook_secret):
            self.outbox.add_endpoint(self.platform, url, secret)

    @property
    def platform(self):
        return self.accounts[PLATFORM]

    def add_account(self, identifier=None):
        identifier = identifier or new_id("acct_", 16)
        return self.accounts.setdefault(identifier, Account(self, identifier))

    def account(self, identifier, key):
        if identifier not in self.accounts:
            raise invalid("The provided key '%s' does not have access to account '%s' (or that account does not "
                          "exist). Application access may have been revoked." % (key, identifier),
                          code="account_invalid", status=403)
        return self.accounts[identifier]
