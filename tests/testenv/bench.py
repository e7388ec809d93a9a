"""A web server before stubs of all responders."""
import shutil

import requests

from . import places
from .stub import Stub


class Bench:
    """`gate` is where the stub of the gate listens, if not beside the others. start() of a subclass sets .web."""

    def __init__(self, gate=None):
        self.directory = places.directory()
        self.stubs = {name: Stub(self.directory / f"{name}.sock")
                      for name in ("checkout", "session", "portal", "subscription", "webhook", "php")}
        self.stubs["access"] = Stub(gate or self.directory / "access.sock")
        vars(self).update(self.stubs)
        self.web = None

    def ask(self, path, method="GET", **options):
        return requests.request(method, self.web.url + path, allow_redirects=False, timeout=10, **options)

    def lose_the_gate(self):
        self.stubs.pop("access").stop()

    def stop(self):
        if self.web:
            self.web.stop()
            shutil.rmtree(self.web.directory)
        for stub in self.stubs.values():
            stub.stop()
        shutil.rmtree(self.directory)
