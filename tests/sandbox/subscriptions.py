"""Subscriptions: the endpoints. What becomes of them is in lifecycle.py, changes of items in changes.py."""
import cards
import changes
import invoicing
import lifecycle
import lists
import orders
import search
import waiting
from errors import declined, invalid
from expand import hidden
from objects import list_of, set_metadata
from routing import Route

UNSUPPORTED = ("customer_account", "default_source", "billing_thresholds", "billing_cycle_anchor_config",
               "backdate_start_date", "billing_schedules", "transfer_data", "on_behalf_of",
               "application_fee_percent", "pending_invoice_item_interval", "default_tax_rates")


def create(acct, p):
    refuse_unsupported(p)
    customer = acct.find("customer", require(p, "customer"), "customer")
    check_combinations(p)
    items = orders.check_items(acct, p.get("items"))
    order = orders.make(acct, p, customer, items, p.get("currency"))
    check_payment_method(acct, p, order, customer)
    extra = orders.one_time(acct, p.get("add_invoice_items", []), order["currency"], "add_invoice_items")
    subscription = lifecycle.begin(acct, order)
    invoice = lifecycle.first_invoice(acct, subscription, invoicing.one_time_lines(acct, subscription, extra))
    start(acct, subscription, invoice, p)
    lifecycle.announce(acct, subscription)
    return subscription


def require(p, name):
    if name not in p:
        raise invalid("Missing required param: %s." % name, name, "parameter_missing")
    return p[name]


def refuse_unsupported(p):
    for name in UNSUPPORTED:
        if name in p:
            raise invalid("The sandbox does not know '%s'." % name, name)


def check_combinations(p):
    if p.get("cancel_at_period_end") and "cancel_at" in p:
        raise invalid("You may only specify one of these parameters: cancel_at, cancel_at_period_end.", "cancel_at")
    sends = p.get("collection_method") == "send_invoice"
    if sends and "days_until_due" not in p:
        raise invalid("You must specify `days_until_due` when `collection_method` is `send_invoice`.",
                      "days_until_due", "parameter_missing")
    if not sends and "days_until_due" in p:
        raise invalid("You can only specify `days_until_due` when `collection_method` is `send_invoice`.",
                      "days_until_due")
    if sends and "payment_behavior" in p:
        raise invalid("`payment_behavior` can only be used with `collection_method` `charge_automatically`.",
                      "payment_behavior")
    if p.get("payment_behavior") == "pending_if_incomplete":
        raise invalid("`payment_behavior` `pending_if_incomplete` is only for updates.", "payment_behavior")


