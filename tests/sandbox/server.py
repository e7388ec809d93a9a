"""The HTTP server: kept connections, one write for each answer."""
import http.server
import sys
import urllib.parse

import api
import control
import pages
from http_types import PREFLIGHT, Dropped, Request

CLOSING = "Connection: close\r\n"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_any(self):
        request = self.read_request()
        try:
            response = self.dispatch(request)
        except Dropped:
            self.close_connection = True
            return
        self.write(response)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_HEAD = do_OPTIONS = handle_any

    def read_request(self):
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        return Request(self.command, urllib.parse.unquote(path), query, headers, body)

    def dispatch(self, request):
        world = self.server.world
        if request.method == "OPTIONS":
            return PREFLIGHT
        if request.path.startswith("/v1"):
            return api.answer(world, request)
        if request.path.startswith("/_sandbox/"):
            return control.answer(world, request)
        return pages.answer(world, request)

    def write(self, response):
        reason = self.responses.get(response.status, ("",))[0]
        head = "HTTP/1.1 %d %s\r\n" % (response.status, reason)
        head += "".join("%s: %s\r\n" % pair for pair in response.headers.items())
        head += "Content-Length: %d\r\n" % len(response.body)
        head += CLOSING if self.close_connection else ""
        body = b"" if self.command == "HEAD" else response.body
        self.wfile.write(head.encode("latin-1") + b"\r\n" + body)
        self.log_request(response.status)

    def log_message(self, format, *args):
        if not self.server.world.options.quiet:
            sys.stderr.write("%s\n" % (format % args))


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def __init__(self, address, world):
        super().__init__(address, Handler)
        self.world = world
        world.base_url = "http://%s:%d" % self.server_address[:2]

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)
