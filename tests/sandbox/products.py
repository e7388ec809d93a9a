"""Products."""
import lists
from errors import invalid
from objects import blank, check_url, metadata_of, new_id, set_metadata, update
from routing import Route

PLAIN = ("name", "active", "description", "images", "marketing_features", "package_dimensions", "shippable",
         "statement_descriptor", "tax_code", "unit_label", "url")


def create(acct, p):
    identifier = p.get("id") or new_id("prod_", 14)
    if acct.get("product", identifier):
        raise invalid("Product already exists.", "id", "resource_already_exists")
    return acct.add(build(acct, identifier, p), "product.created")


def build(acct, identifier, p):
    product = blank("product", identifier, active=True, created=acct.now(), default_price=None, images=[],
                    livemode=False, marketing_features=[], metadata=metadata_of(p), name=None, tax_code=None,
                    tax_details=p.get("tax_details"), type=p.get("type", "service"), unit_label=None,
                    updated=acct.now())
    check_url(p.get("url"), "url")
    update(product, p, PLAIN)
    return product


def retrieve(acct, p, identifier):
    return acct.find("product", identifier)


def change(acct, p, identifier):
    product = acct.find("product", identifier)
    if "default_price" in p and acct.find("price", p["default_price"], "default_price")["product"] != identifier:
        raise invalid("The price specified for default_price does not belong to this product.", "default_price")
    with acct.changing(product, "product.updated"):
        set_metadata(product, p.get("metadata"))
        update(product, p, PLAIN + ("default_price", "tax_details"))
        product["updated"] = acct.now()
    return product


def delete(acct, p, identifier):
    product = acct.find("product", identifier)
    if any(price["product"] == identifier for price in acct.every("price")):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    return acct.remove(product, "product.deleted")


def index(acct, p):
    found = [product for product in lists.where(acct.every("product"), p, "active", "shippable", "type", "url")
             if "ids" not in p or product["id"] in p["ids"]]
    return lists.page(found, p, "/v1/products")


ROUTES = [
    Route("GET", "/v1/products", index, "product"),
    Route("GET", "/v1/products/{id}", retrieve, "product"),
    Route("POST", "/v1/products/{id}", change, "product"),
    Route("DELETE", "/v1/products/{id}", delete, "product"),
]
