"""Entitlements: features, which products have them, and who is entitled to them now."""
import events
import lists
from errors import invalid
from objects import list_of, metadata_of, new_id, render, set_metadata, update
from routing import Route

ENTITLING = ("trialing", "active", "past_due")


def create(acct, p):
    if any(feature["lookup_key"] == p["lookup_key"] for feature in acct.every("entitlements.feature")):
        raise invalid("A feature with this lookup_key already exists.", "lookup_key", "resource_already_exists")
    feature = {"id": new_id("feat_test_"), "object": "entitlements.feature", "active": True, "livemode": False,
               "lookup_key": p["lookup_key"], "metadata": metadata_of(p), "name": p["name"]}
    return acct.add(feature)


def retrieve(acct, p, identifier):
    return acct.find("entitlements.feature", identifier)


def change(acct, p, identifier):
    feature = acct.find("entitlements.feature", identifier)
    with acct.changing(feature):
        set_metadata(feature, p.get("metadata"))
        update(feature, p, ("active", "name"))
    return feature


def index(acct, p):
    wanted = not p.get("archived", False)
    found = [feature for feature in lists.where(acct.every("entitlements.feature"), p, "lookup_key")
             if "archived" not in p or feature["active"] == wanted]
    return lists.page(found, p, "/v1/entitlements/features")


def attach(acct, p, product):
    acct.find("product", product)
    feature = acct.find("entitlements.feature", p["entitlement_feature"], "entitlement_feature")
    if any(row["entitlement_feature"] is feature for row in of_product(acct, product)):
        raise invalid("This feature is already attached to the product.", "entitlement_feature")
    row = {"id": new_id("prodft_"), "object": "product_feature", "entitlement_feature": feature, "livemode": False,
           "_product": product}
    acct.add(row)
    refresh_all(acct)
    return row


def of_product(acct, product):
    return [row for row in acct.every("product_feature") if row["_product"] == product]


def product_feature(acct, product, identifier):
    row = acct.find("product_feature", identifier)
    if row["_product"] != product:
        raise invalid("No such product feature: '%s'" % identifier, "id", "resource_missing", 404)
    return row


def retrieve_attached(acct, p, product, identifier):
    return product_feature(acct, product, identifier)


def detach(acct, p, product, identifier):
    gone = acct.remove(product_feature(acct, product, identifier))
    refresh_all(acct)
    return gone


def index_attached(acct, p, product):
    acct.find("product", product)
    return lists.page(of_product(acct, product), p, "/v1/products/%s/features" % product)


def earned(acct, customer):
    """The features that a customer's subscriptions give her, each once."""
    found = {}
    for subscription in acct.owned("subscription", customer):
        if subscription["status"] in ENTITLING:
            for item in subscription["items"]["data"]:
                for row in of_product(acct, item["price"]["product"]):
                    found[row["entitlement_feature"]["id"]] = row["entitlement_feature"]
    return found


def held(acct, customer):
    return {row["feature"]: row for row in acct.owned("entitlements.active_entitlement", customer)}


def summary(acct, customer):
    url = "/v1/customer/%s/entitlements" % customer
    rows = [render(row) for row in held(acct, customer).values()]
    return {"object": "entitlements.active_entitlement_summary", "customer": customer,
            "entitlements": list_of(rows[:10], url, len(rows) > 10), "livemode": acct.setting("livemode")}


@events.on("customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted")
def refresh(acct, subscription):
    refresh_customer(acct, subscription["customer"])


def refresh_all(acct):
    for customer in {subscription["customer"] for subscription in acct.every("subscription")}:
        refresh_customer(acct, customer)


def refresh_customer(acct, customer):
    """Makes what is held equal to what is earned, and tells when that was a change."""
    now, before = earned(acct, customer), held(acct, customer)
    if set(now) == set(before):
        return
    old = summary(acct, customer)["entitlements"]
    for feature in set(before) - set(now):
        acct.remove(before[feature])
    for identifier in sorted(set(now) - set(before)):
        acct.add({"id": new_id("ent_test_"), "object": "entitlements.active_entitlement", "feature": identifier,
                  "livemode": False, "lookup_key": now[identifier]["lookup_key"], "_customer": customer})
    events.emit(acct, "entitlements.active_entitlement_summary.updated", summary(acct, customer),
                {"entitlements": old})


def index_active(acct, p):
    acct.find("customer", p["customer"], "customer")
    return lists.page(held(acct, p["customer"]).values(), p, "/v1/entitlements/active_entitlements")


def retrieve_active(acct, p, identifier):
    return acct.find("entitlements.active_entitlement", identifier)


ROUTES = [
    Route("POST", "/v1/entitlements/features", create, "entitlement"),
    Route("GET", "/v1/entitlements/features", index, "entitlement"),
    Route("GET", "/v1/entitlements/features/{id}", retrieve, "entitlement"),
    Route("POST", "/v1/entitlements/features/{id}", change, "entitlement"),
    Route("POST", "/v1/products/{id}/features", attach, "product"),
    Route("GET", "/v1/products/{id}/features", index_attached, "product"),
    Route("GET", "/v1/products/{id}/features/{id}", retrieve_attached, "product"),
    Route("DELETE", "/v1/products/{id}/features/{id}", detach, "product"),
    Route("GET", "/v1/entitlements/active_entitlements", index_active, "entitlement"),
    Route("GET", "/v1/entitlements/active_entitlements/{id}", retrieve_active, "entitlement"),
]
