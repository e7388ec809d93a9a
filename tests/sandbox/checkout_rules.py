"""What Stripe refuses in a new Checkout Session: combinations of mode, ui_mode and the rest."""
import orders
import prices
from errors import invalid
from objects import Unshown, check_email, check_url

MINUTE, HOUR, DAY = 60, 3600, 86400
HOSTED_ONLY = ("success_url", "cancel_url")
ONLY_IN_MODE = {
    "subscription_data": ("subscription",), "payment_method_collection": ("subscription",),
    "payment_intent_data": ("payment",), "setup_intent_data": ("setup",), "invoice_creation": ("payment",),
    "customer_creation": ("payment", "setup"), "allow_promotion_codes": ("payment", "subscription"),
    "discounts": ("payment", "subscription"), "automatic_tax": ("payment", "subscription"),
    "line_items": ("payment", "subscription"), "optional_items": ("payment", "subscription"),
    "shipping_options": ("payment",), "tax_id_collection": ("payment", "subscription"),
}
EXCLUSIVE = (("allow_promotion_codes", "discounts"), ("customer", "customer_email"))
UNSUPPORTED = ("customer_account", "optional_items", "shipping_options", "after_expiration", "managed_payments",
               "payment_method_configuration", "payment_method_data")
NOT_IN_ELEMENTS = ("custom_text", "submit_type", "consent_collection", "custom_fields")


def missing(name):
    return invalid("Missing required param: %s." % name, name, "parameter_missing")


def check(acct, p):
    check_mode(p)
    check_ui(p)
    for one, other in EXCLUSIVE:
        if one in p and other in p:
            raise invalid("You may only specify one of these parameters: %s, %s." % (one, other), one)
    for name in UNSUPPORTED:
        if name in p:
            raise invalid("The sandbox does not know '%s'." % name, name)
    check_texts(p)
    check_expiry(acct, p)
    check_customer(acct, p)
    if p["mode"] == "subscription":
        check_trial(acct, p)


def check_mode(p):
    if "mode" not in p:
        raise missing("mode")
    for name, modes in ONLY_IN_MODE.items():
        if name in p and p["mode"] not in modes:
            raise invalid("You can not pass `%s` in `%s` mode." % (name, p["mode"]), name)
    if p["mode"] != "setup" and not p.get("line_items"):
        raise missing("line_items")
    if p["mode"] == "setup" and "currency" not in p and "allowed_payment_method_types" not in p:
        raise missing("currency")
    if p.get("submit_type") not in (None, "auto", "subscribe") and p["mode"] == "subscription":
        raise invalid("You can not pass `submit_type: %s` in `subscription` mode." % p["submit_type"], "submit_type")


def check_ui(p):
    mode = p.get("ui_mode", "hosted_page")
    if mode == "form":
        raise invalid("The sandbox does not know `ui_mode: form`.", "ui_mode")
    if mode == "hosted_page":
        check_hosted(p)
    else:
        check_on_site(p, mode)
    for name in HOSTED_ONLY + ("return_url",):
        check_url(p.get(name), name)
    if mode != "embedded_page" and "redirect_on_completion" in p:
        raise invalid("`redirect_on_completion` can only be used when `ui_mode` is `embedded_page`.",
                      "redirect_on_completion")


def check_hosted(p):
    if "return_url" in p:
        raise invalid("`return_url` can only be used when `ui_mode` is `embedded_page`, `elements` or `form`.",
                      "return_url")
    if "success_url" not in p:
        raise missing("success_url")


def check_on_site(p, mode):
    for name in HOSTED_ONLY:
        if name in p:
            raise invalid("`%s` cannot be used when `ui_mode` is `%s`. Use `return_url` instead." % (name, mode), name)
    never = p.get("redirect_on_completion") == "never"
    if never and "return_url" in p:
        raise invalid("`return_url` cannot be used when `redirect_on_completion` is `never`.", "return_url")
    if "return_url" not in p and not never:
        raise missing("return_url")
    for name in NOT_IN_ELEMENTS:
        if mode == "elements" and name in p:
            raise invalid("`%s` cannot be used when `ui_mode` is `elements`." % name, name)


