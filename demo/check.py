"""One purchase from beginning to end, by plain HTTP. A step is called what the
first line of its docstring says."""
import json
import re
import sys
import time
import urllib.request

from visitor import Visitor

CARD = {"cardNumber": "4242 4242 4242 4242", "cardExpiry": "12 / 34", "cardCvc": "123", "billingName": "Ada Byron"}
SECONDS_TO_CLOSE = 5


class Purchase:
    def __init__(self, instance):
        self.instance = instance
        self.visitor = Visitor(instance.origin)

    def get(self, path, status):
        answer = self.visitor.get(path)
        assert answer.status == status, "%s answers %s, not %d" % (path, answer.summary, status)
        return answer

    def redirected(self, answer, path):
        """The address, which must begin with the path of this site or the other site's URL."""
        expected = self.instance.origin + path if path.startswith("/") else path
        assert answer.status == 303 and answer.location.startswith(expected), \
            "%s answers %s, not 303 to %s" % (answer.url, answer.summary, expected)
        return answer.location

    def front_page(self):
        """the front page answers"""
        assert "Tideline" in self.get("/", 200).text, "the front page is some other page"

    def stranger(self):
        """a stranger is sent from the members' page to the login"""
        self.redirected(self.visitor.get("/members/"), "/login?next=/members/")

    def login(self):
        """logging in sets the identity cookie"""
        answer = self.visitor.press(self.get("/login?next=/pricing", 200), "login", user="ada")
        self.redirected(answer, "/pricing")
        assert "tollgate=" in str(answer.headers.get_all("Set-Cookie")), "no cookie is named tollgate"

    def never_seen(self):
        """who was never seen before is sent from the members' page to the pricing page"""
        # tollgate-sync asks Stripe about her while the gate waits.
        self.redirected(self.visitor.get("/members/"), "/pricing")

    def checkout(self):
        """ordering leads to Stripe's payment page"""
        answer = self.visitor.press(self.get("/pricing", 200), "basic-month")
        self.payment_page = self.visitor.get(self.redirected(answer, self.instance.stripe))
        assert self.payment_page.status == 200, "the payment page answers %s" % self.payment_page.summary

    def not_paid(self):
        """who has not paid is sent from the members' page to the pricing page"""
        self.redirected(self.visitor.get("/members/"), "/pricing")

    def pay(self):
        """paying leads back to the site"""
        answer = self.visitor.press(self.payment_page, "submit", **CARD)
        self.return_url = self.redirected(answer, "/billing/return?session_id=cs_")

    def outcome(self):
        """the return page says that it is paid"""
        text = self.get(self.return_url, 200).text
        found = re.search('data-outcome="(.*?)"', text)
        assert found and found[1] == "paid", "it says: %s" % (found[1] if found else "nothing")

    def webhook(self):
        """Stripe's events are delivered"""
        self.sandbox("settle", {"timeout": 5})
        attempts = self.sandbox("deliveries")["deliveries"]
        failed = {"%s: %s" % (attempt["type"], attempt["status"] or attempt["error"])
                  for attempt in attempts if attempt["status"] != 200}
        assert attempts and not failed, "not delivered: %s" % (", ".join(sorted(failed)) or "any")

    def sandbox(self, path, body=None):
        url = "%s/_sandbox/%s" % (self.instance.stripe, path)
        with urllib.request.urlopen(url, json.dumps(body).encode() if body else None, timeout=15) as answer:
            return json.load(answer)

    def admitted(self):
        """the members' page opens"""
        assert "This week's tides" in self.get("/members/", 200).text, "the members' page is some other page"

    def told_php(self):
        """PHP is told who reads, and with which plan"""
        told = dict(re.findall(r'id="(TOLLGATE_\w+)">(.*?)<', self.get("/members/report", 200).text))
        expected = {"TOLLGATE_USER": "ada", "TOLLGATE_STATUS": "active", "TOLLGATE_PLAN": "basic"}
        assert expected.items() <= told.items(), "it is told %s" % told

    def other_plan(self):
        """a page of another plan stays closed"""
        self.redirected(self.visitor.get("/premium/"), "/pricing")

    def twice(self):
        """the same plan cannot be bought twice"""
        answer = self.visitor.press(self.get("/pricing", 200), "basic-month")
        self.redirected(answer, "/pricing?error=already_subscribed")

    def cancel(self):
        """the customer portal cancels"""
        answer = self.visitor.press(self.get("/account", 200), "portal")
        portal = self.visitor.get(self.redirected(answer, self.instance.stripe))
        cancel = re.search('id="(cancel-sub_.*?)"', portal.text)
        assert cancel, "the portal shows no subscription to cancel"
        page = self.visitor.follow(self.visitor.press(portal, cancel[1]))
        page = self.visitor.follow(self.visitor.press(page, "confirm"))
        assert page.status < 400, "it answers %s" % page.summary

    def refused_again(self):
        """the members' page closes after the cancellation"""
        deadline = time.monotonic() + SECONDS_TO_CLOSE
        while self.visitor.get("/members/").status == 200 and time.monotonic() < deadline:
            time.sleep(0.1)
        self.redirected(self.visitor.get("/members/"), "/pricing")


STEPS = (
    Purchase.front_page, Purchase.stranger, Purchase.login, Purchase.never_seen, Purchase.checkout,
    Purchase.not_paid, Purchase.pay, Purchase.outcome, Purchase.webhook, Purchase.admitted, Purchase.told_php, Purchase.other_plan, Purchase.twice,
    Purchase.cancel, Purchase.refused_again,
)


def run_check(instance):
    """Makes the purchase; returns the exit status."""
    purchase = Purchase(instance)
    for step in STEPS:
        try:
            step(purchase)
        except (AssertionError, OSError, ValueError) as reason:
            print("FAILED  %s: %s" % (step.__doc__, reason), file=sys.stderr)
            return 1
        print("ok      %s" % step.__doc__, flush=True)
    return 0
