"""A responder that answers what a test says, and remembers what the web server sent it."""
import os
import socket
import threading

from . import fcgi

KEEP_CONNECTION = 1


def answer(status, headers=None, body=""):
    lines = ["Status: %d" % status] + ["%s: %s" % pair for pair in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def decode(data):
    """Pairs of name and value, as they came: a name may come twice."""
    pairs, at = [], 0
    while at < len(data):
        lengths = []
        for _ in range(2):
            size = 4 if data[at] & 0x80 else 1
            lengths.append(int.from_bytes(data[at:at + size], "big") & 0x7FFFFFFF)
            at += size
        end = at + sum(lengths)
        pairs.append((data[at:at + lengths[0]].decode(), data[at + lengths[0]:end].decode("latin-1")))
        at = end
    return pairs


class Stub:
    """`says` is the answer, or makes it from the params. .requests has the
    (pairs, body) of each request, .accepts how many connections there were,
    .kept after how many requests one was to stay. `path` may be a pair of host
    and port; an Authorizer's request has no STDIN to wait for."""

    def __init__(self, path, says=answer(204)):
        self.says = says
        self.requests = []
        self.accepts = 0
        self.kept = 0
        if isinstance(path, tuple):
            self.listener = socket.create_server(path, backlog=128)
        else:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
            os.chmod(path, 0o666)
            self.listener.listen(128)
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def params(self):
        """Of the last request."""
        return dict(self.requests[-1][0])

    @property
    def body(self):
        return self.requests[-1][1]

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepts += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rwb") as stream:
            try:
                while self.exchange(stream):
                    pass
            except ConnectionError:
                pass

    def exchange(self, stream):
        """One request; whether the connection stays."""
        keep, last, streams = False, fcgi.STDIN, {fcgi.PARAMS: b"", fcgi.STDIN: b""}
        while True:
            head = stream.read(fcgi.HEADER.size)
            if len(head) < fcgi.HEADER.size:
                return False
            _, kind, _, length, padding = fcgi.HEADER.unpack(head)
            content = stream.read(length + padding)[:length]
            if kind == fcgi.BEGIN:
                keep = bool(content[2] & KEEP_CONNECTION)
                last = fcgi.PARAMS if content[1] == fcgi.AUTHORIZER else fcgi.STDIN
            elif kind == last and not content:
                break
            else:
                streams[kind] += content
        pairs = decode(streams[fcgi.PARAMS])
        self.requests.append((pairs, streams[fcgi.STDIN]))
        self.kept += keep
        says = self.says(dict(pairs)) if callable(self.says) else self.says
        stream.write(fcgi.record(fcgi.STDOUT, says) + fcgi.record(fcgi.STDOUT) + fcgi.record(fcgi.END, bytes(8)))
        stream.flush()
        return keep

    def stop(self):
        """No further connection; those that are open stay until nginx ends them."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
