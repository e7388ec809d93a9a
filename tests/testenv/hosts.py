"""Several processes of each program on one Redis, as on several hosts, asked past nginx."""
import itertools
import json
from concurrent.futures import ThreadPoolExecutor

from . import fcgi
from .responder import Responder


class Hosts:
    """`stack` has the first process of each program."""

    def __init__(self, stack, programs, count=2):
        self.more = {}
        self.sockets = {name: [stack.responders[name].path] for name in programs}
        for name, i in itertools.product(programs, range(1, count)):
            path = stack.directory / f"{name}{i}.sock"
            self.more[path] = Responder(f"tollgate-{name}", stack.site.config, path)
            self.sockets[name].append(path)

    def ask(self, host, program, endpoint, user, site="shop", **fields):
        """Status and JSON of one request, by the user whom the web server names."""
        sockets, body = self.sockets[program], json.dumps(fields).encode()
        with fcgi.Connection(sockets[host % len(sockets)], timeout=60) as connection:
            answer = connection.request(fcgi.post(
                f"/billing/{endpoint}", body, TOLLGATE_USER=user, TOLLGATE_SITE=site, HTTP_SEC_FETCH_SITE="same-origin"), body)
        return answer.status, json.loads(answer.body)

    def at_once(self, asks):
        """All at the same time, on one host after the other; each is arguments of `ask` without the host."""
        asks = list(asks)
        with ThreadPoolExecutor(len(asks)) as pool:
            return list(pool.map(lambda i: self.ask(i, *asks[i][0], **asks[i][1]), range(len(asks))))

    def stop(self):
        for responder in self.more.values():
            responder.stop()
