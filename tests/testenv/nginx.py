"""A private nginx with our nginx/*.conf unchanged, as an administrator includes them."""
import os

from . import places
from .ports import free_port
from .process import Process, answers
from .web_server import WebServer

CONFIG = """
daemon off;
%(user)s
worker_processes 1;
pid %(directory)s/nginx.pid;
error_log %(directory)s/error.log info;
events { worker_connections 512; }
http {
    access_log %(directory)s/access.log;
    client_body_temp_path %(directory)s/body;
    fastcgi_temp_path %(directory)s/fastcgi;
    proxy_temp_path %(directory)s/proxy;
    uwsgi_temp_path %(directory)s/uwsgi;
    scgi_temp_path %(directory)s/scgi;
    %(http)s
    server {
        listen 127.0.0.1:%(port)d;
        root %(root)s;
        %(server)s
    }
}
"""

HTTP = "%(upstreams)s\ninclude snippets/tollgate-http.conf;\n"
SERVER = """
set $tollgate_pages %(pages)s;
include snippets/tollgate-billing.conf;
include snippets/tollgate-gate.conf;
include snippets/tollgate-pages.conf;
"""


def upstreams(sockets):
    """Ours, with the sockets in this directory instead of /run/tollgate."""
    text = (places.TOP / "nginx" / "tollgate-upstreams.conf").read_text()
    return text.replace("/run/tollgate/", f"{sockets}/")

GATED = """
location ^~ /%s/ {
    auth_request "/_tollgate/%s";
    include snippets/tollgate-members.conf;
}
"""


class Nginx(WebServer):
    """`server` and `http` are configuration text; with `sockets`, the directory of
    our responders, all of our includes are there too. Files for `root` may be
    written to .root. `port` may be chosen before with free_port()."""

    gate_by_tcp = False
    socket_options = ()
    unpaid = 403    # what who has not paid gets from the gate, and sees

    def __init__(self, server="", http="", sockets=None, port=None):
        self.directory = places.directory()
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.root = self.directory / "root"
        self.root.mkdir()
        (self.directory / "snippets").symlink_to(places.TOP / "nginx")
        self.config = self.directory / "nginx.conf"
        self.config.write_text(self.text(server, http, sockets))
        self.process = None
        self.start()

    @staticmethod
    def gated(name, require):
        """A location for who has bought this."""
        return GATED % (name, require)

    def text(self, server, http, sockets):
        if sockets:
            http = HTTP % {"upstreams": upstreams(sockets)} + http
            server = SERVER % {"pages": places.TOP / "nginx" / "pages"} + server
        return CONFIG % {"user": "user root;" if os.geteuid() == 0 else "", "directory": self.directory,
                         "port": self.port, "root": self.root, "http": http, "server": server}

    def start(self):
        self.process = Process(["nginx", "-c", self.config, "-p", self.directory, "-e",
                                self.directory / "error.log"], self.directory / "nginx.log")
        self.process.wait_ready(lambda: answers(("127.0.0.1", self.port)))