def check_payment_method(acct, p, order, customer):
    """Without a payment method only default_incomplete, trials and invoices that are sent can begin."""
    if order["default_payment_method"]:
        check_owner(acct, order["default_payment_method"], customer["id"])
    method = order["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
    needless = order["collection_method"] == "send_invoice" or order["trial_end"] \
        or p.get("payment_behavior") == "default_incomplete"
    if not method and not needless:
        raise invalid("This customer has no attached payment source or default payment method. Please consider "
                      "adding a default payment method. For more information, visit "
                      "https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
                      code="resource_missing")
    if method and p.get("payment_behavior") == "error_if_incomplete" and not order["trial_end"]:
        refuse_failing(acct, method)


def check_owner(acct, identifier, customer):
    method = acct.find("payment_method", identifier, "default_payment_method")
    if method["customer"] != customer:
        raise invalid("The customer does not have a payment method with the ID %s. The payment method must be "
                      "attached to the customer." % identifier, "default_payment_method", "resource_missing")


def refuse_failing(acct, identifier):
    result = cards.outcome(acct.get("payment_method", identifier), "charge", True)
    if isinstance(result, cards.Decline):
        raise declined(result)


def start(acct, subscription, invoice, p):
    """Finalizes the first invoice and, unless default_incomplete, collects it."""
    invoicing.finalize(acct, invoice)
    if subscription["collection_method"] == "send_invoice":
        with acct.changing(subscription, lifecycle.UPDATED):
            subscription["status"] = "trialing" if subscription["trial_end"] else "active"
    elif invoice["status"] == "open" and p.get("payment_behavior") != "default_incomplete":
        invoicing.collect(acct, invoice, off_session=bool(p.get("off_session")))
    elif invoice["status"] == "paid":
        lifecycle.want_setup(acct, subscription)


def retrieve(acct, p, identifier):
    return acct.find("subscription", identifier)


def change(acct, p, identifier):
    subscription = acct.find("subscription", identifier)
    refuse_unsupported(p)
    if p.get("default_payment_method"):
        check_owner(acct, p["default_payment_method"], subscription["customer"])
    changes.check(acct, subscription, p)
    return changes.apply(acct, subscription, p)


def cancel(acct, p, identifier):
    subscription = acct.find("subscription", identifier)
    if subscription["status"] in lifecycle.ENDED:
        raise invalid("No such subscription: '%s'" % identifier, "id", "resource_missing", 404)
    if p.get("invoice_now") or p.get("prorate"):
        changes.final_invoice(acct, subscription, p)
    details = {name: value or None for name, value in p.get("cancellation_details", {}).items()}
    lifecycle.cancel(acct, subscription, details=details)
    return subscription


def pause(acct, p, identifier):
    subscription = acct.find("subscription", identifier)
    if subscription["status"] not in ("active", "trialing"):
        raise invalid("You cannot pause a subscription with a status of %s." % subscription["status"])
    changes.credit_pause(acct, subscription, p)
    lifecycle.pause(acct, subscription, "pause_requested")
    return subscription


def resume(acct, p, identifier):
    subscription = acct.find("subscription", identifier)
    if subscription["status"] != "paused":
        raise invalid("You cannot resume a subscription that is not paused.")
    waiting.resume(acct, subscription, p)
    return subscription


def with_status(subscription, status):
    if status == "all":
        return True
    if status == "ended":
        return subscription["status"] in lifecycle.ENDED
    if status is None:
        return subscription["status"] not in lifecycle.ENDED
    return subscription["status"] == status


def matches(subscription, p):
    rows = lifecycle.items(subscription)
    wanted = p.get("price") or p.get("plan")
    start, end = lifecycle.period(subscription)
    return with_status(subscription, p.get("status")) and lists.in_range(end, p.get("current_period_end")) \
        and lists.in_range(start, p.get("current_period_start")) \
        and (not wanted or any(row["price"]["id"] == wanted for row in rows))


def index(acct, p):
    if "customer" in p:
        acct.get("customer", p["customer"]) or acct.find("customer", p["customer"], "customer")
    every = acct.owned("subscription", p["customer"]) if "customer" in p else acct.every("subscription")
    found = lists.where(every, p, "collection_method")
    return lists.page([row for row in found if matches(row, p)], p, "/v1/subscriptions")


def find(acct, p):
    return search.page(acct, acct.every("subscription"), p, ("created", "status"), "/v1/subscriptions/search")


@hidden("customer", "subscriptions")
def of_customer(acct, shown):
    live = [row for row in acct.owned("subscription", shown["id"]) if with_status(row, None)]
    return list_of(live, "/v1/customers/%s/subscriptions" % shown["id"])


def index_items(acct, p):
    subscription = acct.find("subscription", p["subscription"], "subscription")
    return lists.page(lifecycle.items(subscription), p, "/v1/subscription_items")


def retrieve_item(acct, p, identifier):
    return acct.find("subscription_item", identifier)


def add_item(acct, p):
    subscription = acct.find("subscription", p["subscription"], "subscription")
    before = {row["id"] for row in lifecycle.items(subscription)}
    change_items(acct, subscription, p, {})
    return next(row for row in lifecycle.items(subscription) if row["id"] not in before)


def change_item(acct, p, identifier):
    row = acct.find("subscription_item", identifier)
    change_items(acct, acct.get("subscription", row["subscription"]), p, {"id": identifier})
    if "metadata" in p:
        set_metadata(row, p["metadata"])
    return row


def remove_item(acct, p, identifier):
    row = acct.find("subscription_item", identifier)
    change_items(acct, acct.get("subscription", row["subscription"]), p, {"id": identifier, "deleted": True})
    return {"id": identifier, "object": "subscription_item", "deleted": True}


def change_items(acct, subscription, p, entry):
    """A change of one item is a change of its subscription."""
    own = {name: p[name] for name in ("price", "plan", "price_data", "quantity") if name in p}
    rest = {name: p[name] for name in ("payment_behavior", "proration_behavior", "proration_date") if name in p}
    whole = {**rest, "items": [{**own, **entry}]}
    changes.check(acct, subscription, whole)
    changes.apply(acct, subscription, whole)


ROUTES = [
    Route("POST", "/v1/subscriptions", create, "subscription"),
    Route("GET", "/v1/subscriptions", index, "subscription"),
    Route("GET", "/v1/subscriptions/search", find, "subscription"),
    Route("GET", "/v1/subscriptions/{id}", retrieve, "subscription"),
    Route("POST", "/v1/subscriptions/{id}", change, "subscription"),
    Route("DELETE", "/v1/subscriptions/{id}", cancel, "subscription"),
    Route("POST", "/v1/subscriptions/{id}/pause", pause, "subscription"),
    Route("POST", "/v1/subscriptions/{id}/resume", resume, "subscription"),
    Route("GET", "/v1/subscription_items", index_items, "subscription"),
    Route("POST", "/v1/subscription_items", add_item, "subscription"),
    Route("GET", "/v1/subscription_items/{id}", retrieve_item, "subscription"),
    Route("POST", "/v1/subscription_items/{id}", change_item, "subscription"),
    Route("DELETE", "/v1/subscription_items/{id}", remove_item, "subscription"),
]
