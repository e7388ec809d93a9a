"""A private Apache with our apache/*.conf unchanged, as an administrator includes them."""
import os
import shutil

from . import places
from .ports import free_port
from .process import Process, answers
from .web_server import WebServer

MODULES = ("mpm_event", "alias", "asis", "auth_basic", "authn_core", "authn_file", "authnz_fcgi", "authz_core",
           "authz_host", "authz_user", "dir", "env", "headers", "include", "macro", "mime", "proxy", "proxy_fcgi",
           "proxy_http", "rewrite", "setenvif")

LOAD = "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in MODULES)

CONFIG = """
ServerRoot %(directory)s
ServerName 127.0.0.1
DefaultRuntimeDir %(directory)s
PidFile %(directory)s/apache.pid
ErrorLog %(directory)s/error.log
LogLevel info
Define ROOT %(root)s
Define PORT %(port)d
Listen 127.0.0.1:%(port)d
%(modules)s
%(user)s
StartServers 1
ServerLimit 4
ThreadsPerChild 64
MaxRequestWorkers 256
KeepAliveTimeout 75
MaxKeepAliveRequests 0
TypesConfig /etc/mime.types
DirectoryIndex index.html
<Directory />
    AllowOverride None
    Require all denied
</Directory>
<Directory %(root)s>
    Require all granted
</Directory>
%(http)s
<VirtualHost *:%(port)d>
    DocumentRoot %(root)s
    %(server)s
</VirtualHost>
"""

HTTP = """
Define TOLLGATE_RUN %(sockets)s
Define TOLLGATE_GATE 127.0.0.1:%(gate_port)d
Define TOLLGATE_PAGES %(pages)s
Include tollgate/tollgate-upstreams.conf
Include tollgate/tollgate-macros.conf
"""
INCLUDES = """
Include tollgate/tollgate-billing.conf
Include tollgate/tollgate-access.conf
Include tollgate/tollgate-pages.conf
"""
SERVER = f"Use TollgateSite shop\n%s{INCLUDES}%s\n"
GATED = """
<Location "/%s">
    Use TollgateGate "%s"
</Location>
"""
# Apache will not be root: what it reads and where it connects is open to all.
USER = "User www-data\nGroup www-data"


def pages(directory):
    """A copy of ours, since the sources may lie where Apache's user cannot read."""
    return shutil.copytree(places.TOP / "apache" / "pages", directory / "pages")


class Apache(WebServer):
    """`server` and `http` are configuration text; with `sockets`, the directory of our
    responders, and `gate_port`, all of our includes are there too, between `server` and
    `last`. Files for `root` may be written to .root, which is ${ROOT} in the text, as
    `port` is ${PORT}. It may be chosen before with free_port()."""

    gate_by_tcp = True
    socket_options = ("-m", "666")
    unpaid = 402    # what who has not paid gets from the gate, and sees

    def __init__(self, server="", http="", sockets=None, port=None, gate_port=None, last=""):
        self.directory = places.directory()
        self.directory.chmod(0o755)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.root = self.directory / "root"
        self.root.mkdir(mode=0o755)
        (self.directory / "tollgate").symlink_to(places.TOP / "apache")
        self.config = self.directory / "apache.conf"
        self.config.write_text(self.text(server, http, sockets, gate_port, last))
        self.process = None
        self.start()

    @staticmethod
    def gated(name, require):
        """A location for who has bought this."""
        return GATED % (name, require)

    def text(self, server, http, sockets, gate_port, last):
        if sockets:
            http = HTTP % {"sockets": sockets, "gate_port": gate_port, "pages": pages(self.directory)} + http
            server = SERVER % (server, last)
        return CONFIG % {"user": USER if os.geteuid() == 0 else "", "directory": self.directory, "modules": LOAD,
                         "port": self.port, "root": self.root, "http": http, "server": server}

    def start(self):
        self.process = Process(["/usr/sbin/apache2", "-f", self.config, "-DFOREGROUND"], self.directory / "apache.log")
        self.process.wait_ready(lambda: answers(("127.0.0.1", self.port)))
