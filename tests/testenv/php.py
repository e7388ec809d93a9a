"""A private php-fpm on a unix socket."""
import glob
import os
import re

from . import places
from .process import Process, answers

CONFIG = """
[global]
error_log = %(directory)s/error.log
daemonize = no
[www]
%(user)s
listen = %(directory)s/php.sock
listen.mode = 0666
pm = static
pm.max_children = 4
catch_workers_output = yes
php_flag[log_errors] = on
php_flag[display_errors] = off
php_value[error_reporting] = 32767
php_value[session.save_path] = %(directory)s
"""


class PhpFpm:
    def __init__(self):
        self.directory = places.directory()
        self.directory.chmod(0o755)
        self.path = self.directory / "php.sock"
        config = self.directory / "php-fpm.conf"
        root = os.geteuid() == 0
        config.write_text(CONFIG % {"directory": self.directory, "user": "user = root" if root else ""})
        argv = [sorted(glob.glob("/usr/sbin/php-fpm*"))[-1], "--no-php-ini", "--nodaemonize",
                "--fpm-config", config, *(["--allow-to-run-as-root"] if root else [])]
        self.process = Process(argv, self.directory / "php.log")
        self.process.wait_ready(lambda: answers(self.path))

    @property
    def errors(self):
        return (self.directory / "error.log").read_text(errors="replace")

    @property
    def complaints(self):
        """What PHP itself found wrong: warnings, deprecations, exceptions that nobody caught."""
        return re.findall(r"PHP (?:message: PHP )?[A-Z][a-z ]+: .*", self.errors)

    def location(self, script, **params):
        """The inside of an nginx location that runs the script."""
        lines = "".join(f'fastcgi_param {name} "{value}";\n' for name, value in params.items())
        return (f"include /etc/nginx/fastcgi_params;\nfastcgi_param SCRIPT_FILENAME {script};\n"
                f"{lines}fastcgi_pass unix:{self.path};\n")

    def stop(self):
        self.process.terminate()
