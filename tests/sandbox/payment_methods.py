"""PaymentMethods: cards by test number or token, and bank debits."""
import time
import zlib

import cards
import lists
from errors import declined, invalid
from objects import ADDRESS, address, blank, metadata_of, new_id, set_metadata
from routing import Route

KINDS = ("card", "sepa_debit", "au_becs_debit")


def create(acct, p):
    if "payment_method" in p:
        raise invalid("The sandbox does not clone payment methods.", "payment_method")
    if p.get("type") not in KINDS:
        raise invalid("The sandbox knows these payment method types: %s." % ", ".join(KINDS), "type")
    return acct.add(build(acct, p))


def build(acct, p):
    kind = p["type"]
    if kind not in p:
        raise invalid("Missing required param: %s." % kind, kind, "parameter_missing")
    method = blank("payment_method", new_id("pm_"), allow_redisplay=p.get("allow_redisplay", "unspecified"),
                   billing_details=billing_details(p.get("billing_details", {})), created=acct.now(), livemode=False,
                   metadata=metadata_of(p), type=kind, _set_up=False)
    method["_number"], method[kind] = DETAILS[kind](acct, p[kind], p)
    return method


def billing_details(given):
    return {"address": address(given.get("address")) or dict.fromkeys(ADDRESS), "email": given.get("email") or None,
            "name": given.get("name") or None, "phone": given.get("phone") or None, "tax_id": given.get("tax_id")}


def card_details(acct, card, p):
    number = token_number(card["token"]) if "token" in card else required(card, "number", "card")
    number = cards.card_number(number)
    year, month = card.get("exp_year", 2034), card.get("exp_month", 12)
    year += 2000 if year < 100 else 0
    if not 1 <= month <= 12:
        raise declined(cards.Decline("invalid_expiry_month", None, "Your card's expiration month is invalid."))
    if (year, month) < time.gmtime(acct.now())[:2]:
        raise declined(cards.Decline("invalid_expiry_year", None, "Your card's expiration year is invalid."))
    brand = cards.CARDS[number].brand
    return number, {"brand": brand, "checks": {"address_line1_check": None, "address_postal_code_check": None,
                                               "cvc_check": "pass" if "cvc" in card else None},
                    "country": "US", "display_brand": brand, "exp_month": month, "exp_year": year,
                    "fingerprint": fingerprint(number), "funding": "credit", "generated_from": None,
                    "last4": number[-4:], "networks": {"available": [brand], "preferred": None},
                    "regulated_status": "unregulated", "three_d_secure_usage": {"supported": True}, "wallet": None}


def required(group, name, param):
    if name not in group:
        raise invalid("Missing required param: %s[%s]." % (param, name), "%s[%s]" % (param, name),
                      "parameter_missing")
    return group[name]


def token_number(token):
    name = token[4:] if token.startswith("tok_") else token[len("pm_card_"):]
    if name not in cards.TOKENS:
        raise invalid("No such token: '%s'" % token, "card[token]", "resource_missing")
    return cards.TOKENS[name]


def fingerprint(number):
    return "fp%014d" % zlib.crc32(number.encode())


def sepa_details(acct, debit, p):
    owner = p.get("billing_details", {})
    for name in ("name", "email"):
        required(owner, name, "billing_details")
    iban = debit["iban"].replace(" ", "")
    if not (15 <= len(iban) <= 34 and iban[:2].isalpha() and iban[2:].isalnum()):
        raise invalid("The IBAN you entered is invalid.", "sepa_debit[iban]", "invalid_bank_account_iban")
    return iban, {"bank_code": iban[4:9], "branch_code": "", "country": iban[:2], "fingerprint": fingerprint(iban),
                  "generated_from": {"charge": None, "setup_attempt": None}, "last4": iban[-4:]}


def becs_details(acct, debit, p):
    owner = p.get("billing_details", {})
    for name in ("name", "email"):
        required(owner, name, "billing_details")
    bsb = debit["bsb_number"].replace("-", "").replace(" ", "")
    if len(bsb) != 6 or not bsb.isdigit():
        raise invalid("The BSB number you entered is invalid.", "au_becs_debit[bsb_number]", "invalid_bsb_number")
    number = "%s/%s" % (bsb, debit["account_number"])
    return number, {"bsb_number": bsb, "fingerprint": fingerprint(number),
                    "last4": debit["account_number"][-4:]}


