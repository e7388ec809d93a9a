"""A random life: a user, her customers at Stripe and all that they do, from one seed."""
import random

from .town import Refused

HOUR = 3600
DAY = 86400
PRICES = ("basic_monthly", "premium_monthly", "premium_yearly")
GOOD, BAD = "pm_card_visa", "pm_card_chargeCustomerFail"
DEBITS = ("AT321904300235473204", "AT861904300235473202")
LIVE = ("trialing", "active", "past_due", "unpaid", "paused")
ENDS = ("cancel", "unpaid", "past_due")  # what becomes of a subscription whose last retry fails
LONGEST = 25                             # things that happen to one user


class Customer:
    def __init__(self, id, linked):
        self.id = id
        self.linked = linked
        self.deleted = False


class Life:
    """`moments` are the times at which something happens, as parts of the span of all
    lives; at each of them live() does one thing or several within one second."""

    def __init__(self, seed, town, prices):
        self.seed = seed
        self.random = random.Random(seed)
        self.town = town
        self.prices = prices
        self.user = f"user-{seed}"
        self.customers = []
        self.acts = 0
        self.refused = 0
        begins = self.random.choice((0, 0, self.random.random(), self.random.uniform(0.9, 1)))
        count = self.random.randint(3, LONGEST)
        self.moments = sorted(begins + (1 - begins) * self.random.random() for _ in range(count))

    def live(self):
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            act = self.random.choices(ACTS, WEIGHTS)[0]
            self.acts += 1
            try:
                act(self)
            except Refused:
                self.refused += 1

    def linked(self):
        """The customers whom the gate knows as this user's."""
        return [customer.id for customer in self.customers if customer.linked]

    def chance(self, probability):
        return self.random.random() < probability

    def api(self, method, path, **params):
        return self.town.api(method, path, **params)

    def metadata(self):
        return {"metadata[tollgate_user]": self.user, "metadata[tollgate_site]": "shop"}

    def customer(self):
        """One of hers; a new one when she has none, or at times."""
        living = [customer for customer in self.customers if not customer.deleted]
        if living and not (len(self.customers) < 3 and self.chance(0.1)):
            return self.random.choice(living)
        linked = self.chance(0.85)
        made = self.api("POST", "/v1/customers", email=f"{self.user}@example.com",
                        **(self.metadata() if linked else {}))
        self.customers.append(Customer(made["id"], linked))
        self.attach(made["id"], GOOD if self.chance(0.85) else BAD)
        return self.customers[-1]

    def attach(self, customer, card):
        method = self.api("POST", f"/v1/payment_methods/{card}/attach", customer=customer)["id"]
        self.api("POST", f"/v1/customers/{customer}", **{"invoice_settings[default_payment_method]": method})

    def subscription(self, *statuses):
        """One of hers that has one of these statuses; without any nothing can be done."""
        found = []
        for customer in self.customers:
            rows = self.api("GET", "/v1/subscriptions", customer=customer.id, status="all")["data"]
            found += [row for row in rows if row["status"] in (statuses or LIVE)]
        if not found:
            raise Refused("no such subscription")
        return self.random.choice(sorted(found, key=lambda row: row["created"]))

    def change(self, subscription, **params):
        self.api("POST", f"/v1/subscriptions/{subscription['id']}", **params)

    def subscribe(self):
        customer = self.customer()
        params = self.random.choices((
            {}, {"trial_period_days": self.random.randint(1, 14)}, {"cancel_at_period_end": True},
            {"collection_method": "send_invoice", "days_until_due": self.random.randint(1, 10)},
            {"payment_behavior": "default_incomplete"},
            {"trial_period_days": 3, "trial_settings[end_behavior][missing_payment_method]": "pause"}),
            (6, 3, 1, 1, 2, 1))[0]
        price = self.prices[self.random.choice(PRICES)]
        self.api("POST", "/v1/subscriptions", customer=customer.id, **{"items[0][price]": price}, **params,
                 **(self.metadata() if customer.linked else {}))

    def debit(self):
        """A first payment by bank debit, which is under way for minutes."""
        customer = self.customer()
        made = self.api("POST", "/v1/subscriptions", customer=customer.id, payment_behavior="default_incomplete",
                        **{"items[0][price]": self.prices["basic_monthly"],
                           "payment_settings[payment_method_types][]": "sepa_debit"})
        intents = self.api("GET", "/v1/payment_intents", customer=customer.id)["data"]
        method = self.api("POST", "/v1/payment_methods", type="sepa_debit", **{
            "sepa_debit[iban]": self.random.choice(DEBITS), "billing_details[name]": "A",
            "billing_details[email]": "a@example.com"})
        self.api("POST", f"/v1/payment_intents/{intents[0]['id']}/confirm", payment_method=method["id"])
        return made

    def pay(self):
        subscription = self.subscription("incomplete", "past_due", "unpaid")
        if self.chance(0.7):
            self.attach(subscription["customer"], GOOD)
        self.api("POST", f"/v1/invoices/{subscription['latest_invoice']}/pay")

    def new_card(self):
        self.attach(self.customer().id, self.random.choice((GOOD, BAD)))

    def swap(self):
        subscription = self.subscription("active", "trialing", "past_due")
        self.change(subscription, **{
            "items[0][id]": subscription["items"]["data"][0]["id"],
            "items[0][price]": self.prices[self.random.choice(PRICES)],
            "items[0][quantity]": self.random.randint(1, 3),
            "payment_behavior": self.random.choice(("allow_incomplete", "pending_if_incomplete")),
            "proration_behavior": self.random.choice(("always_invoice", "create_prorations", "none"))})

    def add_item(self):
        subscription = self.subscription("active", "trialing")
        interval = subscription["items"]["data"][0]["price"]["recurring"]["interval"]
        taken = {item["price"]["id"] for item in subscription["items"]["data"]}
        price = self.prices["premium_yearly" if interval == "year" else
                            self.random.choice(("basic_monthly", "premium_monthly"))]
        if price in taken:
            raise Refused("it has this price")
        self.change(subscription, **{"items[0][price]": price, "proration_behavior": "none"})

    def end_later(self):
        subscription = self.subscription()
        self.change(subscription, **self.random.choice((
            {"cancel_at_period_end": True}, {"cancel_at": self.town.now() + self.random.randint(60, 40 * DAY)})))

    def go_on(self):
        subscription = self.subscription()
        self.change(subscription, **({"cancel_at_period_end": False} if subscription["cancel_at_period_end"]
                                     else {"cancel_at": ""}))

    def cancel(self):
        subscription = self.subscription(*LIVE, "incomplete")
        self.api("DELETE", f"/v1/subscriptions/{subscription['id']}")

    def pause_collection(self):
        behavior = self.random.choice(("mark_uncollectible", "void", "keep_as_draft"))
        subscription = self.subscription("active", "past_due", "trialing")
        self.change(subscription, **{"pause_collection[behavior]": behavior})

    def collect_again(self):
        self.change(self.subscription(), pause_collection="")

    def pause(self):
        subscription = self.subscription("active", "trialing")
        self.api("POST", f"/v1/subscriptions/{subscription['id']}/pause", type="subscription")

    def resume(self):
        subscription = self.subscription("paused")
        self.api("POST", f"/v1/subscriptions/{subscription['id']}/resume",
                 **{"billing_cycle_anchor[type]": self.random.choice(("now", "unchanged"))})

    def end_invoice(self):
        subscription = self.subscription("past_due", "unpaid", "active")
        verb = self.random.choice(("void", "mark_uncollectible"))
        self.api("POST", f"/v1/invoices/{subscription['latest_invoice']}/{verb}")

    def fuss(self):
        """Of one second, so that no time tells what came first."""
        subscription = self.subscription("active", "trialing", "past_due")
        for _ in range(self.random.randint(2, 5)):
            self.change(subscription, **self.random.choice((
                {"cancel_at_period_end": self.chance(0.5)}, {"pause_collection": ""},
                {"pause_collection[behavior]": self.random.choice(("void", "keep_as_draft"))},
                {"items[0][id]": subscription["items"]["data"][0]["id"], "proration_behavior": "none",
                 "items[0][quantity]": self.random.randint(1, 5)})))

    def describe(self):
        self.change(self.subscription(), description=f"{self.random.random()}")

    def link(self):
        """A customer of whom nobody knew whose she is."""
        customer = self.customer()
        self.api("POST", f"/v1/customers/{customer.id}", **self.metadata())
        customer.linked = True

    def move(self):
        self.api("POST", f"/v1/customers/{self.customer().id}", email=f"{self.random.random()}@example.com")

    def leave(self):
        customer = self.customer()
        self.api("DELETE", f"/v1/customers/{customer.id}")
        customer.deleted = True


OFTEN = {Life.subscribe: 12, Life.debit: 2, Life.pay: 5, Life.new_card: 5, Life.swap: 8, Life.add_item: 2,
         Life.end_later: 4, Life.go_on: 3, Life.cancel: 3, Life.pause_collection: 2, Life.collect_again: 2,
         Life.pause: 2, Life.resume: 3, Life.end_invoice: 1, Life.fuss: 5, Life.describe: 3, Life.link: 2,
         Life.move: 1, Life.leave: 0.4}
ACTS, WEIGHTS = list(OFTEN), list(OFTEN.values())
