"""Delivery of events: signed, at the endpoints, late, twice, shuffled, again, or not at all."""
import collections
import copy
import hashlib
import heapq
import hmac
import itertools
import json
import random
import threading
import time
import urllib.error
import urllib.request

import old_shapes
from objects import new_id

MODE = {"hold": False, "delay": 0, "jitter": 0, "copies": 1, "shuffle": False, "drop": 0, "seed": None,
        "only": None, "attempts": 4, "backoff": 0.2}
TIMEOUT = 10
AGENT = "Stripe/1.0 (+https://stripe.com/docs/webhooks)"
SHUFFLED_OVER = 0.2
REMEMBERED = 20000


def signature(secret, body, at):
    signed = str(at).encode() + b"." + body
    return "t=%d,v1=%s" % (at, hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest())


def wants(endpoint, acct, event):
    if endpoint["status"] != "enabled" or endpoint["_connect"] != ("account" in event):
        return False
    if not endpoint["_connect"] and endpoint["_account"] != acct.id:
        return False
    return "*" in endpoint["enabled_events"] or event["type"] in endpoint["enabled_events"]


def payload(event, endpoint):
    shown = copy.deepcopy(event)
    if endpoint["api_version"]:
        shown["api_version"] = endpoint["api_version"]
        old_shapes.render(shown)
    return json.dumps(shown, indent=2).encode()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


def send(endpoint, body):
    """One attempt, newly signed with real time: (status, error)."""
    request = urllib.request.Request(endpoint["url"], body, method="POST", headers={
        "Content-Type": "application/json; charset=utf-8", "User-Agent": AGENT,
        "Stripe-Signature": signature(endpoint["_secret"], body, int(time.time()))})
    try:
        with OPENER.open(request, timeout=TIMEOUT) as answer:
            return answer.status, None
    except urllib.error.HTTPError as error:
        error.close()
        return error.code, None
    except (OSError, ValueError) as error:
        return None, str(getattr(error, "reason", error))


class Outbox:
    """Endpoints, the events on their way to them, and what came back. One thread for each URL."""

    def __init__(self, world):
        self.world = world
        self.ready = threading.Condition()
        self.queues = {}
        self.order = itertools.count()
        self.reset()

    def reset(self):
        with self.ready:
            self.endpoints = []
            self.mode = dict(MODE)
            self.random = random.Random()
            self.held = []
            self.attempts = collections.deque(maxlen=REMEMBERED)
            self.pending = 0
            self.generation = object()
            for queue in self.queues.values():
                queue.clear()

    def add_endpoint(self, acct, url, secret=None, enabled_events=("*",), api_version=None, connect=False):
        endpoint = {"id": new_id("we_"), "object": "webhook_endpoint", "api_version": api_version,
                    "application": None, "created": acct.now(), "description": None,
                    "enabled_events": list(enabled_events), "livemode": acct.setting("livemode"), "metadata": {},
                    "status": "enabled", "url": url, "_secret": secret or new_id("whsec_", 32),
                    "_connect": connect, "_account": acct.id}
        self.endpoints.append(endpoint)
        return endpoint

    def set_mode(self, mode):
        with self.ready:
            self.mode.update(mode)
            if "seed" in mode:
                self.random = random.Random(mode["seed"])

    def post(self, acct, event):
        """Queues an event as the mode says. Called with the world's lock held; sends nothing itself."""
        with self.ready:
            targets = [endpoint for endpoint in self.endpoints if wants(endpoint, acct, event)]
            event["pending_webhooks"] = len(targets)
            mode = self.mode
            if mode["only"] is not None and event["type"] not in mode["only"]:
                return
            if mode["hold"]:
                self.held.append((acct, event))
                return
            for endpoint in targets:
                for _ in range(mode["copies"]):
                    if self.random.random() >= mode["drop"]:
                        self.push(endpoint, event, payload(event, endpoint), 1, self.lateness())

    def lateness(self):
        spread = self.mode["jitter"] or (SHUFFLED_OVER if self.mode["shuffle"] else 0)
        return self.mode["delay"] + self.random.random() * spread

    def push(self, endpoint, event, body, number, wait):
        url = endpoint["url"]
        if url not in self.queues:
            self.queues[url] = []
            threading.Thread(target=self.work, args=(self.queues[url],), daemon=True).start()
        heapq.heappush(self.queues[url], (time.monotonic() + wait, next(self.order), endpoint, event, body, number))
        self.pending += 1
        self.ready.notify_all()

    def work(self, queue):
        while True:
            with self.ready:
                while not queue or queue[0][0] > time.monotonic():
                    self.ready.wait(queue[0][0] - time.monotonic() if queue else None)
                _, _, endpoint, event, body, number = heapq.heappop(queue)
                generation = self.generation
            attempt = self.attempt(endpoint, event, body)
            with self.ready:
                if generation is self.generation:
                    self.finish(endpoint, event, body, number, attempt)

    def attempt(self, endpoint, event, body):
        started, at = time.monotonic(), time.time()
        status, error = send(endpoint, body)
        return {"event": event["id"], "type": event["type"], "url": endpoint["url"], "status": status,
                "error": error, "ms": round((time.monotonic() - started) * 1000, 3), "at": at,
                "body": body.decode()}

    def finish(self, endpoint, event, body, number, attempt):
        self.record(event, attempt)
        if not delivered(attempt) and number < self.mode["attempts"] and endpoint in self.endpoints:
            self.push(endpoint, event, body, number + 1, self.mode["backoff"] * 2 ** (number - 1))
        self.pending -= 1
        self.ready.notify_all()

    def record(self, event, attempt):
        self.attempts.append(attempt)
        if delivered(attempt):
            event["pending_webhooks"] = max(0, event["pending_webhooks"] - 1)

    def release(self, ids=None, order=None, shuffle=False):
        """Sends held events now, in this thread, and answers the attempts."""
        with self.ready:
            chosen = [pair for pair in self.held if ids is None or pair[1]["id"] in ids]
            self.held = [pair for pair in self.held if pair not in chosen]
            if order:
                rank = {identifier: place for place, identifier in enumerate(order)}
                chosen.sort(key=lambda pair: rank.get(pair[1]["id"], len(rank)))
            if shuffle:
                self.random.shuffle(chosen)
        return [attempt for acct, event in chosen for attempt in self.send_now(acct, event)]

    def send_now(self, acct, event, url=None):
        targets = [endpoint for endpoint in list(self.endpoints)
                   if wants(endpoint, acct, event) and url in (None, endpoint["url"])]
        made = []
        for endpoint in targets:
            made.append(self.attempt(endpoint, event, payload(event, endpoint)))
            with self.ready:
                self.record(event, made[-1])
        return made

    def settle(self, timeout):
        """Waits until nothing is on its way; answers how many still are."""
        with self.ready:
            self.ready.wait_for(lambda: self.pending == 0, timeout)
            return self.pending


def delivered(attempt):
    return attempt["status"] is not None and 200 <= attempt["status"] < 300
