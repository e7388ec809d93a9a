"""The portal's pages for another plan, and for a pause."""
import lifecycle
import payment_intents
import portal
import previews
import waiting
from errors import StripeError, invalid
from http_types import redirect
from pages.frame import error_box, fragment, join, money, page, show
from pages.portal_page import ONE_BUTTON, Visit, after_flow

CHOICE = '<label><input type="radio" id="price-$id" name="price" value="$id" $checked> $name, $amount / $cycle</label>'


def base(visit, subscription):
    return "%s/subscriptions/%s" % (visit.path, subscription["id"])


def offered(visit, identifier, feature):
    subscription = visit.subscription(identifier)
    if not visit.features[feature]["enabled"]:
        raise invalid("This is not offered here.", status=403)
    return subscription


def choose(world, form, secret, identifier):
    visit = Visit(world, secret)
    subscription = offered(visit, identifier, "subscription_update")
    now = lifecycle.items(subscription)[0]["price"]["id"]
    rows = [fragment(CHOICE, id=price["id"], name=visit.acct.get("product", price["product"])["name"],
                     amount=money(price["unit_amount"], price["currency"]), cycle=price["recurring"]["interval"],
                     checked="checked" if price["id"] == now else "")
            for price in portal.prices_offered(visit.acct, visit.session)]
    return show("portal_update", "Update", action=base(visit, subscription) + "/update/confirm", prices=join(rows),
                back=visit.path)


def wanted(visit, subscription, form):
    """The change that was chosen on the page or, deep-linked, by the site."""
    flow = visit.session["flow"] or {}
    given = (flow.get("subscription_update_confirm") or {}).get("items", [{}])[0]
    first = lifecycle.items(subscription)[0]
    return {"id": given.get("id") or first["id"], "price": form.get("price") or given.get("price") or
            first["price"]["id"], "quantity": given.get("quantity") or first["quantity"]}


def confirm(world, form, secret, identifier, error=None):
    visit = Visit(world, secret)
    subscription = offered(visit, identifier, "subscription_update")
    change = wanted(visit, subscription, form)
    asked = portal.update_parameters(visit.acct, visit.session, subscription, change)
    asked.pop("payment_behavior", None)
    shown = previews.create(visit.acct, {"subscription": subscription["id"], "subscription_details": asked})
    price = visit.acct.get("price", change["price"])
    return show("portal_confirm", "Confirm", 402 if error else 200, error=error_box(error), price=price["id"],
                plan=visit.acct.get("product", price["product"])["name"], back=visit.path,
                amount=money(shown["amount_due"], shown["currency"]), action=base(visit, subscription) + "/update")


def update(world, form, secret, identifier):
    visit = Visit(world, secret)
    subscription = offered(visit, identifier, "subscription_update")
    try:
        portal.change_plan(visit.acct, visit.session, subscription, wanted(visit, subscription, form))
    except StripeError as refused:
        return confirm(world, form, secret, identifier, str(refused))
    if subscription["pending_update"]:
        return unpaid(visit, world, form, secret, subscription)
    return after_flow(visit)


def unpaid(visit, world, form, secret, subscription):
    """The change waits for a payment: for the customer's bank, or for another card, and then it is dropped."""
    invoice = visit.acct.get("invoice", subscription["latest_invoice"])
    intent = visit.acct.get("payment_intent", invoice["_intent"])
    if intent["status"] == "requires_action":
        payment_intents.come_back_to(intent, {"return_url": world.base_url + visit.path})
        return redirect("/3ds/" + intent["id"])
    waiting.drop_update(visit.acct, subscription)
    error = (intent["last_payment_error"] or {"message": "There is no payment method."})["message"]
    return confirm(world, form, secret, subscription["id"], error)


def ask_pause(world, form, secret, identifier):
    visit = Visit(world, secret)
    subscription = offered(visit, identifier, "subscription_pause")
    button = fragment(ONE_BUTTON, method="post", action=base(visit, subscription) + "/pause", id="confirm",
                      label="Pause subscription")
    return show("portal_pause", "Pause", button=button, back=visit.path)


def pause(world, form, secret, identifier):
    visit = Visit(world, secret)
    subscription = offered(visit, identifier, "subscription_pause")
    if subscription["status"] in ("active", "trialing"):
        lifecycle.pause(visit.acct, subscription, "pause_requested")
    return after_flow(visit)


def resume(world, form, secret, identifier):
    visit = Visit(world, secret)
    subscription = offered(visit, identifier, "subscription_pause")
    if subscription["status"] == "paused":
        waiting.resume(visit.acct, subscription, {"payment_behavior": "resume_on_payment_success"})
    return redirect(visit.path)


ONE = "/p/session/([^/]+)/subscriptions/([^/]+)"
PAGES = [
    page("GET", ONE + "/update", choose),
    page("GET", ONE + "/update/confirm", confirm),
    page("POST", ONE + "/update/confirm", confirm),
    page("POST", ONE + "/update", update),
    page("GET", ONE + "/pause", ask_pause),
    page("POST", ONE + "/pause", pause),
    page("POST", ONE + "/resume", resume),
]
