"""Prices: what a product costs, how often, in which currencies."""
import lists
import products
from errors import invalid
from expand import hidden
from objects import blank, metadata_of, new_id, set_metadata, update
from routing import Route

LONGEST = {"day": 1095, "week": 156, "month": 36, "year": 3}
ONE_OF = ("unit_amount", "unit_amount_decimal", "custom_unit_amount", "tiers")


def create(acct, p):
    check_amount(p)
    if ("product" in p) == ("product_data" in p):
        raise invalid("You must specify either `product` or `product_data` when creating a price.", "product",
                      "parameter_missing")
    if "product_data" in p:
        product = products.create(acct, p["product_data"])
    else:
        product = acct.find("product", p["product"], "product")
    claim_lookup_key(acct, p)
    return acct.add(build(acct, product, p), "price.created")


def create_product(acct, p):
    """A product, with its default price where one is given."""
    product = products.create(acct, p)
    if "default_price_data" in p:
        price = create(acct, {**p["default_price_data"], "product": product["id"]})
        with acct.changing(product, "product.updated"):
            product["default_price"] = price["id"]
    return product


def check_amount(p):
    if not any(name in p for name in ONE_OF):
        raise invalid("You must specify one of `unit_amount`, `unit_amount_decimal`, `custom_unit_amount` or `tiers`.",
                      "unit_amount", "parameter_missing")
    if "unit_amount" in p and "unit_amount_decimal" in p:
        raise invalid("You may only specify one of these parameters: unit_amount, unit_amount_decimal.",
                      "unit_amount")
    if p.get("unit_amount", 0) < 0:
        raise invalid("This value must be greater than or equal to 0.", "unit_amount", "parameter_invalid_integer")
    if (p.get("billing_scheme") == "tiered") != ("tiers" in p):
        raise invalid("`billing_scheme` must be `tiered` when `tiers` are given, and only then.", "billing_scheme")
    check_currency(p["currency"])


def check_currency(currency, param="currency"):
    if len(currency) != 3 or not currency.isalpha():
        raise invalid("Invalid currency: %s. Stripe currently supports these currencies: usd, eur, gbp, ..."
                      % currency, param)


def claim_lookup_key(acct, p, own=None):
    if "lookup_key" not in p:
        return
    for price in acct.every("price"):
        if price["lookup_key"] == p["lookup_key"] and price["id"] != own:
            if not p.get("transfer_lookup_key"):
                raise invalid("A price (`%s`) already uses that lookup key." % price["id"], "lookup_key")
            with acct.changing(price, "price.updated"):
                price["lookup_key"] = None


def build(acct, product, p):
    amount, decimal = amounts(p)
    price = blank("price", new_id("price_"), active=p.get("active", True),
                  billing_scheme=p.get("billing_scheme", "per_unit"), created=acct.now(),
                  currency=p["currency"].lower(), livemode=False, lookup_key=p.get("lookup_key"),
                  metadata=metadata_of(p), nickname=p.get("nickname"), product=product["id"],
                  recurring=recurring(acct, p.get("recurring")), tax_behavior=p.get("tax_behavior", "unspecified"),
                  tiers_mode=p.get("tiers_mode"), transform_quantity=p.get("transform_quantity"),
                  type="recurring" if "recurring" in p else "one_time", unit_amount=amount,
                  unit_amount_decimal=decimal)
    price["_tiers"] = [tier(given) for given in p.get("tiers", [])] or None
    price["_currency_options"] = {name.lower(): option(given, p) for name, given
                                  in p.get("currency_options", {}).items()}
    return price


def amounts(given):
    if "unit_amount_decimal" in given:
        decimal = given["unit_amount_decimal"]
        return (int(decimal) if "." not in decimal else None), decimal
    amount = given.get("unit_amount")
    return amount, None if amount is None else str(amount)


def recurring(acct, given):
    if given is None:
        return None
    check_meter(acct, given)
    if not 1 <= given.get("interval_count", 1) <= LONGEST[given["interval"]]:
        raise invalid("The interval can be at most three years.", "recurring[interval_count]")
    return {"interval": given["interval"], "interval_count": given.get("interval_count", 1),
            "meter": given.get("meter"), "trial_period_days": given.get("trial_period_days"),
            "usage_type": given.get("usage_type", "licensed")}


def check_meter(acct, given):
    if (given.get("usage_type") == "metered") != ("meter" in given):
        raise invalid("Prices with `recurring[usage_type]` of `metered`, and only those, must have a meter.",
                      "recurring[meter]")
    if "meter" in given:
        acct.find("billing.meter", given["meter"], "recurring[meter]")


