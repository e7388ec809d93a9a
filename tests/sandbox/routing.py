"""A route: method, path, what to do, and the restricted-key permission it needs."""
import collections

Route = collections.namedtuple("Route", "method path handler resource")
