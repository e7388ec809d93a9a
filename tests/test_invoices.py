"""invoices: the caller's own, page by page."""
import time

import pytest
from test_checkout import error
from test_subscription import confirm, create

INVOICES = "/billing/invoices"


def invoices(session, status=200, **query):
    answer = session.get(INVOICES, params=query)
    assert answer.status_code == status, answer.text
    return answer.json() if status != 200 else answer.json()["invoices"]


def every_page(session, limit):
    found, after = [], {}
    while True:
        page = invoices(session, limit=limit, **after)
        found += [invoice["id"] for invoice in page["data"]]
        assert len(page["data"]) <= limit
        if not page["has_more"] or not page["data"]:
            return found
        after = {"starting_after": page["data"][-1]["id"]}


def a_month_passes(stack):
    stack.sandbox.control("POST", "clock/advance", {"by": 32 * 86400})


@pytest.fixture
def alice(stack):
    """A subscriber."""
    session = stack.session("alice")
    confirm(stack, create(session, plan="basic")["clientSecret"])
    stack.settle()
    return session


def test_invoice_has_what_an_account_page_shows(stack, alice):
    page = invoices(alice)
    [invoice] = page["data"]
    assert page["has_more"] is False
    assert (invoice["status"], invoice["amount_paid"], invoice["currency"]) == ("paid", 500, "eur")
    assert invoice["hosted_invoice_url"] and invoice["invoice_pdf"] and invoice["number"]
    assert "payment_settings" not in invoice


def test_nobody_elses_are_shown(stack, alice):
    assert invoices(stack.session("bob")) == {"data": [], "has_more": False}


def test_pages_are_complete_and_have_nothing_twice(stack, alice):
    stack.sandbox.control("POST", "clock", {"now": int(time.time())})
    for _ in range(4):
        a_month_passes(stack)
    everything = [one["id"] for one in stack.sandbox.api("GET", "/v1/invoices")["data"]
                  if one["status"] != "draft"]
    assert len(everything) >= 5
    for limit in (1, 2, 3, 100):
        assert every_page(alice, limit) == everything


def test_invoices_of_all_her_customers_are_shown(stack, alice):
    second = stack.sandbox.api("POST", "/v1/customers", **{
        "metadata[tollgate_user]": "alice", "metadata[tollgate_site]": "shop"})
    stack.settle()
    answer = create(alice, plan="premium", customerId=second["id"])
    everything = {one["id"] for one in stack.sandbox.api("GET", "/v1/invoices")["data"]}
    assert answer["status"] == "trialing" and len(everything) == 2
    for limit in (1, 2, 10):
        found = every_page(alice, limit)
        assert set(found) == everything and len(found) == 2


@pytest.mark.parametrize("after", ["in_nosuch", "../customers", "x"])
def test_page_behind_no_invoice_is_refused(alice, after):
    assert error(invoices(alice, 404, starting_after=after)) == ("invoice_unknown", "starting_after")


def test_page_behind_somebody_elses_invoice_looks_the_same(stack, alice):
    [invoice] = invoices(alice)["data"]
    bob = stack.session("bob")
    create(bob, plan="basic")
    assert error(invoices(bob, 404, starting_after=invoice["id"])) == ("invoice_unknown", "starting_after")


@pytest.mark.parametrize("limit", ["0", "101", "many"])
def test_limit_is_stripes(alice, limit):
    assert error(invoices(alice, 400, limit=limit)) == ("parameter_invalid", "limit")


def test_stranger_sees_none(stack):
    assert stack.session().get(INVOICES).status_code == 401
