"""What Stripe says of a customer, and what the record and the gate must make of it.

The rules once more, in other words than the C code's and from Stripe's own
objects, so that a mistake would have to be made twice."""
import collections
import json
import time

DAY = 86400
GRACE = 2 * DAY
PAST_DUE_GRACE = 7 * DAY
PLANS = {"basic_monthly": "basic", "premium_monthly": "premium", "premium_yearly": "premium"}
PLAN_FEATURES = {"premium": {"exports"}}
REQUIREMENTS = ("any", "plan:basic", "plan:premium", "product:prod_premium", "feature:exports", "feature:search")
SERVED_PAUSED = (None, "mark_uncollectible")


def pages(api, path, **params):
    """All of a list of Stripe's, `api` being Sandbox.api."""
    rows, more = [], {}
    while True:
        page = api("GET", path, limit=100, **params, **more)
        rows += page["data"]
        if not page["has_more"]:
            return rows
        more = {"starting_after": rows[-1]["id"]}


def of_invoice(invoice):
    return ((invoice["parent"] or {}).get("subscription_details") or {}).get("subscription")


class Stripe:
    """All that Stripe says now, read once."""

    def __init__(self, api):
        self.api = api
        self.subscriptions = collections.defaultdict(list)
        self.invoices = collections.defaultdict(list)
        self.payments = collections.defaultdict(list)
        for subscription in pages(api, "/v1/subscriptions", status="all"):
            self.subscriptions[subscription["customer"]].append(subscription)
        for invoice in pages(api, "/v1/invoices"):
            self.invoices[of_invoice(invoice)].append(invoice)
        for payment in pages(api, "/v1/invoice_payments", **{"expand[]": "data.payment.payment_intent"}):
            self.payments[payment["invoice"]].append(payment["payment"]["payment_intent"]["status"])

    def features(self, customer):
        return {row["lookup_key"] for row in
                pages(self.api, "/v1/entitlements/active_entitlements", customer=customer)}

    def given(self, product):
        return {row["entitlement_feature"]["lookup_key"] for row in pages(self.api, f"/v1/products/{product}/features")}

    def deleted(self, customer):
        return bool(self.api("GET", f"/v1/customers/{customer}").get("deleted"))

    def past_due_since(self, subscription):
        """When the oldest open invoice was finalized, or was due where it is sent."""
        if subscription["status"] != "past_due":
            return None
        sent = subscription["collection_method"] == "send_invoice"
        since = [invoice["due_date"] if sent else invoice["status_transitions"]["finalized_at"]
                 for invoice in self.invoices[subscription["id"]] if invoice["status"] == "open"]
        return min(since, default=None)

    def undefined(self, subscription):
        """Past due and nothing is open: since when, Stripe does not say."""
        return subscription["status"] == "past_due" and self.past_due_since(subscription) is None

    def never_paid(self, subscription):
        """Its first payment has failed, and Stripe keeps it active all the same."""
        invoices = self.invoices[subscription["id"]]
        first = [row for row in invoices if row["billing_reason"] == "subscription_create"]
        if subscription["status"] != "active" or subscription["collection_method"] == "send_invoice" or not first:
            return False
        if any(row["status"] == "paid" for row in invoices
               if row["billing_reason"] in ("subscription_create", "subscription_cycle")):
            return False
        return first[0]["attempted"] and "processing" not in self.payments[first[0]["id"]]


    def under_way(self, subscription):
        """Its first payment is, so that an earlier one of the same user decides."""
        return subscription["status"] == "active" and any(
            row["status"] != "paid" and "processing" in self.payments[row["id"]]
            for row in self.invoices[subscription["id"]])


