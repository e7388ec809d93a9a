"""Coupons, promotion codes, and the discounts that subscriptions get from them."""
import lists
import months
from errors import invalid, no_such
from objects import blank, metadata_of, new_id, set_metadata, update
from routing import Route


def create(acct, p):
    if ("percent_off" in p) == ("amount_off" in p):
        raise invalid("You must pass either percent_off or amount_off.", "percent_off")
    if "amount_off" in p and "currency" not in p:
        raise invalid("You must pass currency when passing amount_off.", "currency", "parameter_missing")
    if not 0 < p.get("percent_off", 100) <= 100:
        raise invalid("Invalid percent_off: must be more than 0 and at most 100.", "percent_off")
    if (p.get("duration") == "repeating") != ("duration_in_months" in p):
        raise invalid("You must pass duration_in_months for a repeating coupon, and only then.",
                      "duration_in_months")
    identifier = p.get("id") or new_id("", 8)
    if acct.get("coupon", identifier):
        raise invalid("Coupon already exists.", "id", "resource_already_exists")
    coupon = blank("coupon", identifier, created=acct.now(), duration=p.get("duration", "once"), livemode=False,
                   metadata=metadata_of(p), times_redeemed=0, valid=True)
    update(coupon, p, ("amount_off", "currency", "duration_in_months", "max_redemptions", "name", "percent_off",
                       "redeem_by"))
    coupon["_products"] = p.get("applies_to", {}).get("products")
    return acct.add(coupon, "coupon.created")


def retrieve(acct, p, identifier):
    return acct.find("coupon", identifier)


def change(acct, p, identifier):
    coupon = acct.find("coupon", identifier)
    with acct.changing(coupon, "coupon.updated"):
        set_metadata(coupon, p.get("metadata"))
        update(coupon, p, ("name",))
    return coupon


def delete(acct, p, identifier):
    return acct.remove(acct.find("coupon", identifier), "coupon.deleted")


def index(acct, p):
    return lists.page(lists.where(acct.every("coupon"), p), p, "/v1/coupons")


def create_code(acct, p):
    coupon = acct.find("coupon", p["promotion"].get("coupon", ""), "promotion[coupon]")
    code = p.get("code") or new_id("", 8).upper()
    if any(other["code"].lower() == code.lower() and other["active"] for other in acct.every("promotion_code")):
        raise invalid("An active promotion code with `code: %s` already exists." % code, "code")
    given = p.get("restrictions", {})
    restrictions = {"first_time_transaction": given.get("first_time_transaction", False),
                    "minimum_amount": given.get("minimum_amount"),
                    "minimum_amount_currency": given.get("minimum_amount_currency")}
    promotion = blank("promotion_code", new_id("promo_"), active=p.get("active", True), code=code,
                      created=acct.now(), customer=p.get("customer"), expires_at=p.get("expires_at"),
                      livemode=False, max_redemptions=p.get("max_redemptions"), metadata=metadata_of(p),
                      promotion={"coupon": coupon["id"], "type": "coupon"}, restrictions=restrictions,
                      times_redeemed=0)
    return acct.add(promotion, "promotion_code.created")


def retrieve_code(acct, p, identifier):
    return acct.find("promotion_code", identifier)


def change_code(acct, p, identifier):
    promotion = acct.find("promotion_code", identifier)
    with acct.changing(promotion, "promotion_code.updated"):
        set_metadata(promotion, p.get("metadata"))
        update(promotion, p, ("active",))
    return promotion


def index_codes(acct, p):
    found = [promotion for promotion in lists.where(acct.every("promotion_code"), p, "active", "customer")
             if p.get("code", promotion["code"]).lower() == promotion["code"].lower()
             and p.get("coupon", promotion["promotion"]["coupon"]) == promotion["promotion"]["coupon"]]
    return lists.page(found, p, "/v1/promotion_codes")


def by_code(acct, code):
    """The promotion code that a customer typed."""
    for promotion in acct.every("promotion_code"):
        if promotion["code"].lower() == code.lower() and promotion["active"]:
            return promotion
    raise no_such("promotion code", code, "promotion_code", 400)


