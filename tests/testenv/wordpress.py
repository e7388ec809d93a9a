"""A site with examples/wordpress/tollgate.php, in the server block of its README.md. WordPress itself is
tests/wordpress."""
import json
import pathlib

from . import paper, places
from .nginx import Nginx
from .php_shop import Application

INDEX = places.TESTS / "wordpress" / "index.php"
SITE = """
error_path = "/pricing"
cold_wait = "8s"
notify_url = "%(url)s/wp-json/tollgate/v1/notice"
notify_secret_file = "%(directory)s/notice.secret"
"""
PLUGIN = places.TOP / "examples" / "wordpress" / "tollgate.php"
SCRIPTS = ("index.php", "wp-login.php", "wp-admin/admin-post.php", "wp-admin/profile.php", "wp-admin/user-edit.php")
SNIPPET = pathlib.Path("/etc/nginx/snippets/fastcgi-php.conf")
PARAMS = """
fastcgi_param WP_HOME http://127.0.0.1:$server_port;
fastcgi_param WP_DIRECTORY %(directory)s;
fastcgi_param WP_IDENTITY_KEY_FILE %(directory)s/identity.key;
fastcgi_param WP_NOTIFY_SECRET_FILE %(directory)s/notice.secret;
fastcgi_param WP_PLUGIN %(plugin)s;
"""
APACHE_PARAMS = """
SetEnv WP_HOME %(url)s
SetEnv WP_DIRECTORY %(directory)s
SetEnv WP_IDENTITY_KEY_FILE %(directory)s/identity.key
SetEnv WP_NOTIFY_SECRET_FILE %(directory)s/notice.secret
SetEnv WP_PLUGIN %(plugin)s
RewriteEngine On
"""
GATED = """
location ^~ /gated/ {
    auth_request /_tollgate/plan:premium;
    include snippets/tollgate-members.conf;
    try_files /nonexistent /index.php?$args;
}
"""
APACHE_GATED = """
DocumentRoot /srv/wordpress
CustomLog /srv/wordpress.log "%r"
<Location "/gated">
    Use TollgateGate plan:premium
</Location>
"""
UPLOAD = "/wp-content/uploads/members/report.txt"
ADA, BOB, EVE = 7, 8, 9


class WordPress(Application):
    def __init__(self, web_server):
        kind, gated = ("nginx", GATED) if web_server is Nginx else ("apache", APACHE_GATED)
        block = paper.that_has(paper.fenced("examples/wordpress/README.md", kind), "wp-login.php")
        super().__init__(paper.inside_server(block) + gated, SITE, web_server)
        is_nginx = web_server is Nginx
        self.root = self.stack.web.root if is_nginx else self.directory / "root"
        self.log = self.stack.web.directory / "access.log" if is_nginx else self.directory / "root.log"
        for script in SCRIPTS:
            self.write(script, f"<?php require '{INDEX}';\n")
        self.write(UPLOAD[1:], "for subscribers")

    def moved(self):
        """Debian's snippet is where nginx looks for ours."""
        text = SNIPPET.read_text().replace("include fastcgi.conf;", "include /etc/nginx/fastcgi.conf;")
        params = {"directory": self.directory, "plugin": PLUGIN, "url": self.url}
        return {**super().moved(), "include snippets/fastcgi-php.conf;": text + PARAMS % params,
                "/srv/wordpress": self.directory / "root", "RewriteEngine On": APACHE_PARAMS % params}

    def install(self):
        (self.directory / "root").mkdir()

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def fresh(self):
        self.stack.fresh()
        for entry in (*self.directory.glob("cache-*"), *self.directory.glob("notices.log")):
            entry.unlink()

    @property
    def asked(self):
        """How often its server asked the gate so far."""
        return self.log.read_text().count("GET /billing/access/")

    @property
    def notices(self):
        """[type, data, id] of each that the theme heard."""
        log = self.directory / "notices.log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def page(self, name, text):
        """A page of this content, at /NAME."""
        (self.directory / f"{name}.page").write_text(text)

    def log_in(self, user, next=""):
        visitor = self.visitor()
        query = f"?next={next}" if next else ""
        answer = visitor.press(visitor.get(f"/wp-login.php{query}"), "wp-submit", id=str(user))
        assert answer.status == 302 and answer.location == self.url + (next or "/"), answer.summary
        return visitor
