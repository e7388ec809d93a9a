"""Runs the demo, or its check, once demo/run has built everything: see its --help."""
import argparse
import os
import signal
import sys

from check import run_check
from instance import PROGRAMS, Failure, Instance
from servers import Apache, Nginx, free_port


def options():
    parser = argparse.ArgumentParser(prog="demo/run", add_help=False)
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--apache", action="store_const", const=Apache, default=Nginx, dest="web_server")
    parser.add_argument("--without", action="append", default=[], choices=PROGRAMS)
    return parser.parse_args()


def interrupt(*_):
    raise KeyboardInterrupt


def serve(instance):
    print("\nOpen %s   (Ctrl-C stops everything)\n" % instance.origin, flush=True)
    name = instance.wait()
    raise Failure("%s ended\n%s" % (name, instance.log_tail(name)))


def main():
    given = options()
    os.environ["no_proxy"] = "*"  # all of it is on this machine
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        port = free_port() if given.check else given.port
        with Instance(given.build, port, given.without, given.web_server()) as instance:
            return run_check(instance) if given.check else serve(instance)
    except KeyboardInterrupt:
        return 0
    except Failure as failure:
        print("demo: %s" % failure, file=sys.stderr)
        return 1


sys.exit(main())
