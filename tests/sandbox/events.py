"""Events: made from what happens, kept for /v1/events, handed to the webhooks."""
import lists
from errors import invalid, no_such
from objects import new_id, render
from routing import Route

API_VERSION = "2026-10-28.endive"
LISTENERS = []
KEPT = 30 * 86400


def on(*types):
    """Registers our own reaction to events of these types, as 'invoice.paid' activates a subscription."""
    def register(function):
        LISTENERS.append((types, function))
        return function
    return register


def emit(acct, kind, obj, changed=None):
    data = {"object": render(obj)}
    if changed is not None:
        data["previous_attributes"] = changed
    store(acct, {"type": kind, "data": data, "request": request_of(acct)})
    for types, function in LISTENERS:
        if kind in types:
            function(acct, obj)


def request_of(acct):
    request = acct.world.request or {}
    return {"id": request.get("id"), "idempotency_key": request.get("idempotency_key")}


def store(acct, given, deliver=True):
    """Completes an event, keeps it and gives it to the endpoints that want it."""
    event = {"id": given.get("id") or new_id("evt_"), "object": "event", "api_version": API_VERSION,
             "created": given.get("created") or acct.now(), "data": given["data"],
             "livemode": given.get("livemode", acct.setting("livemode")), "pending_webhooks": 0,
             "request": given.get("request"), "type": given["type"]}
    if acct is not acct.world.platform:
        event["account"] = acct.id
    acct.tables["event"][event["id"]] = event
    if deliver:
        acct.world.outbox.post(acct, event)
    return event


def retrieve(acct, p, identifier):
    event = acct.find("event", identifier)
    if not kept(acct, event):
        raise no_such("event", identifier, "id")
    return event


def kept(acct, event):
    """Stripe forgets events after 30 days."""
    return event["created"] > acct.now() - KEPT


def matches(event, p):
    if "type" in p and not type_matches(event["type"], p["type"]):
        return False
    if "types" in p and event["type"] not in p["types"]:
        return False
    if "delivery_success" in p and p["delivery_success"] != (event["pending_webhooks"] == 0):
        return False
    return lists.in_range(event["created"], p.get("created"))


def type_matches(kind, pattern):
    return kind.startswith(pattern[:-1]) if pattern.endswith("*") else kind == pattern


def index(acct, p):
    if "type" in p and "types" in p:
        raise invalid("You may only specify one of these parameters: type, types.", "type")
    if len(p.get("types", [])) > 20:
        raise invalid("You may only specify up to 20 types.", "types")
    found = [event for event in acct.tables["event"].values() if kept(acct, event) and matches(event, p)]
    newest_first = sorted(reversed(found), key=lambda event: -event["created"])
    return lists.page(newest_first, p, "/v1/events")


ROUTES = [
    Route("GET", "/v1/events", index, "event"),
    Route("GET", "/v1/events/{id}", retrieve, "event"),
]