def snapshot(subscription):
    """The record of a subscription as src/subscription.h has it; what is not set is left out."""
    pause = subscription["pause_collection"]
    record = {name: subscription[name] for name in (
        "id", "customer", "status", "latest_invoice", "cancel_at_period_end", "created", "trial_end",
        "cancel_at", "ended_at")}
    record["pause_collection"] = pause and pause["behavior"]
    record["send_invoice"] = subscription["collection_method"] == "send_invoice"
    record["simulated"] = bool(subscription["test_clock"])
    record["items"] = sorted(({name: value for name, value in (
        ("id", item["id"]), ("price", item["price"]["id"]), ("product", item["price"]["product"]),
        ("lookup_key", item["price"]["lookup_key"]), ("quantity", item["quantity"]),
        ("current_period_end", item["current_period_end"])) if value}
        for item in subscription["items"]["data"]), key=lambda item: item["id"])
    return {name: value for name, value in record.items() if value or name == "items"}


def stored(record, fact):
    """{subscription: value} of the fields `fact:SUBSCRIPTION` of a customer's hash."""
    return {name.partition(":")[2]: value for name, value in record.items() if name.startswith(fact + ":")}


def record_differs(stripe, customer, record):
    """What the stored record has wrong, as text; nothing when it equals Stripe's."""
    wrong = []
    have = {name: json.loads(text) for name, text in stored(record, "subscription").items()}
    since = {name: int(value) for name, value in stored(record, "past_due_since").items()}
    for subscription in stripe.subscriptions[customer]:
        want = snapshot(subscription)
        got = have.pop(want["id"], {})
        wrong += [f"{want['id']} {name}: stored {got.get(name)}, Stripe says {want.get(name)}"
                  for name in sorted(set(want) | set(got)) if want.get(name) != got.get(name)]
        truth = stripe.past_due_since(subscription)
        if since.get(want["id"]) != truth and not stripe.undefined(subscription):
            wrong.append(f"{want['id']} past_due_since: stored {since.get(want['id'])}, Stripe says {truth}")
    wrong += [f"{name}: Stripe does not know it" for name in have]
    if bool(record.get("deleted")) != stripe.deleted(customer):
        wrong.append(f"deleted: stored {record.get('deleted')}, Stripe says {stripe.deleted(customer)}")
    features = set(json.loads(record.get("features", "[]")))
    if not stripe.deleted(customer) and features != stripe.features(customer):
        wrong.append(f"features: stored {sorted(features)}, Stripe says {sorted(stripe.features(customer))}")
    return wrong


def passes(stripe, subscription, item, now):
    """README's table of what passes, for one item."""
    status = subscription["status"]
    pause = subscription["pause_collection"]
    if (pause and pause["behavior"]) not in SERVED_PAUSED or stripe.never_paid(subscription):
        return False
    end = subscription["cancel_at"] or (subscription["cancel_at_period_end"] and item["current_period_end"])
    if end and now >= end:
        return False
    if status in ("trialing", "active"):
        return now < item["current_period_end"] + (0 if end else GRACE)
    if status == "past_due":
        return now < stripe.past_due_since(subscription) + PAST_DUE_GRACE
    return False


Answer = collections.namedtuple("Answer", "status features")


def gate_answers(stripe, customers, now=None):
    """{requirement: Answer} that the gate owes a user with these customers; none where that is undefined."""
    now = now or time.time()
    hers = [subscription for customer in customers for subscription in stripe.subscriptions[customer]]
    if any(stripe.undefined(subscription) or (stripe.under_way(subscription) and len(hers) > 1)
           for subscription in hers):
        return {}
    products, plans, features, entitled = set(), {"free"}, set(), set()
    for customer in customers:
        if stripe.deleted(customer):
            continue
        paid = [item for subscription in stripe.subscriptions[customer]
                for item in subscription["items"]["data"] if passes(stripe, subscription, item, now)]
        products |= {item["price"]["product"] for item in paid}
        plans |= {PLANS[item["price"]["lookup_key"]] for item in paid}
        entitled |= stripe.features(customer)
    for product in products:
        features |= entitled & stripe.given(product)
    for plan in plans:
        features |= PLAN_FEATURES.get(plan, set())
    met = {f"plan:{name}" for name in plans} | {f"product:{name}" for name in products}
    met |= {f"feature:{name}" for name in features} | ({"any"} if products else set())
    return {requirement: Answer(204 if requirement in met else 403, features) for requirement in REQUIREMENTS}
