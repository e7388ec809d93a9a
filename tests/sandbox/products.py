"""Products."""
import lists
from errors import invalid
from objects import blank, check_url, filled, metadata_of, new_id, set_metadata, update
from routing import Route

PLAIN = ("name", "active", "description", "package_dimensions", "shippable", "statement_descriptor", "tax_code",
         "unit_label", "url")
LISTS = ("images", "marketing_features")
TAX = ("performance_location", "tax_code")


def create(acct, p):
    identifier = p.get("id") or new_id("prod_", 14)
    if acct.get("product", identifier):
        raise invalid("Product already exists.", "id", "resource_already_exists")
    return acct.add(build(acct, identifier, p), "product.created")


def build(acct, identifier, p):
    product = blank("product", identifier, active=True, created=acct.now(), default_price=None, images=[],
                    livemode=False, marketing_features=[], metadata=metadata_of(p), name=None, tax_code=None,
                    type=p.get("type", "service"), unit_label=None,
                    updated=acct.now())
    apply(product, p)
    return product


def apply(product, p):
    check_url(p.get("url"), "url")
    update(product, p, PLAIN)
    product.update({name: p[name] or [] for name in LISTS if name in p})
    if "tax_details" in p:
        product["tax_details"] = filled(p["tax_details"], TAX)


def retrieve(acct, p, identifier):
    return acct.find("product", identifier)


def change(acct, p, identifier):
    product = acct.find("product", identifier)
    if "default_price" in p and acct.find("price", p["default_price"], "default_price")["product"] != identifier:
        raise invalid("The price specified for default_price does not belong to this product.", "default_price")
    with acct.changing(product, "product.updated"):
        set_metadata(product, p.get("metadata"))
        apply(product, p)
        update(product, p, ("default_price",))
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
