"""Products, prices and features in one go; what is there already, by lookup key, stays."""
import entitlements
import meters
import prices
import products


def plant(acct, given):
    made = {"products": {}, "prices": {}, "features": {}}
    for entry in given["products"]:
        product = product_of(acct, entry)
        made["products"][entry["name"]] = product["id"]
        for wanted in entry.get("prices", []):
            made["prices"][wanted["lookup_key"]] = price_of(acct, product, wanted)["id"]
        for key in entry.get("features", []):
            made["features"][key] = feature_of(acct, product, key)["id"]
    return made


def product_of(acct, entry):
    keys = {wanted["lookup_key"] for wanted in entry.get("prices", [])}
    for price in acct.every("price"):
        if price["lookup_key"] in keys:
            return acct.get("product", price["product"])
    known = acct.get("product", entry["id"]) if "id" in entry else None
    return known or products.create(acct, {name: entry[name] for name in ("id", "name") if name in entry})


def price_of(acct, product, wanted):
    for price in acct.every("price"):
        if price["lookup_key"] == wanted["lookup_key"]:
            return price
    p = {name: wanted[name] for name in ("lookup_key", "unit_amount", "currency", "currency_options")
         if name in wanted}
    if not wanted.get("one_time"):
        p["recurring"] = {"interval": wanted.get("interval", "month"),
                          "interval_count": wanted.get("interval_count", 1)}
    if "meter" in wanted:
        p["recurring"].update(usage_type="metered", meter=meter_of(acct, wanted["meter"])["id"])
    return prices.create(acct, {**p, "product": product["id"]})


def meter_of(acct, event_name):
    for meter in meters.active(acct):
        if meter["event_name"] == event_name:
            return meter
    return meters.create(acct, {"event_name": event_name, "display_name": event_name,
                                "default_aggregation": {"formula": "sum"}})


def feature_of(acct, product, key):
    for feature in acct.every("entitlements.feature"):
        if feature["lookup_key"] == key:
            break
    else:
        feature = entitlements.create(acct, {"lookup_key": key, "name": key})
    if not any(row["entitlement_feature"] is feature for row in entitlements.of_product(acct, product["id"])):
        entitlements.attach(acct, {"entitlement_feature": feature["id"]}, product["id"])
    return feature
