"""A request as it came, a response as it goes."""
import collections

Request = collections.namedtuple("Request", "method path query headers body")
Response = collections.namedtuple("Response", "status body headers")
ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
PREFLIGHT = Response(204, b"", {**ANY_ORIGIN, "Access-Control-Allow-Methods": "GET, POST",
                                "Access-Control-Allow-Headers": "authorization, stripe-account, stripe-version",
                                "Access-Control-Max-Age": "600"})


class Dropped(Exception):
    """The connection is to be closed without an answer."""


def redirect(location):
    return Response(303, b"", {"Location": location})


def html(text, status=200):
    return Response(status, text.encode(), {"Content-Type": "text/html; charset=utf-8"})
