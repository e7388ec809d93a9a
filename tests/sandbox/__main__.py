"""The Stripe sandbox: a local stand-in for Stripe. See README.md."""
import argparse
import os
import signal
import sys
import threading
import time

from server import Server
from world import World


def options():
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=12111, help="0 for any")
    parser.add_argument("--key", action="append", help="full-access key (repeatable; default sk_test_sandbox)")
    parser.add_argument("--publishable-key", default="pk_test_sandbox")
    parser.add_argument("--webhook", action="append", default=[], metavar="URL")
    parser.add_argument("--webhook-secret", action="append", default=[], metavar="SECRET")
    parser.add_argument("--now", type=int, help="start with the clock frozen at this unix time")
    parser.add_argument("--port-file", help="file to write the port to, once listening")
    parser.add_argument("--quiet", action="store_true")
    given = parser.parse_args()
    given.key = given.key or ["sk_test_sandbox"]
    if len(given.webhook) != len(given.webhook_secret):
        parser.error("each --webhook needs its --webhook-secret")
    return given


def write_port(path, port):
    with open(path + ".new", "w") as out:
        out.write("%d\n" % port)
    os.replace(path + ".new", path)


def tick(world):
    """In live mode time moves by itself: what falls due happens within a second."""
    while True:
        time.sleep(1)
        with world.lock:
            world.clock.run_due()


def main():
    world = World(options())
    server = Server((world.options.host, world.options.port), world)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    threading.Thread(target=tick, args=(world,), daemon=True).start()
    if world.options.port_file:
        write_port(world.options.port_file, server.server_address[1])
    print("listening on %s" % world.base_url, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
