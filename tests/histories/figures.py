"""How much is asked of Stripe: for a new subscriber, and for a renewal."""
import collections
import re
import time

from testenv.stack import Stack

from .shop import AGO, Shop

DAY = 86400
PEOPLE = 10
DUTIES = ("GET /v1/events", "GET /v1/prices")  # of the site, not of a customer
ID = re.compile(r"/(cus|sub|cs_test|in|pi|price)_\w+")


def calls(shop):
    """{call: how often, for each of PEOPLE}; the calls since the last time."""
    counts = collections.Counter(ID.sub(r"/{\1}", call) for call in shop.requests())
    shop.sandbox.control("DELETE", "requests")
    return {call: count / PEOPLE for call, count in counts.items() if call not in DUTIES}


def buy(shop, user):
    """Through Checkout, with the return page, and with all events in order."""
    before = len(shop.events())
    session = shop.stack.session(user)
    made = session.post("/billing/create-checkout-session", json={"plan": "basic"}).json()
    shop.sandbox.control("POST", f"checkout/sessions/{made['sessionId']}/pay", {"card": "4242424242424242"})
    session.get("/billing/session-status", params={"session_id": made["sessionId"]})
    shop.deliver(*shop.events()[before:])
    shop.pass_time(5)


def renew(shop):
    """A renewal of all, with all events in order."""
    shop.sandbox.control("POST", "clock", {"now": int(time.time()) - 31 * DAY - 7200 - AGO})
    for number in range(PEOPLE):
        shop.subscribe(shop.customer(f"user-{number}"))
    shop.deliver(*shop.events())
    shop.pass_time(5)
    shop.sync()
    calls(shop)
    before = len(shop.events())
    shop.until_now()
    shop.deliver(*shop.events()[before:])
    shop.sync()


def show(title, counts):
    print(f"calls of Stripe for each {title}: {sum(counts.values()):g}")
    for call, count in sorted(counts.items()):
        print(f"  {count:g} {call}")


def main():
    stack = Stack(responders=("access", "checkout", "session", "webhook"))
    try:
        shop = Shop(stack)
        for number in range(PEOPLE):
            buy(shop, f"user-{number}")
        shop.sync()
        show("new subscriber, from the button to the settled record", calls(shop))
        stack.fresh()
        shop = Shop(stack)
        renew(shop)
        shop.check()
        show("renewal", calls(shop))
    finally:
        stack.stop()
