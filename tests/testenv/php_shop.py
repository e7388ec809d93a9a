"""The shop of examples/php, in the server block of its README.md, with everything behind it."""
import json
import re
import shutil
import subprocess
import sys

from . import paper, places
from .nginx import Nginx
from .php import PhpFpm
from .ports import free_port
from .site import IDENTITY_KEY, write_secret
from .stack import Stack
from .sync import Sync

sys.path.append(str(places.TOP / "demo"))
from visitor import Visitor  # noqa: E402  (the demo's check is a visitor, too)

EXAMPLES = places.TOP / "examples" / "php"
NOTIFY_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CARD = {"cardNumber": "4242 4242 4242 4242", "cardExpiry": "12 / 34", "cardCvc": "123", "billingName": "Ada Byron"}
PASSWORD = "correct horse battery"
SITE = """
error_path = "/pricing"
cold_wait = "8s"
notify_url = "%(url)s/billing-notice"
notify_secret_file = "%(directory)s/notice.secret"
"""


class Application:
    """PHP pages of examples/, everything behind them, and tollgate-sync. `server` is the text of a server block
    as the paper has it; .moved() says what lies elsewhere than it says."""

    def __init__(self, server, site_settings, web_server=Nginx):
        self.directory = places.directory()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.php = PhpFpm()
        write_secret(self.directory / "identity.key", IDENTITY_KEY)
        write_secret(self.directory / "notice.secret", NOTIFY_SECRET)
        for directory in (self.directory, self.php.directory):
            directory.chmod(0o755)    # the web server's user maps files to scripts, and connects to PHP
        self.install()
        self.stack = Stack(web_server, server=self.move(server), port=self.port, site={
            "site_settings": site_settings % {"url": self.url, "directory": self.directory}})
        self.sync = Sync(self.stack.site)

    def move(self, text):
        for there, here in self.moved().items():
            text = text.replace(there, str(here))
        return text

    def moved(self):
        return {"unix:/run/php/php-fpm.sock": f"unix:{self.php.path}",
                "/etc/tollgate/shop.identity": self.directory / "identity.key",
                "include fastcgi_params;": "include /etc/nginx/fastcgi_params;"}

    def install(self):
        """The files, as the paper says."""

    def visitor(self):
        return Visitor(self.url)

    def pay(self, visitor, answer):
        """On Stripe's page, where the answer leads; what leads back to the site."""
        assert answer.status in (302, 303) and answer.location.startswith(self.stack.sandbox.base), answer.summary
        return visitor.press(visitor.get(answer.location), "submit", **CARD)

    def stop(self):
        """PHP must have had nothing to complain of."""
        self.sync.stop()
        self.stack.stop()
        self.php.stop()
        assert self.php.complaints == []


class PhpShop(Application):
    def __init__(self, web_server):
        kind = "nginx" if web_server is Nginx else "apache"
        blocks = paper.fenced("examples/php/README.md", kind)
        super().__init__("\n".join(map(paper.inside_server, blocks)), SITE, web_server)
        for name in ("ada", "bob"):
            self.add_user(name, PASSWORD)

    def moved(self):
        return {**super().moved(), "/srv/shop": self.directory / "shop", "/var/lib/shop/notices": self.directory,
                "/var/lib/shop/": f"{self.directory}/", "https://shop.example": self.url}

    def install(self):
        shutil.copytree(EXAMPLES, self.directory / "shop")
        settings = self.directory / "shop" / "fastcgi.conf"
        settings.write_text(self.move(settings.read_text()))

    def add_user(self, name, password):
        return subprocess.run(["php", EXAMPLES / "add-user.php", self.directory / "users.json", name,
                               f"{name}@example.com"], input=password, text=True, check=False).returncode

    def user_id(self, name):
        return json.loads((self.directory / "users.json").read_text())[name]["id"]

    def log_in(self, name, next="/account"):
        visitor = self.visitor()
        answer = visitor.press(visitor.get(f"/login?next={next}"), "login", name=name, password=PASSWORD)
        assert answer.status == 303 and answer.location == self.url + next, answer.summary
        return visitor

    def handled(self):
        """What the notice receiver handled."""
        log = self.directory / "notices.log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def shown(answer):
    """{id: text} of a page."""
    return dict(re.findall(r'id="([\w-]+)"[^>]*>([^<]*)<', answer.text))
