"""One API request from authentication to answer, in the order in which Stripe looks at it."""
import email.utils
import json
import re
import time
import traceback

import expand
import faults
import keys
import params
import publishable
import routes
from errors import StripeError, invalid, unknown_url, unstored
from events import API_VERSION
from http_types import ANY_ORIGIN, Dropped, Response
from objects import new_id

VERSION = re.compile(r"^\d{4}-\d{2}-\d{2}(\.[a-z]+)?$")


EXACT = {(r.method, r.path): r for r in routes.ROUTES if "{" not in r.path}
PATTERNS = [(r.method, re.compile("^%s$" % r.path.replace("{id}", "([^/]+)")), r)
            for r in routes.ROUTES if "{" in r.path]


def find_route(method, path):
    if (method, path) in EXACT:
        return EXACT[(method, path)], ()
    for verb, pattern, route in PATTERNS:
        found = verb == method and pattern.match(path)
        if found:
            return route, found.groups()
    raise unknown_url(method, path)


class Call:
    """One request on its way through."""

    def __init__(self, world, request):
        self.world = world
        self.request = request
        self.id = new_id("req_", 14)
        self.key = None
        self.tree = {}
        self.replayed = False
        self.started = time.monotonic()

    def answer(self):
        try:
            response = self.run()
        except Dropped:
            self.log(None)
            raise
        except StripeError as error:
            response = self.refusal(error)
        except Exception:
            traceback.print_exc()
            response = self.refusal(StripeError(500, "api_error", "The sandbox itself failed; see its stderr."))
        self.log(response.status)
        return self.finish(response)

    def run(self):
        self.prepare()
        with self.world.lock:
            fault = self.world.faults.take(self.request.method, self.request.path)
        answer = self.remembered()
        try:
            response = self.outcome(answer, fault)
        except StripeError as error:
            response = self.refusal(error)
        if fault.get("drop") == "after":
            raise Dropped()
        return response

    def outcome(self, answer, fault):
        if answer is None:
            return self.despite(fault, self.work)
        if answer.response:
            return self.despite(fault, lambda: self.replay(answer))
        return self.first(answer, fault)

    def despite(self, fault, then):
        """What then() answers, unless the fault comes first."""
        time.sleep(fault.get("delay", 0))
        if fault.get("drop") == "before":
            raise Dropped()
        if "status" in fault:
            raise faults.error_of(fault)
        return then()

    def first(self, answer, fault):
        """The first request with its key: what it comes to is kept, unless the work never began."""
        try:
            answer.response = self.despite(fault, self.work)
        except StripeError as error:
            if not error.stored:
                self.forget()
                raise
            answer.response = self.refusal(error)
        except BaseException:
            self.forget()
            raise
        return answer.response

    def prepare(self):
        """Everything that Stripe refuses before it begins: key, version, account, route, parameters."""
        request, world = self.request, self.world
        self.key = keys.authenticate(world, request.headers.get("authorization"))
        self.check_version(request.headers.get("stripe-version"))
        self.acct = world.platform
        if "stripe-account" in request.headers:
            self.acct = world.account(request.headers["stripe-account"], keys.mask(self.key))
        self.route, self.ids = find_route(request.method, request.path)
        keys.authorize(world, self.acct, self.key, "read" if request.method == "GET" else "write",
                       self.route.resource)
        self.tree = params.decode(self.form())
        if keys.is_publishable(world, self.key):
            self.tree = publishable.admit(self.acct, self.route, self.ids, self.tree)
        name = "%s %s" % (self.route.method, self.route.path)
        self.params, self.paths = params.check(name, self.tree)
        expand.check(name, self.paths, self.may_read)

    def form(self):
        request = self.request
        if request.body and "json" in request.headers.get("content-type", ""):
            raise unstored(invalid("Invalid request (check that your POST content type is "
                                   "application/x-www-form-urlencoded). If you have any questions, we can help at "
                                   "https://support.stripe.com/."))
        body = request.body.decode("utf-8", "replace")
        return "&".join(part for part in (request.query, body) if part)

    def check_version(self, version):
        if version is not None and not VERSION.match(version):
            raise unstored(invalid("Invalid Stripe API version: %s" % version))

    def remembered(self):
        key = self.request.headers.get("idempotency-key")
        if key is None or self.request.method != "POST":
            return None
        with self.world.lock:
            return self.world.answers.begin(self.acct, key, self.request.path, self.tree, self.id)

    def forget(self):
        with self.world.lock:
            self.world.answers.forget(self.acct, self.request.headers["idempotency-key"])

    def replay(self, answer):
        self.replayed = True
        headers = dict(answer.response.headers)
        headers.update({"Idempotent-Replayed": "true", "Original-Request": answer.request_id})
        return Response(answer.response.status, answer.response.body, headers)

    def work(self):
        with self.world.lock:
            self.world.clock.run_due()
            self.world.request = {"id": self.id, "idempotency_key": self.request.headers.get("idempotency-key")}
            try:
                obj = self.route.handler(self.acct, self.params, *self.ids)
                body = expand.expanded(self.acct, obj, self.paths)
            finally:
                self.world.request = None
        return Response(200, json.dumps(body, indent=2).encode(), {})

    def may_read(self, resource):
        keys.authorize(self.world, self.acct, self.key, "read", resource)

    def refusal(self, error):
        body = dict(error.error, request_log_url="https://dashboard.stripe.com/test/logs/" + self.id)
        headers = dict(error.headers)
        if error.status >= 500:
            headers.setdefault("Stripe-Should-Retry", "false" if error.stored else "true")
        return Response(error.status, json.dumps({"error": body}, indent=2).encode(), headers)

    def finish(self, response):
        headers = {"Content-Type": "application/json", "Request-Id": self.id,
                   "Date": email.utils.formatdate(self.world.clock.now(), usegmt=True),
                   "Stripe-Version": self.request.headers.get("stripe-version", API_VERSION), **ANY_ORIGIN}
        if "idempotency-key" in self.request.headers:
            headers["Idempotency-Key"] = self.request.headers["idempotency-key"]
        headers.update(response.headers)
        return Response(response.status, response.body, headers)

    def log(self, status):
        request = self.request
        logged = ("idempotency-key", "stripe-version", "user-agent", "stripe-account", "x-stripe-client-user-agent")
        self.world.requests.append({
            "method": request.method, "path": request.path, "query": request.query, "params": self.tree,
            "headers": {name.replace("-", "_"): request.headers.get(name) for name in logged},
            "key": keys.mask(self.key), "status": status, "replayed": self.replayed,
            "at": time.time(), "ms": round((time.monotonic() - self.started) * 1000, 3)})


def answer(world, request):
    return Call(world, request).answer()
