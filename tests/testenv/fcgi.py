"""FastCGI records, raw (FastCGI specification 1.0): for what no web server would send."""
import socket
import struct
import time

RESPONDER, AUTHORIZER = 1, 2
BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR = range(1, 8)
HEADER = struct.Struct(">BBHHBx")


def record(kind, content=b"", request_id=1):
    return HEADER.pack(1, kind, request_id, len(content), 0) + content


def begin(role=RESPONDER, keep=True):
    return record(BEGIN, struct.pack(">HB5x", role, int(keep)))


def length(n):
    return struct.pack(">B", n) if n < 128 else struct.pack(">I", n | 1 << 31)


def params(pairs):
    """Pairs of name and value, in order; a dictionary will do."""
    encoded = b""
    for name, value in (pairs.items() if isinstance(pairs, dict) else pairs):
        name, value = (x if isinstance(x, bytes) else x.encode() for x in (name, value))
        encoded += length(len(name)) + length(len(value)) + name + value
    chunks = [encoded[i:i + 65535] for i in range(0, len(encoded), 65535)]
    return b"".join(record(PARAMS, chunk) for chunk in chunks) + record(PARAMS)


def stdin(body=b""):
    chunks = [body[i:i + 65535] for i in range(0, len(body), 65535)]
    return b"".join(record(STDIN, chunk) for chunk in chunks) + record(STDIN)


class Answer:
    def __init__(self, stdout):
        head, _, self.body = stdout.partition(b"\r\n\r\n")
        self.headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.status = int(self.headers.pop("Status").split()[0])


class Connection:
    """To the path of a unix socket, or a pair of host and port. `timeout` bounds each read."""

    def __init__(self, address, timeout=5):
        tcp = isinstance(address, tuple)
        self.socket = socket.socket(socket.AF_INET if tcp else socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(address if tcp else str(address))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data)

    def close(self):
        self.socket.close()

    def closed_by_peer(self):
        """Waits for the end, at most as long as the timeout."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def read_exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                raise ConnectionError("the responder closed the connection")
            data += more
        return data

    def answer(self):
        """Reads one whole answer."""
        stdout = b""
        while True:
            _, kind, _, content_length, padding = HEADER.unpack(self.read_exactly(8))
            content = self.read_exactly(content_length + padding)[:content_length]
            if kind == STDOUT:
                stdout += content
            if kind == END:
                return Answer(stdout)

    def request(self, pairs, body=b"", role=RESPONDER, keep=True):
        """One whole request and its answer; an Authorizer's has no STDIN."""
        self.send(begin(role, keep) + params(pairs) + (b"" if role == AUTHORIZER else stdin(body)))
        return self.answer()


def get(path, **more):
    """The params of a GET; `more` are further ones, by name."""
    uri, _, query = path.partition("?")
    return {"REQUEST_METHOD": "GET", "REQUEST_URI": path, "DOCUMENT_URI": uri, "QUERY_STRING": query, **more}


def post(path, body=b"", content_type="application/json", **more):
    return {**get(path), "REQUEST_METHOD": "POST", "CONTENT_TYPE": content_type,
            "CONTENT_LENGTH": str(len(body)), **more}


def ask(path, timeout=5):
    """One request on a connection of its own, with how many seconds it took."""
    begun = time.monotonic()
    with Connection(path, timeout) as connection:
        assert connection.request(get("/billing/whoami")).status == 200
    return time.monotonic() - begun
