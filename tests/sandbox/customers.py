"""Customers."""
import events
import lists
import payment_methods
import search
from errors import invalid
from objects import address, blank, check_email, filled, metadata_of, new_id, set_metadata, update
from routing import Route

PLAIN = ("name", "phone", "description", "tax_exempt", "preferred_locales", "balance", "next_invoice_sequence",
         "invoice_prefix")
NAMES = ("business_name", "individual_name")
RENDERING = ("amount_tax_display", "template")
SEARCHABLE = ("created", "email", "name", "phone")


def create(acct, p):
    customer = build(acct, p)
    if "payment_method" in p:
        attach(acct, customer, p["payment_method"])
    return acct.add(customer, "customer.created")


def attach(acct, customer, identifier):
    """The method that comes with a new customer; it may be named as her default too."""
    method = payment_methods.attach_to(acct, payment_methods.find(acct, identifier), customer)
    if customer["invoice_settings"]["default_payment_method"] == identifier:
        customer["invoice_settings"]["default_payment_method"] = method["id"]


def build(acct, p):
    settings = {"custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None}
    customer = blank("customer", new_id("cus_", 14), address=None, balance=0, created=acct.now(), currency=None,
                     delinquent=False, discount=None, email=None, invoice_prefix=new_id("", 8).upper(),
                     invoice_settings=settings, livemode=False, metadata=metadata_of(p), name=None,
                     next_invoice_sequence=1, phone=None, preferred_locales=[], tax_exempt="none", test_clock=None)
    refuse_unsupported(p)
    apply(acct, customer, p)
    return customer


def refuse_unsupported(p):
    for name in ("source", "default_source", "customer_account", "test_clock", "cash_balance", "tax_id_data"):
        if name in p:
            raise invalid("The sandbox does not know '%s'." % name, name)


def apply(acct, customer, p):
    if "email" in p:
        check_email(p["email"])
        customer["email"] = p["email"]
    if "address" in p:
        customer["address"] = address(p["address"])
    if "shipping" in p:
        customer["shipping"] = shipping(p["shipping"])
    update(customer, p, PLAIN)
    for name in NAMES:
        if p.get(name):
            customer[name] = p[name]
        elif name in p:
            customer.pop(name, None)
    settings = p.get("invoice_settings", {})
    if settings.get("default_payment_method", p.get("payment_method")) != p.get("payment_method"):
        check_default(acct, customer, settings["default_payment_method"])
    customer["invoice_settings"].update({name: value or None for name, value in settings.items()})
    if "rendering_options" in settings:
        customer["invoice_settings"]["rendering_options"] = filled(settings["rendering_options"], RENDERING)


def shipping(given):
    return given and {"address": address(given["address"]), "name": given["name"], "phone": given.get("phone")} or None


def check_default(acct, customer, identifier):
    method = acct.find("payment_method", identifier, "invoice_settings[default_payment_method]")
    if method["customer"] != customer["id"]:
        raise invalid("The customer does not have a payment method with the ID %s. The payment method must be "
                      "attached to the customer." % identifier, "invoice_settings[default_payment_method]",
                      "resource_missing")


def retrieve(acct, p, identifier):
    return acct.get("customer", identifier) or acct.find("customer", identifier)


def change(acct, p, identifier):
    customer = acct.find("customer", identifier)
    refuse_unsupported(p)
    with acct.changing(customer, "customer.updated"):
        set_metadata(customer, p.get("metadata"))
        apply(acct, customer, p)
    return customer


def delete(acct, p, identifier):
    customer = acct.find("customer", identifier)
    gone = {"id": identifier, "object": "customer", "deleted": True}
    acct.tables["customer"][identifier] = gone
    acct.versions.pop(identifier, None)
    events.emit(acct, "customer.deleted", customer)
    return gone


def existing(acct):
    return (customer for customer in acct.every("customer") if not customer.get("deleted"))


def index(acct, p):
    return lists.page(lists.where(existing(acct), p, "email"), p, "/v1/customers")


def find(acct, p):
    return search.page(acct, existing(acct), p, SEARCHABLE, "/v1/customers/search")


ROUTES = [
    Route("POST", "/v1/customers", create, "customer"),
    Route("GET", "/v1/customers", index, "customer"),
    Route("GET", "/v1/customers/search", find, "customer"),
    Route("GET", "/v1/customers/{id}", retrieve, "customer"),
    Route("POST", "/v1/customers/{id}", change, "customer"),
    Route("DELETE", "/v1/customers/{id}", delete, "customer"),
]
