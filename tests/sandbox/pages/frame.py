"""Templates: the frame of every page, escaping, money."""
import html
import os
import re
import string

from http_types import html as html_response

HERE = os.path.dirname(os.path.abspath(__file__))


class Markup(str):
    """Text that is HTML already."""


def page(method, path, function):
    return method, re.compile("^%s$" % path), function


def escaped(fields):
    return {name: value if isinstance(value, Markup) else html.escape(str(value)) for name, value in fields.items()}


def fragment(template, **fields):
    return Markup(string.Template(template).substitute(escaped(fields)))


def join(parts):
    return Markup("".join(parts))


def template(name):
    with open(os.path.join(HERE, name + ".html")) as source:
        return source.read()


def show(name, title, status=200, **fields):
    body = fragment(template(name), **fields)
    return html_response(fragment(template("frame"), title=title, body=body), status)


def message(text, status=200, tell="", url=None):
    """tell and url are for the page around the frame that this page may be in."""
    return show("message", "Sandbox", status, text=text, tell=tell, url=url or "")


def error_box(text):
    return fragment('<p id="error" role="alert">$text</p>', text=text) if text else Markup("")


def money(amount, currency):
    return "%.2f %s" % ((amount or 0) / 100, (currency or "").upper())
