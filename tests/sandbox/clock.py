"""The sandbox's own time, and the list of what is due at which time."""
import heapq
import itertools
import time

JOBS = {}


def job(name):
    """Registers what to do when something of this name falls due."""
    def register(function):
        JOBS[name] = function
        return function
    return register


class Clock:
    def __init__(self, start=None):
        self.frozen = start
        self.due = []
        self.order = itertools.count()

    def now(self):
        return int(time.time()) if self.frozen is None else self.frozen

    def freeze(self, at):
        self.frozen = at

    def live(self):
        """Follows real time from now on, after what was due until now has happened."""
        if self.frozen is not None:
            self.advance(int(time.time()))
        self.frozen = None

    def schedule(self, when, account, name, identifier):
        heapq.heappush(self.due, (int(when), next(self.order), account, name, identifier))

    def run_due(self):
        while self.due and self.due[0][0] <= self.now():
            when, _, account, name, identifier = heapq.heappop(self.due)
            JOBS[name](account, identifier, when)

    def advance(self, to):
        """Moves frozen time forward; each due thing happens, and is dated, at its own time."""
        while self.due and self.due[0][0] <= to:
            self.frozen = max(self.now(), self.due[0][0])
            self.run_due()
        self.frozen = max(self.frozen, to)
