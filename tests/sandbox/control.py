"""The control API under /_sandbox/: the clock, faults, deliveries, and what no API of Stripe's can do."""
import json
import re

import checkout_payment
import events
import seed
from errors import StripeError, invalid
from http_types import Response
from objects import render

HANDLERS = []


def handles(method, pattern):
    def register(function):
        HANDLERS.append((method, re.compile("^/_sandbox/%s$" % pattern), function))
        return function
    return register


def answer(world, request):
    for method, pattern, function in HANDLERS:
        found = method == request.method and pattern.match(request.path)
        if found:
            return respond(world, request, function, found.groups())
    return reply(404, {"error": {"message": "The sandbox has no %s %s" % (request.method, request.path)}})


def reply(status, body):
    return Response(status, json.dumps(body, indent=1).encode(), {"Content-Type": "application/json"})


def respond(world, request, function, groups):
    try:
        given = json.loads(request.body or b"{}")
        return reply(200, render(function(world, given, *groups)))
    except (ValueError, KeyError, TypeError) as error:
        return reply(400, {"error": {"message": "%s: %s" % (type(error).__name__, error)}})
    except StripeError as error:
        return reply(error.status, {"error": error.error})


def account(world, given):
    return world.accounts[given["account"]] if given.get("account") else world.platform


def find_anywhere(world, kind, identifier):
    for acct in world.accounts.values():
        if acct.get(kind, identifier):
            return acct, acct.get(kind, identifier)
    raise invalid("No such %s: '%s'" % (kind, identifier), status=404)


@handles("GET", "state")
def state(world, given):
    with world.lock:
        counts = {name: {kind: len(table) for kind, table in acct.tables.items() if table}
                  for name, acct in world.accounts.items()}
        return {"clock": clock_state(world), "accounts": counts, "requests": len(world.requests),
                "deliveries": len(world.outbox.attempts), "pending": world.outbox.pending,
                "held": len(world.outbox.held), "base_url": world.base_url,
                "publishable_key": world.options.publishable_key, "settings": world.settings}


@handles("POST", "reset")
def reset(world, given):
    with world.lock:
        world.reset()
    return {"reset": True}


def clock_state(world):
    return {"now": world.clock.now(), "frozen": world.clock.frozen is not None}


@handles("GET", "clock")
def show_clock(world, given):
    return clock_state(world)


@handles("POST", "clock")
def set_clock(world, given):
    with world.lock:
        if given.get("live"):
            world.clock.live()
        else:
            world.clock.freeze(int(given["now"]))
        return clock_state(world)


@handles("POST", "clock/advance")
def advance(world, given):
    with world.lock:
        to = int(given["to"]) if "to" in given else world.clock.now() + int(given["by"])
        if world.clock.frozen is None or to < world.clock.now():
            raise ValueError("only a frozen clock can be advanced, and only forward")
        world.clock.advance(to)
        return clock_state(world)


@handles("POST", "faults")
def add_fault(world, given):
    re.compile(given.get("path", ""))
    world.faults.add(given)
    return {"faults": world.faults.rules}


@handles("GET", "faults")
def list_faults(world, given):
    return {"faults": world.faults.rules}


@handles("DELETE", "faults")
def clear_faults(world, given):
    world.faults.rules.clear()
    return {"faults": []}


@handles("POST", "delivery")
def delivery(world, given):
    world.outbox.set_mode(given)
    return world.outbox.mode


@handles("POST", "deliver")
def deliver(world, given):
    return {"attempts": world.outbox.release(given.get("ids"), given.get("order"), given.get("shuffle", False))}


@handles("POST", "redeliver")
def redeliver(world, given):
    acct, event = find_anywhere(world, "event", given["id"])
    return {"attempts": world.outbox.send_now(acct, event, given.get("url"))}


@handles("GET", "deliveries")
def deliveries(world, given):
    return {"deliveries": list(world.outbox.attempts)}


@handles("DELETE", "deliveries")
def clear_deliveries(world, given):
    world.outbox.attempts.clear()
    return {"deliveries": []}


@handles("POST", "settle")
def settle(world, given):
    return {"pending": world.outbox.settle(given.get("timeout", 10))}


@handles("GET", "requests")
def requests(world, given):
    return {"requests": list(world.requests)}


@handles("DELETE", "requests")
def clear_requests(world, given):
    world.requests.clear()
    return {"requests": []}


@handles("POST", "webhooks")
def add_webhook(world, given):
    with world.lock:
        return world.outbox.add_endpoint(account(world, given), given["url"], given["secret"],
                                         given.get("enabled_events", ["*"]), given.get("api_version"),
                                         given.get("connect", False))


@handles("DELETE", "webhooks")
def remove_webhooks(world, given):
    world.outbox.endpoints.clear()
    return {"webhooks": []}


@handles("POST", "keys")
def add_key(world, given):
    world.keys[given["key"]] = given.get("permissions")
    return {"key": given["key"], "permissions": given.get("permissions")}


@handles("POST", "accounts")
def add_account(world, given):
    with world.lock:
        return {"id": world.add_account(given.get("id")).id, "object": "account"}


@handles("POST", "settings")
def settings(world, given):
    with world.lock:
        unknown = set(given) - set(world.settings)
        if unknown:
            raise ValueError("unknown settings: %s" % ", ".join(sorted(unknown)))
        retries = {**world.settings["retries"], **given.pop("retries", {})}
        world.settings.update(given, retries=retries)
        return world.settings


@handles("POST", "events")
def make_event(world, given):
    data = {"object": given["object"]}
    if "previous_attributes" in given:
        data["previous_attributes"] = given["previous_attributes"]
    with world.lock:
        return events.store(account(world, given), {**given, "data": data}, given.get("deliver", True))


@handles("POST", "checkout/sessions/([^/]+)/pay")
def pay(world, given, identifier):
    with world.lock:
        acct, _ = find_anywhere(world, "checkout.session", identifier)
        return checkout_payment.pay_directly(acct, identifier, given)


@handles("POST", "payment_links/pay")
def pay_link(world, given):
    """A Payment Link or a pricing table: a session that no server of the site has made."""
    with world.lock:
        return checkout_payment.pay_link(account(world, given), given)


@handles("POST", "subscriptions/([^/]+)/set")
def set_subscription(world, given, identifier):
    announce = given.pop("event", True)
    with world.lock:
        acct, subscription = find_anywhere(world, "subscription", identifier)
        with acct.changing(subscription, "customer.subscription.updated" if announce else None):
            subscription.update(given)
        return subscription


@handles("POST", "seed")
def plant(world, given):
    with world.lock:
        return seed.plant(account(world, given), given)
