"""The pages a customer sees: plain HTML forms, for people and for a browser under test."""
import urllib.parse

from errors import StripeError
from pages import checkout_page, invoice_page, portal_change_page, portal_page, stripe_js
from pages.frame import message

PAGES = checkout_page.PAGES + portal_page.PAGES + portal_change_page.PAGES + invoice_page.PAGES + stripe_js.PAGES


def answer(world, request):
    for method, pattern, function in PAGES:
        found = method == request.method and pattern.match(request.path)
        if found:
            form = dict(urllib.parse.parse_qsl(request.body.decode("utf-8", "replace")))
            return run(world, function, form, found.groups())
    return message("There is no such page.", 404)


def run(world, function, form, groups):
    with world.lock:
        world.clock.run_due()
        try:
            return function(world, form, *groups)
        except StripeError as error:
            return message(str(error), error.status)
