"""Payloads as endpoints of API versions before 2025-03-31 receive them."""

BASIL = "2025-03-31"
PERIOD = ("current_period_start", "current_period_end")


def render(event):
    """Moves the fields that version 2025-03-31 moved back to where they were."""
    if event["api_version"][:10] >= BASIL:
        return
    for part in (event["data"]["object"], event["data"].get("previous_attributes", {})):
        convert(part)


def convert(node):
    if isinstance(node, list):
        for item in node:
            convert(item)
        return
    if not isinstance(node, dict):
        return
    for value in list(node.values()):
        convert(value)
    if node.get("object") == "subscription" or "items" in node:
        lift_period(node)
    if node.get("object") == "invoice":
        lower_subscription(node)


def lift_period(subscription):
    for item in (subscription.get("items") or {}).get("data", []):
        for name in PERIOD:
            if name in item:
                subscription[name] = item.pop(name)


def lower_subscription(invoice):
    details = (invoice.pop("parent", None) or {}).get("subscription_details")
    invoice["subscription"] = details["subscription"] if details else None
    invoice["subscription_details"] = {"metadata": details["metadata"]} if details else None
    invoice["paid"] = invoice["status"] == "paid"
