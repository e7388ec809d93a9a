"""Steady traffic from several clients, while a test does something to the servers."""
import collections
import http.client
import threading
import time


class Load:
    """As a context: requests run until it ends. `requests` are (method, path, body, headers), taken in turn."""

    def __init__(self, port, requests, clients=6):
        self.port = port
        self.requests = requests
        self.statuses = collections.Counter()
        self.lock = threading.Lock()
        self.done = threading.Event()
        self.clients = [threading.Thread(target=self.run, daemon=True) for _ in range(clients)]

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for client in self.clients:
            client.join()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        mine = collections.Counter()
        turn = 0
        while not self.done.is_set():
            method, path, body, headers = self.requests[turn % len(self.requests)]
            turn += 1
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                answer.read()
                mine[answer.status] += 1
            except (OSError, http.client.HTTPException) as error:
                mine[type(error).__name__] += 1
                connection.close()
            with self.lock:
                self.statuses += mine
            mine.clear()

    def go_on(self, n):
        """Waits until n more answers have come."""
        wanted = self.total() + n
        end = time.monotonic() + 30
        while self.total() < wanted:
            assert time.monotonic() < end, f"stuck: {self.statuses}"
            time.sleep(0.01)

    def total(self):
        with self.lock:
            return sum(self.statuses.values())
