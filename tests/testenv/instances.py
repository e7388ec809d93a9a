"""A host with programs for each site alone, under a user of its own: neither sees the other's files and sockets."""
import grp
import os
import shutil
import subprocess

from . import manual, places
from .apache import INCLUDES, Apache
from .host import Host
from .nginx import HTTP, Nginx
from .ports import free_port
from .responder import Responder, binary
from .stack import RESPONDERS

WEB_GROUP = "www-data"
FIRST_UID = 61601


def missing():
    """What the tests lack on this machine, or None."""
    if os.geteuid() != 0:
        return "root, to become several users"
    try:
        grp.getgrnam(WEB_GROUP)
    except KeyError:
        return f"the group {WEB_GROUP}"
    return None


VIRTUAL_HOST = """
%(programs)s
Listen 127.0.0.1:%(port)d
<VirtualHost 127.0.0.1:%(port)d>
    DocumentRoot ${ROOT}
    %(instance)s
    <Directory ${ROOT}/stolen>
        AllowOverride FileInfo
    </Directory>
    <Location "/page">
        Use TollgateGate plan:basic
    </Location>
    %(includes)s
</VirtualHost>
"""


class InstanceResponder(Responder):
    """tollgate-sync has no socket; it is ready when it says so."""

    def where(self):
        if self.path.stem == "sync":
            return []
        return super().where() + ([] if isinstance(self.address, tuple) else ["-g", WEB_GROUP])

    def ready(self, started_before):
        return self.log.count("event=started") > started_before


def upstreams(site):
    """Ours for one site, as tollgate-nginx(7) has them made."""
    expressions = [word for expression in manual.instance_upstreams(site.name) for word in ("-e", expression)]
    text = subprocess.run(["sed", *expressions, places.TOP / "nginx" / "tollgate-upstreams.conf"],
                          capture_output=True, text=True, check=True).stdout
    return text.replace(f"/run/tollgate-{site.name}/", f"{site.run}/")


class Instances(Host):
    """/etc/tollgate is .directory, /run/tollgate-NAME is .directory/run-NAME."""

    web_server = Nginx

    def start(self, *programs):
        self.directory.chmod(0o711)
        self.web_gid = grp.getgrnam(WEB_GROUP).gr_gid
        programs = programs or (*RESPONDERS, "sync")
        for name in programs:
            # The build may stand where nobody but its owner can go.
            shutil.copy(binary(f"tollgate-{name}"), self.directory)
        for uid, site in enumerate(self.sites.values(), FIRST_UID):
            self.start_instance(site, uid, programs)
        self.serve()
        self.sell()
        return self

    def start_instance(self, site, uid, programs):
        """Who it runs as may read its own configuration and secrets only."""
        site.uid = uid
        site.instance = f"_{site.name}"
        site.gate_port = free_port() if self.web_server.gate_by_tcp else None
        site.config = self.directory / f"{site.name}.conf"
        site.config.write_text(self.config.read_text().replace("sites.d/*.conf", f"sites.d/{site.name}.conf"))
        site.run = self.directory / f"run-{site.name}"
        site.run.mkdir(mode=0o710)
        for path in (site.config, site.file, site.secrets, *site.secrets.iterdir()):
            os.chown(path, uid, uid)
            path.chmod(0o700 if path.is_dir() else 0o600)
        os.chown(site.run, uid, self.web_gid)
        for name in programs:
            self.responders[f"{site.name}-{name}"] = InstanceResponder(
                f"tollgate-{name}", site.config, site.run / f"{name}.sock", build=self.directory, user=uid, group=uid,
                extra_groups=[self.web_gid], port=site.gate_port if name == "access" else None)

    def http(self):
        return HTTP % {"upstreams": "".join(map(upstreams, self.sites.values()))}


class ApacheInstances(Instances):
    """The virtual host of no site of its own comes last."""

    web_server = Apache

    def virtual_host(self, site):
        programs, instance = manual.apache_instance(site.name, site.gate_port)
        return VIRTUAL_HOST % {"programs": programs, "port": site.port, "instance": instance, "includes": INCLUDES}

    def serve(self):
        self.web = Apache(http="".join(map(self.virtual_host, self.sites.values())), sockets=self.directory / "run",
                          gate_port=free_port())
        (self.web.root / "page").write_text("paid for\n")