def check(acct, given, customer, param="discounts"):
    """[(coupon, promotion code or None)] for the discounts parameter."""
    return [check_one(acct, entry, customer, "%s[%d]" % (param, place)) for place, entry in enumerate(given or [])]


def check_one(acct, entry, customer, param):
    if "discount" in entry:
        raise invalid("The sandbox does not carry discounts over.", param + "[discount]")
    if ("coupon" in entry) == ("promotion_code" in entry):
        raise invalid("You must specify either a coupon or a promotion code.", param)
    promotion = None
    if "promotion_code" in entry:
        promotion = acct.find("promotion_code", entry["promotion_code"], param + "[promotion_code]")
        check_code(acct, promotion, customer, param + "[promotion_code]")
    coupon = acct.find("coupon", promotion["promotion"]["coupon"] if promotion else entry["coupon"],
                       param + "[coupon]")
    used_up = coupon["max_redemptions"] and coupon["times_redeemed"] >= coupon["max_redemptions"]
    if used_up or acct.now() > (coupon["redeem_by"] or acct.now()):
        raise invalid("Coupon expired: %s" % coupon["id"], param + "[coupon]", "coupon_expired")
    return coupon, promotion


def check_code(acct, promotion, customer, param):
    used_up = promotion["max_redemptions"] and promotion["times_redeemed"] >= promotion["max_redemptions"]
    late = acct.now() > (promotion["expires_at"] or acct.now())
    if not promotion["active"] or used_up or late:
        raise invalid("This promotion code cannot be redeemed because it is no longer active.", param,
                      "promotion_code_inactive")
    other = promotion["customer"] and promotion["customer"] != customer
    bought = promotion["restrictions"]["first_time_transaction"] and any(
        invoice["status"] == "paid" for invoice in acct.owned("invoice", customer))
    if other or bought:
        raise invalid("This promotion code cannot be redeemed because the associated customer has prior "
                      "transactions or is another one.", param)


def redeem(acct, checked, customer, subscription, session=None):
    """Makes the discounts of a subscription; answers their ids."""
    made = []
    for coupon, promotion in checked:
        for counted in filter(None, (coupon, promotion)):
            with acct.changing(counted):
                counted["times_redeemed"] += 1
        end = None
        if coupon["duration"] == "repeating":
            end = months.add(acct.now(), "month", coupon["duration_in_months"])
        discount = blank("discount", new_id("di_"), checkout_session=session, customer=customer, end=end,
                         promotion_code=promotion and promotion["id"], source={"coupon": coupon["id"],
                                                                               "type": "coupon"},
                         start=acct.now(), subscription=subscription)
        acct.tables["discount"][discount["id"]] = discount
        made.append(discount["id"])
    return made


def off(coupon, amount, currency):
    if coupon["percent_off"] is not None:
        return round(amount * coupon["percent_off"] / 100)
    return min(amount, coupon["amount_off"]) if coupon["currency"] == currency else 0


def covers(coupon, product):
    return coupon["_products"] is None or product in coupon["_products"]


def live(acct, discounts, first):
    """[(discount, coupon)] of those that still count; a coupon used once counts for the first invoice."""
    for identifier in discounts:
        discount = acct.get("discount", identifier)
        coupon = acct.get("coupon", discount["source"]["coupon"])
        if coupon and (coupon["duration"] != "once" or first) and acct.now() < (discount["end"] or acct.now() + 1):
            yield discount, coupon


ROUTES = [
    Route("POST", "/v1/coupons", create, "coupon"),
    Route("GET", "/v1/coupons", index, "coupon"),
    Route("GET", "/v1/coupons/{id}", retrieve, "coupon"),
    Route("POST", "/v1/coupons/{id}", change, "coupon"),
    Route("DELETE", "/v1/coupons/{id}", delete, "coupon"),
    Route("POST", "/v1/promotion_codes", create_code, "promotion_code"),
    Route("GET", "/v1/promotion_codes", index_codes, "promotion_code"),
    Route("GET", "/v1/promotion_codes/{id}", retrieve_code, "promotion_code"),
    Route("POST", "/v1/promotion_codes/{id}", change_code, "promotion_code"),
]
