"""Checkout Sessions: the endpoints. How one is paid is in checkout_payment.py."""
import checkout_rules
import clock
import coupons
import events
import lists
import orders
import prices
from errors import invalid
from expand import hidden
from objects import blank, list_of, metadata_of, new_id, set_metadata
from routing import Route

DAY = 86400
ECHOED = ("allow_promotion_codes", "allowed_payment_method_types", "billing_address_collection", "cancel_url",
          "client_reference_id", "customer_email", "excluded_payment_method_types", "integration_identifier",
          "locale", "return_url", "submit_type", "success_url", "origin_context", "wallet_options", "permissions",
          "phone_number_collection", "shipping_address_collection")
TEXTS = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")


def create(acct, p):
    checkout_rules.check(acct, p)
    rows = checkout_rules.check_lines(acct, p) if p["mode"] != "setup" else []
    currency = orders.pick_currency([row["price"] for row in rows], p.get("currency"), "line_items") if rows \
        else p.get("currency")
    if p.get("customer") and p["mode"] == "subscription":
        orders.check_customer_currency(acct, p["customer"], currency)
    discounts = check_discounts(acct, p)
    session = build(acct, p, rows, currency)
    session["_discounts"] = discounts
    session["discounts"] = shown_discounts(discounts) or ([] if "discounts" in p else None)
    total(acct, session)
    acct.schedule(session["expires_at"], "expire_session", session["id"])
    return acct.add(session)


def check_discounts(acct, p):
    if len(p.get("discounts", [])) > 1:
        raise invalid("You can only apply one discount to a Checkout Session.", "discounts")
    return coupons.check(acct, p.get("discounts"), p.get("customer"))


def shown_discounts(checked):
    return [{"coupon": None if promotion else coupon["id"], "promotion_code": promotion and promotion["id"]}
            for coupon, promotion in checked]


def build(acct, p, rows, currency):
    mode, ui_mode = p["mode"], p.get("ui_mode", "hosted_page")
    data = p.get("subscription_data", {})
    metadata_of(data, "subscription_data[metadata]")
    identifier = new_id("cs_live_" if acct.setting("livemode") else "cs_test_", 58)
    session = blank("checkout.session", identifier, adaptive_pricing={"enabled": False} if rows else None,
                    automatic_tax=automatic_tax(p.get("automatic_tax", {})), created=acct.now(), currency=currency,
                    collected_information={"business_name": None, "individual_name": None, "shipping_details": None},
                    custom_fields=[shown_field(field) for field in p.get("custom_fields", [])],
                    custom_text={name: p.get("custom_text", {}).get(name) or None for name in TEXTS},
                    customer=p.get("customer"), customer_creation=customer_creation(p),
                    customer_details=details(acct, p), expires_at=p.get("expires_at", acct.now() + DAY),
                    livemode=False, metadata=metadata_of(p), mode=mode,
                    payment_method_collection=p.get("payment_method_collection", "always" if mode != "payment"
                                                    else "if_required"),
                    payment_method_options={"card": {"request_three_d_secure": "automatic"}},
                    payment_method_types=p.get("allowed_payment_method_types") or ["card"],
                    payment_status="unpaid", shipping_options=[], status="open", ui_mode=ui_mode)
    session.update({name: p[name] for name in ECHOED if name in p})
    session.update(consents(p))
    if "name_collection" in p:
        session["name_collection"] = {name: {"optional": False, **given}
                                      for name, given in p["name_collection"].items()}
    session.update(entrance(acct, session, ui_mode, p))
    session.update(_rows=rows, _secret=session["client_secret"], _data=data, _update=p.get("customer_update", {}),
                   _setup_data=p.get("setup_intent_data", {}), _payment_data=p.get("payment_intent_data", {}))
    return session


def entrance(acct, session, ui_mode, p):
    """Where the customer goes: a URL, or a secret for a page on the site."""
    if ui_mode == "hosted_page":
        return {"url": "%s/c/pay/%s" % (acct.world.base_url, session["id"])}
    entered = {"client_secret": "%s_secret_%s" % (session["id"], new_id("", 50))}
    if ui_mode == "embedded_page":
        entered["redirect_on_completion"] = p.get("redirect_on_completion", "always")
    return entered


def automatic_tax(given):
    enabled = given.get("enabled", False)
    return {"enabled": enabled, "liability": {"type": "self"} if enabled else None,
            "provider": "stripe" if enabled else None, "status": "requires_location_inputs" if enabled else None}


def customer_creation(p):
    if "customer" in p or p["mode"] == "setup":
        return p.get("customer_creation")
    return p.get("customer_creation", "always" if p["mode"] == "subscription" else "if_required")


def details(acct, p):
    email = p.get("customer_email")
    if "customer" in p:
        email = acct.get("customer", p["customer"])["email"]
    if not email:
        return None
    return {"address": None, "business_name": None, "email": email, "individual_name": None, "name": None,
            "phone": None, "tax_exempt": "none", "tax_ids": None}


