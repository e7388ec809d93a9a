"""Requests as bytes, so that what no client would send can be sent too."""
import http.client
import json
import socket
from urllib.parse import quote_plus

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


class Raw(bytes):
    """A value as it is to stand in the body or the query."""


def json_value(value):
    return value if isinstance(value, Raw) else json.dumps(value).encode()


def json_object(fields):
    """A field "a[b]" is b within a. A name may come twice."""
    members, nested = [], {}
    for name, value in fields:
        outer, _, inner = name.partition("[")
        if inner:
            nested.setdefault(outer, []).append((inner[:-1], value))
        else:
            members.append((name, json_value(value)))
    members += [(name, json_object(inner)) for name, inner in nested.items()]
    return b"{" + b",".join(json_value(name) + b":" + value for name, value in members) + b"}"


def form(fields):
    return b"&".join(quote_plus(name).encode() + b"="
                     + (value if isinstance(value, Raw) else quote_plus(str(value)).encode())
                     for name, value in fields)


class Request:
    """`fields` are pairs, sent as JSON, as a form, or as the query of a GET; `body` takes
    their place, `length` that of the Content-Length ("": none)."""

    def __init__(self, method, path, fields=()):
        self.method = method
        self.path = path
        self.fields = list(fields)
        self.headers = []
        self.content_type = JSON if method == "POST" else None
        self.as_form = False
        self.body = None
        self.length = None
        self.query = b""

    def set(self, name, value):
        """In place of what the field was."""
        self.fields = [pair for pair in self.fields if pair[0] != name] + [(name, value)]

    def drop(self, *names):
        self.headers = [pair for pair in self.headers if pair[0] not in names]

    def header(self, name, value):
        self.drop(name)
        self.headers.append((name, value))

    def encode_as_form(self):
        self.as_form, self.content_type = True, FORM

    def content(self):
        if self.body is not None:
            return self.body
        if self.content_type is None:
            return b""
        return form(self.fields) if self.as_form else json_object(self.fields)

    def target(self):
        query = self.query or (form(self.fields) if self.content_type is None else b"")
        return self.path.encode() + (b"?" + query if query else b"")

    def bytes(self, host):
        content = self.content()
        length = len(content) if self.length is None else self.length
        headers = [("Host", host), ("Connection", "close"), *self.headers,
                   ("Content-Type", self.content_type), ("Content-Length", length)]
        lines = [b"%s %s HTTP/1.1" % (self.method.encode(), self.target())]
        lines += [f"{name}: {value}".encode() for name, value in headers if value not in (None, "")]
        return b"\r\n".join(lines) + b"\r\n\r\n" + content


class Answer:
    """status None: the connection was closed without one."""

    def __init__(self, response):
        self.status = response.status if response else None
        self.headers = response.headers if response else {}
        self.text = (response.read() if response else b"").decode(errors="replace")
        is_json = self.headers.get("Content-Type") == JSON
        self.error = json.loads(self.text or "{}").get("error", {}) if is_json else {}

    @property
    def code(self):
        return self.error.get("code")

    @property
    def param(self):
        return self.error.get("param")

    def everything(self):
        return f"{self.headers}\n{self.text}"


def send(port, method, data, hang_up=False):
    """Its answer. Who hangs up says that no more will come, which ends a whole request too."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        try:
            connection.sendall(data)
            if hang_up:
                connection.shutdown(socket.SHUT_WR)
        except ConnectionError:
            pass    # it was refused before its end
        response = http.client.HTTPResponse(connection, method=method)
        try:
            response.begin()
        except (http.client.RemoteDisconnected, ConnectionError):
            response = None
        return Answer(response)
