"""Events: made from what happens, kept for /v1/events, handed to the webhooks."""
import lists
from objects import new_id, render
from routing import Route

API_VERSION = "2026-10-28.endive"
LISTENERS = []


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
    return acct.find("event", identifier)


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
    found = sorted(acct.tables["event"].values(), key=lambda event: event["created"])
    return lists.page([event for event in reversed(found) if matches(event, p)], p, "/v1/events")


ROUTES = [
    Route("GET", "/v1/events", index, "event"),
    Route("GET", "/v1/events/{id}", retrieve, "event"),
]
