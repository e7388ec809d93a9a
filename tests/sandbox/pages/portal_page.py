"""The billing portal's pages: subscriptions to cancel and renew, the payment method, invoices."""
import lifecycle
import payment_methods
import portal
from errors import StripeError, invalid
from http_types import redirect
from pages import method
from pages.frame import Markup, error_box, fragment, join, money, page, show, template

FLOWS = {
    "payment_method_update": "/payment_method",
    "subscription_cancel": "/subscriptions/%(subscription)s/cancel",
    "subscription_pause": "/subscriptions/%(subscription)s/pause",
    "subscription_update": "/subscriptions/%(subscription)s/update",
    "subscription_update_confirm": "/subscriptions/%(subscription)s/update/confirm",
}
ONE_BUTTON = '<form method="$method" action="$action"><button id="$id" class="plain">$label</button></form>'


class Visit:
    """A portal session, its customer and configuration."""

    def __init__(self, world, secret):
        for acct in world.accounts.values():
            self.session = portal.session_by_secret(acct, secret)
            if self.session:
                self.acct = acct
                break
        else:
            raise invalid("There is no such page.", status=404)
        self.path = "/p/session/" + secret
        self.customer = self.acct.find("customer", self.session["customer"])
        self.features = self.acct.get("billing_portal.configuration", self.session["configuration"])["features"]

    def subscription(self, identifier):
        subscription = self.acct.get("subscription", identifier)
        if not subscription or subscription["customer"] != self.customer["id"]:
            raise invalid("There is no such subscription.", status=404)
        return subscription

    def subscriptions(self):
        return [subscription for subscription in self.acct.owned("subscription", self.customer["id"])
                if subscription["status"] not in lifecycle.ENDED]


def view(world, form, secret):
    visit = Visit(world, secret)
    flow = visit.session["flow"]
    if not flow or flow["type"] not in FLOWS or visit.session.get("_flow_done"):
        return home(visit)
    about = flow[flow["type"]] if flow["type"] != "payment_method_update" else {"subscription": None}
    return redirect(visit.path + FLOWS[flow["type"]] % about)


def home(visit):
    return show("portal", "Billing", merchant="Sandbox shop", email=visit.customer["email"] or "",
                subscriptions=join([subscription_box(visit, row) for row in visit.subscriptions()]),
                method=method_text(visit), update=update_form(visit), invoices=invoice_rows(visit),
                back=back_link(visit))


def back_link(visit):
    url = visit.session["return_url"]
    return fragment('<p><a id="return" href="$url">Return to the shop</a></p>', url=url) if url else Markup("")


def subscription_box(visit, subscription):
    names = [visit.acct.get("product", row["price"]["product"])["name"] for row in lifecycle.items(subscription)]
    first = lifecycle.items(subscription)[0]
    return fragment(template("portal_subscription"), id=subscription["id"], name=", ".join(names),
                    status=subscription["status"] + (", will be canceled" if subscription["cancel_at"] else ""),
                    amount=money(first["price"]["unit_amount"], subscription["currency"]),
                    buttons=buttons(visit, subscription))


def acts(visit, subscription):
    """(verb, method) of every button that the configuration and the subscription's state allow."""
    enabled = {name for name, feature in visit.features.items() if feature["enabled"]}
    if "subscription_update" in enabled and subscription["status"] in ("trialing", "active"):
        yield "update", "get"
    if "subscription_cancel" in enabled:
        yield ("renew", "post") if subscription["cancel_at"] else ("cancel", "get")
    if "subscription_pause" in enabled and subscription["status"] == "paused":
        yield "resume", "post"
    elif "subscription_pause" in enabled and subscription["status"] in ("trialing", "active"):
        yield "pause", "get"


def buttons(visit, subscription):
    base = "%s/subscriptions/%s/" % (visit.path, subscription["id"])
    return join([fragment(ONE_BUTTON, method=method, action=base + verb, id="%s-%s" % (verb, subscription["id"]),
                          label=verb.capitalize() + " subscription") for verb, method in acts(visit, subscription)])


