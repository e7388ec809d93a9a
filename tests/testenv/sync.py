"""tollgate-sync: as a daemon that is started, stopped and killed, or run once."""
from . import places
from .process import wait_until
from .responder import Responder, run


class Sync(Responder):
    """A daemon with the configuration of `site`; several of them may share one."""

    def __init__(self, site, *options, **more):
        super().__init__("tollgate-sync", site.config, places.directory() / "sync", options, **more)

    def where(self):
        return []

    def ready(self, started_before):
        return self.log.count("event=started") > started_before

    def read(self):
        """The customers that it read, oldest first."""
        return [line["customer"] for line in self.events("customer read")]

    def wait_for(self, event, count=1, seconds=10):
        wait_until(lambda: len(self.events(event)) >= count, seconds, event)
        return self.events(event)


def sync_once(site, *options, build=None):
    """A run that ends by itself: the completed process."""
    return run("tollgate-sync", "-c", site.config, *options, build=build)
