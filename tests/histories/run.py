"""Many lives at one Stripe at once, what tollgate hears of them, and what it makes of it."""
import collections
import random
import threading
import time

from testenv import fcgi, places
from testenv.redis import RedisServer
from testenv.responder import Responder
from testenv.site import Site

from . import truth
from .life import ENDS, Life
from .post import Post, Weather
from .staff import Staff
from .town import Town

DAY = 86400
ERAS = 4               # of the past, each heard of when it is over
SPAN = 66 * DAY        # of all lives; a renewal or two
FRESH = 400            # seconds: the last part, whose events are young enough to begin records
PARTS = 8              # of that part, one delivered while the next happens
LAG = 0.1              # seconds at most until an answer is there
WEBHOOKS = 3
SETTINGS = 'stripe_rate = 1000\ncold_wait = "5s"\n'
CATALOGUE = {"products": [
    {"id": "prod_basic", "name": "Basic", "features": ["search"], "prices": [
        {"lookup_key": "basic_monthly", "unit_amount": 500, "currency": "eur", "interval": "month"}]},
    {"id": "prod_premium", "name": "Premium", "features": ["exports", "search"], "prices": [
        {"lookup_key": "premium_monthly", "unit_amount": 1500, "currency": "eur", "interval": "month"},
        {"lookup_key": "premium_yearly", "unit_amount": 15000, "currency": "eur", "interval": "year"}]},
    {"id": "prod_free", "name": "Free"}]}
Mismatch = collections.namedtuple("Mismatch", "seed what")


class Batch:
    """The lives of some seeds, with servers of their own. The seeds' remainders by the
    number of ENDS are the same, since that is a setting of the whole account."""

    def __init__(self, seeds):
        now = int(time.time())
        self.seeds = seeds
        self.begin = now - SPAN
        self.weather = {}
        self.unsorted = []
        self.events = 0
        self.town = Town(self.begin, self.hear)
        self.town.retries_end_in(ENDS[seeds[0] % len(ENDS)])
        prices = self.town.seed(CATALOGUE)["prices"]
        self.lives = [Life(seed, self.town, prices) for seed in seeds]
        self.start_servers()

    def start_servers(self):
        directory = places.directory()
        self.server = RedisServer()
        self.redis = self.server.client()
        site = Site(directory, redis=self.server.url, stripe=self.town.base, site_settings=SETTINGS,
                    settings='stripe_timeout = "2s"')
        self.access = Responder("tollgate-access", site.config, directory / "access.sock")
        self.webhooks = [Responder("tollgate-webhook", site.config, directory / f"webhook-{n}.sock")
                         for n in range(WEBHOOKS)]
        self.post = Post([responder.path for responder in self.webhooks])
        self.staff = Staff(site.config, self.redis)
        self.staff.since(self.begin)

    def hear(self, customer, event):
        self.unsorted.append((customer, event))

    def sort_events(self):
        """Hands in what happened since the last time."""
        for life in self.lives:
            for customer in life.customers:
                if customer.id not in self.weather:
                    self.weather[customer.id] = Weather(f"{life.seed} {life.customers.index(customer)}")
        heard, self.unsorted = self.unsorted, []
        for customer, event in heard:
            if customer in self.weather:
                self.events += 1
                self.post.hand_in(self.weather[customer], event)

    def live_until(self, begin, end):
        """Everything that happens in this part of all lives, each thing at its time."""
        moments = sorted((moment, number) for number, life in enumerate(self.lives)
                         for moment in life.moments if begin <= moment < end)
        for moment, number in moments:
            self.town.advance(self.time_of(moment))
            self.lives[number].live()
        self.town.advance(self.time_of(end))

    def time_of(self, moment):
        """The last tenth of a life is its last minutes."""
        if moment < 0.9:
            return int(self.begin + moment / 0.9 * (SPAN - FRESH))
        return int(self.begin + SPAN - FRESH + (moment - 0.9) / 0.1 * (FRESH - 10))

    def some_faults(self, seed):
        chance = random.Random(f"faults {seed}")
        for fault in ({"status": 500}, {"status": 503}, {"drop": "after"}):
            if chance.random() < 0.5:
                self.town.fault(method="GET", path="^/v1/(subscriptions|entitlements|events)",
                                times=chance.randint(1, 4), **fault)

    def run(self):
        """The seconds that it took until nothing was left to do, after the last delivery."""
        for era in range(ERAS):
            self.live_until(0.9 * era / ERAS, 0.9 * (era + 1) / ERAS)
            # reading takes place seconds after what it shows, not within the same frozen one
            self.town.advance(self.town.now() + 5)
            self.some_faults(self.seeds[0] + era)
            self.sort_events()
            self.staff.start()
            self.post.deliver()
            self.staff.stop()
            self.staff.finish()
        self.live_while_delivered()
        # and stands still: what fell due while it is compared would be told to nobody
        self.town.advance(int(time.time()))
        self.sort_events()
        self.post.everything()
        self.staff.stop()
        return self.staff.finish()

    def live_while_delivered(self):
        """The last part: what happened just before is delivered, and read, while more happens."""
        self.staff.start()
        self.town.answer_slowly(LAG)
        for part in range(PARTS):
            postman = threading.Thread(target=self.post.deliver)
            postman.start()
            self.live_until(0.9 + part / PARTS / 10, 0.9 + (part + 1) / PARTS / 10)
            postman.join()
            self.sort_events()
        self.town.answer_slowly(0)

    def mismatches(self):
        """A daemon is there for users whom tollgate has never heard of."""
        self.staff.let_leases_end()
        self.staff.start_one()
        found = self.compare()
        self.staff.dismiss()
        return found

    def compare(self):
        stripe = truth.Stripe(self.town.api)
        found = []
        for life in self.lives:
            for customer in life.customers:
                record = self.redis.hgetall(self.staff.key("customer", customer.id))
                found += [Mismatch(life.seed, wrong) for wrong in
                          truth.record_differs(stripe, customer.id, record)]
            for requirement, answer in truth.gate_answers(stripe, life.linked()).items():
                wrong = self.gate_differs(life.user, requirement, answer)
                found += [Mismatch(life.seed, wrong)] if wrong else []
        return found

    def gate_differs(self, user, requirement, answer):
        with fcgi.Connection(self.access.path, timeout=10) as connection:
            got = connection.request({"TOLLGATE_USER": user, "TOLLGATE_REQUIRE": requirement})
        features = set(filter(None, got.headers.get("Tollgate-Features", "").split(",")))
        reason = got.headers.get("Tollgate-Reason")
        if got.status != answer.status or reason == "unavailable":
            return f"gate {requirement}: {got.status} {reason}, owed {answer.status}"
        if got.status == 204 and features != answer.features:
            return f"gate {requirement}: features {sorted(features)}, owed {sorted(answer.features)}"
        return None

    def stop(self):
        self.town.stop()
        self.server.stop()
        for responder in (self.access, *self.webhooks):
            responder.stop()
