"""The web servers that the demo runs behind: what each includes from us, and how it is started."""
import os
import pwd
import shutil
import socket

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


def own_user():
    return pwd.getpwuid(os.geteuid()).pw_name


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Nginx:
    """It runs as whoever starts the demo, and so reaches all that is his."""
    name = "nginx"
    configurations = ("demo-php.conf", "nginx.conf")
    gate_port = None
    user = own_user()
    socket_options = []

    def prepare(self, directory):
        """Puts into the directory what the configuration names there."""
        os.symlink(os.path.join(ROOT, "nginx"), os.path.join(directory, "snippets"))

    def values(self, directory):
        return {"SITE": os.path.join(HERE, "site"), "PAGES": os.path.join(ROOT, "nginx", "pages")}

    def arguments(self, directory):
        return ["-e", "stderr", "-c", os.path.join(directory, "nginx.conf")]


class Apache:
    """It will not be root: then it is Debian's www-data, which may not be able to look into the clone."""
    name = "apache2"
    configurations = ("apache.conf",)
    modules = ("mpm_event", "alias", "asis", "authn_core", "authnz_fcgi", "authz_core", "authz_user", "dir", "env",
               "headers", "macro", "mime", "proxy", "proxy_fcgi", "setenvif")
    user = "www-data" if os.geteuid() == 0 else own_user()
    socket_options = ["-g", "www-data"] if os.geteuid() == 0 else []

    def __init__(self):
        self.gate_port = free_port()

    def prepare(self, directory):
        os.chmod(directory, 0o711)
        os.symlink(os.path.join(ROOT, "apache"), os.path.join(directory, "tollgate"))
        for source in (os.path.join(HERE, "site"), os.path.join(ROOT, "apache", "pages")):
            copy_for_all(source, os.path.join(directory, os.path.basename(source)))

    def values(self, directory):
        load = "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so"
        return {"SITE": os.path.join(directory, "site"), "PAGES": os.path.join(directory, "pages"),
                "MODULES": "\n".join(load % (name, name) for name in self.modules),
                "APACHE_USER": "User www-data\nGroup www-data" if os.geteuid() == 0 else "",
                "GATE_PORT": str(self.gate_port)}

    def arguments(self, directory):
        return ["-DFOREGROUND", "-f", os.path.join(directory, "apache.conf")]


def copy_for_all(source, target):
    shutil.copytree(source, target)
    for directory, _, files in os.walk(target):
        os.chmod(directory, 0o755)
        for name in files:
            os.chmod(os.path.join(directory, name), 0o644)