def check_texts(p):
    terms = p.get("consent_collection", {}).get("terms_of_service") == "required"
    if p.get("custom_text", {}).get("terms_of_service_acceptance") and not terms:
        raise invalid("`custom_text[terms_of_service_acceptance]` can only be used when "
                      "`consent_collection[terms_of_service]` is `required`.",
                      "custom_text[terms_of_service_acceptance]")
    for name, text in p.get("custom_text", {}).items():
        if text and len(text["message"]) > 1200:
            raise invalid("`custom_text[%s][message]` may be at most 1200 characters." % name,
                          "custom_text[%s][message]" % name)
    if len(p.get("client_reference_id", "")) > 200:
        raise invalid("Invalid string: client_reference_id must be at most 200 characters", "client_reference_id")


def check_expiry(acct, p):
    if "expires_at" not in p:
        return
    ahead = p["expires_at"] - acct.now()
    if ahead < 30 * MINUTE - 5:
        raise invalid("The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
                      "expires_at")
    if ahead > 24 * HOUR + 5:
        raise invalid("The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
                      "expires_at")


def check_customer(acct, p):
    check_email(p.get("customer_email"), "customer_email")
    if "customer" not in p:
        if "customer_update" in p:
            raise invalid("`customer_update` can only be used with `customer`.", "customer_update")
        return
    customer = acct.find("customer", p["customer"], "customer")
    update = p.get("customer_update", {})
    located = (customer["address"] or {}).get("country") or "auto" in (update.get("address"), update.get("shipping"))
    if p.get("automatic_tax", {}).get("enabled") and not located:
        raise invalid("Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid "
                      "address to the Customer or set either `customer_update[address]` to 'auto' or "
                      "`customer_update[shipping]` to 'auto' to save the address entered in Checkout to the "
                      "Customer.", "automatic_tax", "customer_tax_location_invalid")
    if p.get("tax_id_collection", {}).get("enabled") and update.get("name") != "auto":
        raise invalid("Tax ID collection requires updating business name on the customer. To enable tax ID "
                      "collection for an existing customer, please set `customer_update[name]` to `auto`.",
                      "tax_id_collection")


def check_trial(acct, p):
    data = p.get("subscription_data", {})
    if "trial_end" in data and data["trial_end"] < acct.now() + 2 * DAY:
        raise invalid("The `trial_end` date has to be at least 2 days in the future.",
                      "subscription_data[trial_end]")
    orders.trial_end(acct, data, [], "subscription_data")
    for name in ("application_fee_percent", "transfer_data", "on_behalf_of", "default_tax_rates",
                 "billing_cycle_anchor_config", "pending_invoice_item_interval"):
        if name in data:
            raise invalid("The sandbox does not know '%s'." % name, "subscription_data[%s]" % name)


def check_lines(acct, p):
    """[{price, quantity, metadata}] of the session's line items."""
    rows = [check_line(acct, entry, "line_items[%d]" % place) for place, entry in enumerate(p["line_items"])]
    recurring = [row["price"] for row in rows if row["price"]["recurring"]]
    if p["mode"] == "subscription" and not recurring:
        raise invalid("You must provide at least one recurring price in `subscription` mode when using prices.",
                      "line_items")
    if p["mode"] == "payment" and recurring:
        raise invalid("You specified `payment` mode but passed a recurring price. Either switch to `subscription` "
                      "mode or use only one-time prices.", "mode")
    if len({(price["recurring"]["interval"], price["recurring"]["interval_count"]) for price in recurring}) > 1:
        raise invalid("Checkout does not support multiple prices with different billing intervals.", "line_items")
    if len(rows) > 40 or len(recurring) > orders.MOST_ITEMS:
        raise invalid("You can have at most 20 recurring and 20 one-time line items.", "line_items")
    return rows


def check_line(acct, entry, param):
    price = orders.pick_price(acct, entry, param)
    return {"price": price, "quantity": line_quantity(price, entry, param), "metadata": entry.get("metadata", {}),
            "adjustable": entry.get("adjustable_quantity")}


def line_quantity(price, entry, param):
    if prices.is_metered(price):
        if "quantity" in entry:
            raise invalid("Quantity should not be specified where usage_type is `metered`. Remove `quantity` from `%s`"
                          % param, param + "[quantity]")
        return Unshown(0)
    if "quantity" not in entry:
        raise invalid("Quantity is required. Add `quantity` to `%s`" % param, param + "[quantity]",
                      "parameter_missing")
    if entry["quantity"] < 1:
        raise invalid("This value must be greater than or equal to 1.", param + "[quantity]",
                      "parameter_invalid_integer")
    return entry["quantity"]
