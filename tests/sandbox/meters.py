"""Billing meters: usage that is reported as events, and what it comes to."""
import uuid

import lists
from errors import invalid
from objects import blank, new_id, update
from routing import Route

DAY = 86400
UNIQUE = DAY
OLDEST, NEWEST = 35 * DAY, 300


def create(acct, p):
    if any(meter["event_name"] == p["event_name"] for meter in active(acct)):
        raise invalid("There is already an active meter with the event name %s." % p["event_name"], "event_name")
    mapping = {"event_payload_key": "stripe_customer_id", "type": "by_id", **p.get("customer_mapping", {})}
    now = acct.now()
    meter = blank("billing.meter", new_id("mtr_test_"), created=now, customer_mapping=mapping,
                  default_aggregation=p["default_aggregation"], display_name=p["display_name"],
                  event_name=p["event_name"], event_time_window=p.get("event_time_window"), livemode=False,
                  status="active", status_transitions={"deactivated_at": None}, updated=now,
                  value_settings={"event_payload_key": "value", **p.get("value_settings", {})}, _events=[])
    return acct.add(meter, "billing.meter.created")


def active(acct):
    return [meter for meter in acct.every("billing.meter") if meter["status"] == "active"]


def retrieve(acct, p, identifier):
    return acct.find("billing.meter", identifier)


def change(acct, p, identifier):
    meter = acct.find("billing.meter", identifier)
    with acct.changing(meter, "billing.meter.updated"):
        update(meter, p, ("display_name",))
    return meter


def deactivate(acct, p, identifier):
    return switch(acct, identifier, "inactive", acct.now(), "billing.meter.deactivated")


def reactivate(acct, p, identifier):
    return switch(acct, identifier, "active", None, "billing.meter.reactivated")


def switch(acct, identifier, status, when, event):
    meter = acct.find("billing.meter", identifier)
    with acct.changing(meter, event):
        meter.update(status=status, updated=acct.now(), status_transitions={"deactivated_at": when})
    return meter


def index(acct, p):
    return lists.page(lists.where(acct.every("billing.meter"), p, "status"), p, "/v1/billing/meters")


def report(acct, p):
    """A meter event. Its identifier is taken once in 24 hours."""
    meter = next((meter for meter in active(acct) if meter["event_name"] == p["event_name"]), None)
    if not meter:
        raise invalid("No active meter found for event name %s." % p["event_name"], "event_name",
                      "no_meter_matching_event_name")
    customer, value = read_payload(acct, meter, p["payload"])
    when, now = p.get("timestamp", acct.now()), acct.now()
    if not now - OLDEST <= when <= now + NEWEST:
        raise invalid("The timestamp must be within the past 35 days or up to 5 minutes in the future.", "timestamp")
    identifier = p.get("identifier", str(uuid.uuid4()))
    if now - acct.identifiers.get(identifier, -UNIQUE) < UNIQUE:
        raise invalid("An event already exists with identifier %s." % identifier, "identifier",
                      "duplicate_meter_event")
    acct.identifiers[identifier] = now
    meter["_events"].append((customer, when, value))
    return {"object": "billing.meter_event", "created": now, "event_name": p["event_name"], "identifier": identifier,
            "livemode": acct.setting("livemode"), "payload": p["payload"], "timestamp": when}


def read_payload(acct, meter, payload):
    customer_key = meter["customer_mapping"]["event_payload_key"]
    value_key = meter["value_settings"]["event_payload_key"]
    for key in (customer_key, value_key):
        if key not in payload:
            raise invalid("The payload of this event has no value for '%s'." % key, "payload",
                          "meter_event_no_customer_defined" if key == customer_key else "meter_event_value_not_found")
    acct.find("customer", payload[customer_key], "payload[%s]" % customer_key)
    try:
        return payload[customer_key], float(payload[value_key])
    except ValueError:
        raise invalid("The payload key '%s' must be a number." % value_key, "payload",
                      "meter_event_invalid_value") from None


def usage(acct, meter, customer, start, end):
    values = [value for owner, when, value in meter["_events"] if owner == customer and start <= when < end]
    formula = meter["default_aggregation"]["formula"]
    return {"sum": sum(values), "count": len(values), "last": values[-1] if values else 0}[formula]


def summaries(acct, p, identifier):
    """One summary of the whole time: the sandbox groups by no window."""
    meter = acct.find("billing.meter", identifier)
    if "value_grouping_window" in p:
        raise invalid("The sandbox groups by no window.", "value_grouping_window")
    summary = blank("billing.meter_event_summary", new_id("mtrusg_"), end_time=p["end_time"], livemode=False,
                    aggregated_value=usage(acct, meter, p["customer"], p["start_time"], p["end_time"]),
                    meter=identifier, start_time=p["start_time"])
    return lists.page([summary], p, "/v1/billing/meters/%s/event_summaries" % identifier)


ROUTES = [
    Route("POST", "/v1/billing/meters", create, "billing_meter"),
    Route("GET", "/v1/billing/meters", index, "billing_meter"),
    Route("GET", "/v1/billing/meters/{id}", retrieve, "billing_meter"),
    Route("POST", "/v1/billing/meters/{id}", change, "billing_meter"),
    Route("POST", "/v1/billing/meters/{id}/deactivate", deactivate, "billing_meter"),
    Route("POST", "/v1/billing/meters/{id}/reactivate", reactivate, "billing_meter"),
    Route("GET", "/v1/billing/meters/{id}/event_summaries", summaries, "billing_meter"),
    Route("POST", "/v1/billing/meter_events", report, "billing_meter_event"),
]