def method_text(visit):
    identifier = visit.customer["invoice_settings"]["default_payment_method"]
    for subscription in visit.subscriptions():
        identifier = identifier or subscription["default_payment_method"]
    saved = identifier and visit.acct.get("payment_method", identifier)
    if not saved:
        return "None"
    return "%s ending in %s" % (saved["type"], saved[saved["type"]]["last4"])


def update_form(visit):
    if not visit.features["payment_method_update"]["enabled"]:
        return Markup("")
    return fragment('<form method="post" action="$action">$card<button id="update-payment-method">Update</button>'
                    '</form>', action=visit.path + "/payment_method", card=method.fields())


def invoice_rows(visit):
    if not visit.features["invoice_history"]["enabled"]:
        return Markup("")
    rows = [fragment('<tr><td><a href="$url">$number</a> $status</td><td>$total</td></tr>',
                     url=invoice["hosted_invoice_url"] or "#", number=invoice["number"] or "draft",
                     status=invoice["status"], total=money(invoice["total"], invoice["currency"]))
            for invoice in visit.acct.owned("invoice", visit.customer["id"])]
    return join(rows)


def confirm(world, form, secret, identifier):
    visit = Visit(world, secret)
    return confirm_page(visit, visit.subscription(identifier))


def confirm_page(visit, subscription):
    now = visit.features["subscription_cancel"]["mode"] == "immediately"
    return show("confirm", "Cancel", back=visit.path,
                when="It ends at once." if now else "It runs until the end of the period.",
                action="%s/subscriptions/%s/cancel" % (visit.path, subscription["id"]))


def cancel(world, form, secret, identifier):
    visit = Visit(world, secret)
    subscription = visit.subscription(identifier)
    if not visit.features["subscription_cancel"]["enabled"]:
        raise invalid("Canceling is not offered here.", status=403)
    if subscription["status"] not in lifecycle.ENDED and not subscription["cancel_at"]:
        portal.cancel(visit.acct, visit.session, subscription)
    return after_flow(visit)


def after_flow(visit):
    """A deep link goes where the flow says; everyone else goes home."""
    flow = visit.session["flow"]
    visit.session["_flow_done"] = True
    if flow and flow["after_completion"]["type"] == "redirect":
        return redirect(flow["after_completion"]["redirect"]["return_url"])
    return redirect(visit.path)


def renew(world, form, secret, identifier):
    visit = Visit(world, secret)
    subscription = visit.subscription(identifier)
    if subscription["status"] not in lifecycle.ENDED:
        portal.renew(visit.acct, subscription)
    return redirect(visit.path)


def ask_method(world, form, secret, error=None):
    visit = Visit(world, secret)
    if not visit.features["payment_method_update"]["enabled"]:
        raise invalid("This is not offered here.", status=403)
    return show("portal_method", "Payment method", 402 if error else 200, method=method_text(visit),
                error=error_box(error), update=update_form(visit), back=visit.path)


def update_method(world, form, secret):
    """A new card becomes the default of the customer and of her subscriptions."""
    visit = Visit(world, secret)
    try:
        chosen = payment_methods.build(visit.acct, method.chosen(form, visit.customer["email"]))
        visit.acct.add(payment_methods.attach_to(visit.acct, chosen, visit.customer))
    except StripeError as error:
        return ask_method(world, form, secret, str(error))
    chosen["_set_up"] = True
    with visit.acct.changing(visit.customer, "customer.updated"):
        visit.customer["invoice_settings"]["default_payment_method"] = chosen["id"]
    for subscription in visit.subscriptions():
        with visit.acct.changing(subscription, lifecycle.UPDATED):
            subscription["default_payment_method"] = chosen["id"]
    return after_flow(visit)


PAGES = [
    page("GET", "/p/session/([^/]+)", view),
    page("GET", "/p/session/([^/]+)/subscriptions/([^/]+)/cancel", confirm),
    page("POST", "/p/session/([^/]+)/subscriptions/([^/]+)/cancel", cancel),
    page("POST", "/p/session/([^/]+)/subscriptions/([^/]+)/renew", renew),
    page("GET", "/p/session/([^/]+)/payment_method", ask_method),
    page("POST", "/p/session/([^/]+)/payment_method", update_method),
]
