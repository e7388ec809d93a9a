"""Webhook endpoints: where events go. The delivery itself is in webhooks.py."""
import lists
from errors import invalid
from objects import check_url, render, set_metadata, update
from routing import Route


def own(acct):
    return [endpoint for endpoint in reversed(acct.world.outbox.endpoints) if endpoint["_account"] == acct.id]


def find(acct, identifier):
    for endpoint in own(acct):
        if endpoint["id"] == identifier:
            return endpoint
    raise invalid("No such webhook endpoint: '%s'" % identifier, "id", "resource_missing", 404)


def create(acct, p):
    check_url(p["url"], "url")
    endpoint = acct.world.outbox.add_endpoint(acct, p["url"], None, p["enabled_events"], p.get("api_version"),
                                              p.get("connect", False))
    endpoint["description"] = p.get("description") or None
    set_metadata(endpoint, p.get("metadata"))
    return {**render(endpoint), "secret": endpoint["_secret"]}


def retrieve(acct, p, identifier):
    return find(acct, identifier)


def change(acct, p, identifier):
    endpoint = find(acct, identifier)
    check_url(p.get("url"), "url")
    set_metadata(endpoint, p.get("metadata"))
    update(endpoint, p, ("description", "enabled_events", "url"))
    if "disabled" in p:
        endpoint["status"] = "disabled" if p["disabled"] else "enabled"
    return endpoint


def delete(acct, p, identifier):
    acct.world.outbox.endpoints.remove(find(acct, identifier))
    return {"id": identifier, "object": "webhook_endpoint", "deleted": True}


def index(acct, p):
    return lists.page(own(acct), p, "/v1/webhook_endpoints")


ROUTES = [
    Route("POST", "/v1/webhook_endpoints", create, "webhook"),
    Route("GET", "/v1/webhook_endpoints", index, "webhook"),
    Route("GET", "/v1/webhook_endpoints/{id}", retrieve, "webhook"),
    Route("POST", "/v1/webhook_endpoints/{id}", change, "webhook"),
    Route("DELETE", "/v1/webhook_endpoints/{id}", delete, "webhook"),
]
