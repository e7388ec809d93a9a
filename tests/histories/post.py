"""How events come: in order or not, twice, late, or never; by several hands to several processes."""
import random
import threading
import time

from testenv import fcgi
from testenv.webhook import PATH, sign

from .town import payload

HANDS = 4
TRIES = 200


class Weather:
    """How a life's events fare; from its seed."""

    def __init__(self, seed):
        self.random = random.Random(f"weather {seed}")
        choice = self.random.choice
        self.in_order = self.random.random() < 0.25
        self.drop = 0 if self.in_order else choice((0, 0.1, 0.33))
        self.twice = choice((0, 0.2, 0.5))
        self.late = 0 if self.in_order else choice((0, 0.2, 0.5))
        self.old_version = self.random.random() < 0.2

    def fate(self, event):
        """[(round, place)] of its deliveries: which rounds later, and where among those of its life."""
        deliveries = []
        for _ in range(1 + (self.random.random() < self.twice)):
            if self.random.random() >= self.drop:
                rounds = self.random.randint(1, 3) if self.random.random() < self.late else 0
                deliveries.append((rounds, 0 if self.in_order else self.random.random()))
        return deliveries


class Letter:
    def __init__(self, weather, event, place):
        self.weather = weather
        self.body = payload(event, weather.old_version)
        self.place = place


class Post:
    """`sockets` are those of the webhook processes. Of events that are handed in, those
    of the present round are delivered by deliver(), the rest in the rounds after it."""

    def __init__(self, sockets):
        self.sockets = sockets
        self.rounds = [[]]
        self.lock = threading.Lock()
        self.delivered = 0
        self.refused = []

    def hand_in(self, weather, event):
        for later, place in weather.fate(event):
            while len(self.rounds) <= later:
                self.rounds.append([])
            self.rounds[later].append(Letter(weather, event, place))

    def deliver(self):
        """All letters of this round, by several hands at once; those in order by one of them."""
        letters, self.rounds = self.rounds[0], self.rounds[1:] or [[]]
        hands = [[] for _ in range(HANDS)]
        counts = {}
        for letter in letters:
            nth = counts[letter.weather] = counts.get(letter.weather, 0) + 1
            own = hands[id(letter.weather) // 64 % HANDS]
            hand = own if letter.weather.in_order else random.choice(hands)
            hand.append((nth / len(letters) if letter.weather.in_order else letter.place, len(hand), letter))
        threads = [threading.Thread(target=self.carry, args=(sorted(hand),)) for hand in hands]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def everything(self):
        while any(self.rounds):
            self.deliver()
        assert not self.refused, self.refused[0]

    def carry(self, letters):
        connections = {}
        for _, _, letter in letters:
            self.bring(letter, connections)
        for connection in connections.values():
            connection.close()

    def bring(self, letter, connections):
        """Again until it is taken, as Stripe does for three days."""
        for _ in range(TRIES):
            socket = random.choice(self.sockets)
            try:
                if socket not in connections:
                    connections[socket] = fcgi.Connection(socket)
                header = {"HTTP_STRIPE_SIGNATURE": sign(letter.body)}
                status = connections[socket].request(fcgi.post(PATH, letter.body, **header), letter.body).status
            except OSError:
                connections.pop(socket).close() if socket in connections else None
                continue
            if status == 200:
                with self.lock:
                    self.delivered += 1
                return
            if status != 503:
                break
            time.sleep(0.02)
        self.refused.append(letter.body)
