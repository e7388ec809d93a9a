"""Customers."""
import events
import lists
import payment_methods
import search
from errors import invalid
from objects import address, blank, check_email, metadata_of, new_id, set_metadata, update
from routing import Route

PLAIN = ("name", "phone", "description", "business_name", "individual_name", "tax_exempt", "shipping",
         "preferred_locales", "balance", "next_invoice_sequence", "invoice_prefix")
SEARCHABLE = ("created", "email", "name", "phone")


def create(acct, p):
    customer = build(acct, p)
    return acct.add(customer, "customer.created")


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
    update(customer, p, PLAIN)
    if "payment_method" in p:
        payment_methods.attach_to(acct, payment_methods.find(acct, p["payment_method"]), customer)
    settings = p.get("invoice_settings", {})
    if "default_payment_method" in settings:
        check_default(acct, customer, settings["default_payment_method"])
    customer["invoice_settings"].update({name: value or None for name, value in settings.items()})


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