DETAILS = {"card": card_details, "sepa_debit": sepa_details, "au_becs_debit": becs_details}


def find(acct, identifier, param="payment_method"):
    """A payment method by id; a pm_card_... token makes a new one, as in Stripe's test mode."""
    if identifier.startswith("pm_card_"):
        token = {"type": "card", "card": {"token": identifier}}
        return acct.add(build(acct, token))
    return acct.find("payment_method", identifier, param)


def attach_to(acct, method, customer):
    if method["customer"] == customer["id"]:
        return method
    if method["customer"]:
        raise invalid("The payment method you provided has already been attached to a customer.")
    result = cards.outcome(method, "setup")
    if isinstance(result, cards.Decline):
        raise declined(result)
    return link(acct, method, customer)


def link(acct, method, customer):
    """Attaches without asking the bank: a payment or a setup has asked already."""
    with acct.changing(method, "payment_method.attached"):
        method["customer"] = customer["id"]
    return method


def attach(acct, p, identifier):
    if "customer" not in p:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    customer = acct.find("customer", p["customer"], "customer")
    return attach_to(acct, find(acct, identifier, "id"), customer)


def detach(acct, p, identifier):
    method = acct.find("payment_method", identifier)
    if not method["customer"]:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    customer = acct.get("customer", method["customer"])
    with acct.changing(method, "payment_method.detached"):
        method["customer"] = None
    forget(acct, method, customer)
    return method


def forget(acct, method, customer):
    """A detached method is nobody's default any more."""
    for subscription in acct.owned("subscription", customer["id"]):
        if subscription["default_payment_method"] == method["id"]:
            with acct.changing(subscription, "customer.subscription.updated"):
                subscription["default_payment_method"] = None
    settings = customer.get("invoice_settings", {})
    if settings.get("default_payment_method") == method["id"]:
        with acct.changing(customer, "customer.updated"):
            settings["default_payment_method"] = None


def retrieve(acct, p, identifier):
    return acct.find("payment_method", identifier)


def change(acct, p, identifier):
    method = acct.find("payment_method", identifier)
    if not method["customer"]:
        raise invalid("You must save this PaymentMethod to a customer before you can update it.")
    with acct.changing(method, "payment_method.updated"):
        set_metadata(method, p.get("metadata"))
        if "billing_details" in p:
            given = {name: value for name, value in p["billing_details"].items()}
            method["billing_details"] = billing_details({**method["billing_details"], **given})
        method.update({name: p[name] for name in ("allow_redisplay",) if name in p})
        for name in ("exp_month", "exp_year"):
            if name in p.get("card", {}):
                method["card"][name] = p["card"][name]
    return method


def index(acct, p):
    if "customer" not in p and "type" not in p:
        p = {**p, "type": "card"}
    return page(acct, p, "/v1/payment_methods")


def page(acct, p, url):
    attached = (method for method in acct.every("payment_method") if method["customer"])
    return lists.page(lists.where(attached, p, "customer", "type", "allow_redisplay"), p, url)


def of_customer(acct, p, identifier):
    acct.find("customer", identifier)
    return page(acct, {**p, "customer": identifier}, "/v1/customers/%s/payment_methods" % identifier)


def one_of_customer(acct, p, customer, identifier):
    method = acct.find("payment_method", identifier)
    if method["customer"] != customer:
        raise invalid("No such payment method: '%s'" % identifier, "id", "resource_missing", 404)
    return method


ROUTES = [
    Route("POST", "/v1/payment_methods", create, "payment_method"),
    Route("GET", "/v1/payment_methods", index, "payment_method"),
    Route("GET", "/v1/payment_methods/{id}", retrieve, "payment_method"),
    Route("POST", "/v1/payment_methods/{id}", change, "payment_method"),
    Route("POST", "/v1/payment_methods/{id}/attach", attach, "payment_method"),
    Route("POST", "/v1/payment_methods/{id}/detach", detach, "payment_method"),
    Route("GET", "/v1/customers/{id}/payment_methods", of_customer, "payment_method"),
    Route("GET", "/v1/customers/{id}/payment_methods/{id}", one_of_customer, "payment_method"),
]
