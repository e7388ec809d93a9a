"""A Redis of our own on a unix socket, and on TCP where a port is named, with nothing on disk."""
import signal

import redis

from . import places
from .process import Process, answers


class RedisServer:
    def __init__(self, *options, port=0):
        self.directory = places.directory()
        self.path = self.directory / "redis.sock"
        self.url = f"unix:{self.path}"
        self.options = options
        self.port = port
        self.process = None
        self.start()

    def start(self):
        self.process = Process(
            ["redis-server", "--port", self.port, "--unixsocket", self.path, "--unixsocketperm", "777",
             "--save", "", "--appendonly", "no", "--dir", self.directory, *self.options],
            self.directory / "redis.log")
        self.process.wait_ready(lambda: answers(self.path))

    def stop(self):
        """Nothing survives it, as when Redis loses its memory."""
        self.process.signal(signal.SIGCONT)
        self.process.terminate()

    def kill(self):
        self.process.kill()

    def pause(self):
        """Takes connections and answers nothing, until resume()."""
        self.process.signal(signal.SIGSTOP)

    def resume(self):
        self.process.signal(signal.SIGCONT)

    def client(self, **options):
        return redis.Redis(unix_socket_path=str(self.path), decode_responses=True, **options)

    def flush(self):
        self.client().flushall()
