"""A proxy before the sandbox, for what the net does to an answer: it comes late, or
the world has moved on when it comes."""
import contextlib
import http.server
import threading
import urllib.error
import urllib.request


class Proxy:
    """`config` is written: the same configuration, with this proxy for Stripe."""

    def __init__(self, target, config, original):
        self.target = target
        self.hooks = {}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.base = "http://127.0.0.1:%d" % self.server.server_address[1]
        self.config = config
        config.write_text(original.read_text().replace(target, self.base))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handler(self):
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, headers, body = proxy.ask(self.path, dict(self.headers))
                proxy.hooks.get(self.path.partition("?")[0], lambda: None)()
                # a server dates its answer when it is sent
                _, now, _ = proxy.ask("/v1/prices?limit=1", dict(self.headers))
                self.send_response_only(status)
                for name, value in {**headers, "Date": now["Date"], "Connection": "close"}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        return Handler

    def ask(self, path, headers):
        try:
            with urllib.request.urlopen(urllib.request.Request(self.target + path, headers=headers)) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read()

    @contextlib.contextmanager
    def after(self, path, hook):
        """hook() runs when Stripe has answered and the answer is not yet sent, once."""
        def once():
            del self.hooks[path]
            hook()
        self.hooks[path] = once
        yield

    @contextlib.contextmanager
    def holding(self, path):
        """The next answer for this path is held until the end; the event tells that it is there."""
        arrived, release = threading.Event(), threading.Event()

        def hold():
            arrived.set()
            release.wait(10)
        with self.after(path, hold):
            yield arrived
        release.set()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