def consents(p):
    given = p.get("consent_collection")
    return {} if given is None else {"consent_collection": {
        "payment_method_reuse_agreement": given.get("payment_method_reuse_agreement"),
        "promotions": given.get("promotions", "none"), "terms_of_service": given.get("terms_of_service", "none")}}


def shown_field(field):
    shown = {"key": field["key"], "label": field["label"], "optional": field.get("optional", False),
             "type": field["type"]}
    given = field.get(field["type"], {})
    if field["type"] == "dropdown":
        shown["dropdown"] = {"default_value": given.get("default_value"), "options": given.get("options", []),
                             "value": None}
    else:
        shown[field["type"]] = {"default_value": given.get("default_value"), "value": None,
                                "maximum_length": given.get("maximum_length"),
                                "minimum_length": given.get("minimum_length")}
    return shown


def trialing(session):
    return "trial_period_days" in session["_data"] or "trial_end" in session["_data"]


def due_now(session, row):
    if row["price"]["recurring"] and trialing(session):
        return 0
    return prices.amount(row["price"], row["quantity"], session["currency"])


def off(session, row, amount):
    """What the discounts take off this line."""
    taken = 0
    for coupon, _ in session["_discounts"]:
        if coupons.covers(coupon, row["price"]["product"]):
            taken += coupons.off(coupon, amount - taken, session["currency"])
    return taken


def total(acct, session):
    if session["mode"] == "setup":
        return
    amounts = [due_now(session, row) for row in session["_rows"]]
    discount = sum(off(session, row, amount) for row, amount in zip(session["_rows"], amounts))
    session.update(amount_subtotal=sum(amounts), amount_total=sum(amounts) - discount,
                   total_details={"amount_discount": discount, "amount_shipping": 0, "amount_tax": 0})
    session["payment_status"] = "unpaid"


def item(acct, session, row):
    if "id" not in row:
        row["id"] = new_id("li_")
    amount = due_now(session, row)
    discount = off(session, row, amount)
    return blank("item", row["id"], amount_discount=discount, amount_subtotal=amount, amount_tax=0,
                 amount_total=amount - discount, currency=session["currency"],
                 description=acct.get("product", row["price"]["product"])["name"], metadata=row["metadata"],
                 price=row["price"], quantity=int(row["quantity"]))


def items(acct, session):
    return [item(acct, session, row) for row in session["_rows"]]


@hidden("checkout.session", "line_items")
def line_items(acct, shown):
    session = acct.get("checkout.session", shown["id"])
    return list_of(items(acct, session), "/v1/checkout/sessions/%s/line_items" % session["id"])


@hidden("checkout.session", "total_details.breakdown")
def breakdown(acct, shown):
    return {"discounts": [], "taxes": []}


def retrieve(acct, p, identifier):
    return acct.find("checkout.session", identifier, "session")


def change(acct, p, identifier):
    session = acct.find("checkout.session", identifier, "session")
    if set(p) - {"metadata"}:
        name = sorted(set(p) - {"metadata"})[0]
        raise invalid("The sandbox can only update the metadata of a Checkout Session.", name)
    with acct.changing(session):
        set_metadata(session, p.get("metadata"))
    return session


def expire(acct, p, identifier):
    session = acct.find("checkout.session", identifier, "session")
    if session["status"] != "open":
        raise invalid("Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has "
                      "a status of `%s`." % session["status"])
    end(acct, session)
    return session


def end(acct, session):
    with acct.changing(session):
        session.update(status="expired", url=None, client_secret=None)
    events.emit(acct, "checkout.session.expired", session)


@clock.job("expire_session")
def expire_when_due(acct, identifier, when):
    session = acct.get("checkout.session", identifier)
    if session["status"] == "open":
        end(acct, session)


def list_line_items(acct, p, identifier):
    session = acct.find("checkout.session", identifier, "session")
    return lists.page(items(acct, session), p, "/v1/checkout/sessions/%s/line_items" % identifier)


def index(acct, p):
    found = lists.where(acct.every("checkout.session"), p, "customer", "subscription", "payment_intent", "status",
                        "payment_link")
    wanted = p.get("customer_details", {}).get("email")
    return lists.page([session for session in found if wanted in (None, (session["customer_details"] or {})
                                                                  .get("email"))], p, "/v1/checkout/sessions")


ROUTES = [
    Route("POST", "/v1/checkout/sessions", create, "checkout_session"),
    Route("GET", "/v1/checkout/sessions", index, "checkout_session"),
    Route("GET", "/v1/checkout/sessions/{id}", retrieve, "checkout_session"),
    Route("POST", "/v1/checkout/sessions/{id}", change, "checkout_session"),
    Route("POST", "/v1/checkout/sessions/{id}/expire", expire, "checkout_session"),
    Route("GET", "/v1/checkout/sessions/{id}/line_items", list_line_items, "checkout_session"),
]