def is_metered(price):
    return bool(price["recurring"]) and price["recurring"]["usage_type"] == "metered"


def tier(given):
    amount, decimal = amounts(given)
    return {"flat_amount": given.get("flat_amount"), "flat_amount_decimal": None, "unit_amount": amount,
            "unit_amount_decimal": decimal, "up_to": None if given["up_to"] == "inf" else given["up_to"]}


def option(given, p):
    amount, decimal = amounts(given)
    return {"custom_unit_amount": None, "tax_behavior": given.get("tax_behavior", p.get("tax_behavior", "unspecified")),
            "unit_amount": amount, "unit_amount_decimal": decimal}


@hidden("price", "currency_options")
def currency_options(acct, shown):
    price = acct.get("price", shown["id"])
    own = {"custom_unit_amount": None, "tax_behavior": price["tax_behavior"], "unit_amount": price["unit_amount"],
           "unit_amount_decimal": price["unit_amount_decimal"]}
    return {price["currency"]: own, **price["_currency_options"]}


@hidden("price", "tiers")
def tiers(acct, shown):
    return acct.get("price", shown["id"])["_tiers"] or []


def currencies(price):
    return {price["currency"], *(name for name, option in price["_currency_options"].items()
                                 if option["unit_amount_decimal"] is not None)}


def amount(price, quantity, currency):
    """What this many cost, in the smallest unit of the currency."""
    if price["_tiers"]:
        return tiered_amount(price, quantity)
    options = price if currency == price["currency"] else price["_currency_options"][currency]
    return round(float(options["unit_amount_decimal"]) * quantity)


def tiered_amount(price, quantity):
    total, floor = 0, 0
    for step in price["_tiers"]:
        top = step["up_to"] or quantity
        within = min(quantity, top) - floor
        if price["tiers_mode"] == "volume" and quantity <= top:
            return (step["flat_amount"] or 0) + (step["unit_amount"] or 0) * quantity
        if price["tiers_mode"] == "graduated" and within > 0:
            total += (step["flat_amount"] or 0) + (step["unit_amount"] or 0) * within
        floor = top
    return total


def plan_of(price):
    """The older view of a recurring price that subscription items still carry."""
    cycle = price["recurring"]
    return blank("plan", price["id"], active=price["active"], amount=price["unit_amount"],
                 amount_decimal=price["unit_amount_decimal"], billing_scheme=price["billing_scheme"],
                 created=price["created"], currency=price["currency"], interval=cycle["interval"],
                 interval_count=cycle["interval_count"], livemode=price["livemode"],
                 metadata=price["metadata"], meter=cycle["meter"],
                 nickname=price["nickname"], product=price["product"], tiers_mode=price["tiers_mode"],
                 trial_period_days=cycle["trial_period_days"], usage_type=cycle["usage_type"])


def inline(acct, data, param):
    """A price made from price_data, which no list shows as active."""
    if "product" in data:
        product = acct.find("product", data["product"], param + "[product]")
    elif "product_data" in data:
        product = products.create(acct, data["product_data"])
    else:
        raise invalid("Missing required param: %s[product]." % param, param + "[product]", "parameter_missing")
    check_amount(data)
    price = build(acct, product, data)
    price["active"] = False
    return acct.add(price)


def retrieve(acct, p, identifier):
    return acct.find("price", identifier)


def change(acct, p, identifier):
    price = acct.find("price", identifier)
    claim_lookup_key(acct, p, identifier)
    with acct.changing(price, "price.updated"):
        set_metadata(price, p.get("metadata"))
        update(price, p, ("active", "lookup_key", "nickname", "tax_behavior"))
        for name, given in (p.get("currency_options") or {}).items():
            price["_currency_options"][name.lower()] = option(given, {})
    return price


def matches(price, p):
    if "lookup_keys" in p and price["lookup_key"] not in p["lookup_keys"]:
        return False
    cycle = price["recurring"] or {}
    return all(cycle.get(name) == value for name, value in p.get("recurring", {}).items())


def index(acct, p):
    if len(p.get("lookup_keys", [])) > 10:
        raise invalid("You may only specify up to 10 lookup keys.", "lookup_keys")
    found = lists.where(acct.every("price"), p, "active", "currency", "product", "type")
    return lists.page([price for price in found if matches(price, p)], p, "/v1/prices")


ROUTES = [
    Route("POST", "/v1/products", create_product, "product"),
    Route("POST", "/v1/prices", create, "price"),
    Route("GET", "/v1/prices", index, "price"),
    Route("GET", "/v1/prices/{id}", retrieve, "price"),
    Route("POST", "/v1/prices/{id}", change, "price"),
]
