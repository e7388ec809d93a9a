"""What is ordered: items, trial, currency, checked the same way for the API and for Checkout."""
import coupons
import prices
from errors import invalid
from objects import Unshown, metadata_of

DAY = 86400
LONGEST_TRIAL = 730 * DAY
MOST_ITEMS = 20


def pick_price(acct, given, param, inline=True):
    """The price that an item names, or makes."""
    if "price_data" in given and inline:
        return prices.inline(acct, given["price_data"], param + "[price_data]")
    identifier = given.get("price") or given.get("plan")
    if not identifier:
        raise invalid("Missing required param: %s[price]." % param, param + "[price]", "parameter_missing")
    price = acct.find("price", identifier, param + "[price]")
    if not price["active"]:
        raise invalid("The price specified is inactive. This field only accepts active prices.", param + "[price]")
    if not acct.get("product", price["product"])["active"]:
        raise invalid("The price specified belongs to an inactive product: only active products can be bought.",
                      param + "[price]")
    if price["unit_amount_decimal"] is None and not price["_tiers"]:
        raise invalid("The sandbox sells nothing at an amount that the customer chooses.", param + "[price]")
    return price


def check_item(acct, given, param):
    price = pick_price(acct, given, param)
    if not price["recurring"]:
        raise invalid("The price specified is set to `type=one_time` but this field only accepts prices with "
                      "`type=recurring`.", param + "[price]")
    if prices.is_metered(price) and "quantity" in given:
        raise invalid("You cannot set the quantity for metered plans.", param + "[quantity]")
    quantity = Unshown(0) if prices.is_metered(price) else given.get("quantity", 1)
    if quantity < 0:
        raise invalid("This value must be greater than or equal to 0.", param + "[quantity]",
                      "parameter_invalid_integer")
    return {"price": price, "quantity": quantity, "metadata": metadata_of(given)}


def check_items(acct, given, param="items"):
    if not given:
        raise invalid("Missing required param: %s." % param, param, "parameter_missing")
    if len(given) > MOST_ITEMS:
        raise invalid("You can have at most %d items." % MOST_ITEMS, param)
    items = [check_item(acct, entry, "%s[%d]" % (param, place)) for place, entry in enumerate(given)]
    check_together([entry["price"] for entry in items], param)
    return items


def check_together(chosen, param):
    """Prices of one subscription: one interval, none twice."""
    if len({(price["recurring"]["interval"], price["recurring"]["interval_count"]) for price in chosen}) > 1:
        raise invalid("Currently, all prices on a subscription must have the same `recurring.interval` and "
                      "`recurring.interval_count`. If you meant to update an existing item, pass its ID.", param)
    ids = [price["id"] for price in chosen]
    for identifier in ids:
        if ids.count(identifier) > 1:
            raise invalid("Cannot add multiple subscription items with the same plan: %s" % identifier, param)


def pick_currency(chosen, wanted, param="items"):
    """The one currency of all prices: the wanted one, or that of the first."""
    currency = (wanted or chosen[0]["currency"]).lower()
    for price in chosen:
        if currency not in prices.currencies(price):
            raise invalid("The price specified only supports `%s`. This doesn't match the expected currency: `%s`."
                          % (price["currency"], currency), param)
    return currency


def one_time(acct, given, currency, param):
    """One-time prices for an invoice of a subscription (a set-up fee), each with its quantity."""
    chosen = [pick_price(acct, entry, "%s[%d]" % (param, place)) for place, entry in enumerate(given)]
    for place, price in enumerate(chosen):
        if price["recurring"]:
            raise invalid("The price specified is set to `type=recurring` but this field only accepts prices with "
                          "`type=one_time`.", "%s[%d][price]" % (param, place))
    if chosen:
        pick_currency(chosen, currency, param)
    return [(price, entry.get("quantity", 1)) for price, entry in zip(chosen, given)]


def check_customer_currency(acct, customer, currency):
    for subscription in acct.owned("subscription", customer):
        if subscription["currency"] != currency \
                and subscription["status"] not in ("canceled", "incomplete_expired"):
            raise invalid("You cannot combine currencies on a single customer. This customer has an active "
                          "subscription, subscription schedule, discount, quote, or invoice item with currency %s."
                          % subscription["currency"])


def trial_end(acct, p, items, param=""):
    """When the trial of this order ends, or None."""
    inner = (lambda name: "%s[%s]" % (param, name)) if param else (lambda name: name)
    if "trial_end" in p and "trial_period_days" in p:
        raise invalid("You may only specify one of these parameters: trial_end, trial_period_days.",
                      inner("trial_end"))
    if p.get("trial_end") == "now":
        return None
    if "trial_end" in p:
        return check_trial_end(acct, p["trial_end"], inner("trial_end"))
    days = p.get("trial_period_days")
    if days is None and p.get("trial_from_plan"):
        days = items[0]["price"]["recurring"]["trial_period_days"]
    if days is None:
        return None
    if days < (1 if param else 0) or days * DAY > LONGEST_TRIAL:
        raise invalid("The minimum number of trial period days is 1 and the maximum 730.",
                      inner("trial_period_days"))
    return acct.now() + days * DAY if days else None


def check_trial_end(acct, end, param):
    if end <= acct.now():
        raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", param)
    if end > acct.now() + LONGEST_TRIAL:
        raise invalid("Invalid timestamp: trial_end can be at most two years in the future.", param)
    return end


def trial_settings(given):
    end = (given or {}).get("end_behavior", {})
    return {"end_behavior": {"billing_cycle_anchor": end.get("billing_cycle_anchor"),
                             "missing_payment_method": end.get("missing_payment_method", "create_invoice")}}


def billing_mode(given):
    mode = (given or {}).get("type", "flexible")
    return {"flexible": {"proration_discounts": "included"} if mode == "flexible" else None, "type": mode}


def automatic_tax(given):
    enabled = (given or {}).get("enabled", False)
    return {"disabled_reason": None, "enabled": enabled, "liability": {"type": "self"} if enabled else None}


def payment_settings(given):
    given = given or {}
    return {"payment_method_options": given.get("payment_method_options") or None,
            "payment_method_types": given.get("payment_method_types") or None,
            "save_default_payment_method": given.get("save_default_payment_method", "off")}


def make(acct, p, customer, items, wanted_currency=None):
    """An order for lifecycle.begin() from subscription parameters."""
    currency = pick_currency([entry["price"] for entry in items], wanted_currency)
    check_customer_currency(acct, customer["id"], currency)
    return {"customer": customer["id"], "items": items, "currency": currency,
            "trial_end": trial_end(acct, p, items), "anchor": p.get("billing_cycle_anchor"),
            "metadata": metadata_of(p), "description": p.get("description"),
            "default_payment_method": p.get("default_payment_method"),
            "collection_method": p.get("collection_method", "charge_automatically"),
            "days_until_due": p.get("days_until_due"),
            "cancel_at": p.get("cancel_at"), "cancel_at_period_end": p.get("cancel_at_period_end", False),
            "automatic_tax": automatic_tax(p.get("automatic_tax")),
            "billing_mode": billing_mode(p.get("billing_mode")),
            "payment_settings": payment_settings(p.get("payment_settings")),
            "trial_settings": trial_settings(p.get("trial_settings")),
            "discounts": coupons.check(acct, p.get("discounts"), customer["id"])}
