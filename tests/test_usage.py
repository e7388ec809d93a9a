"""meter-event: the application's server reports what its users use."""
from concurrent.futures import ThreadPoolExecutor

import pytest
from test_checkout import calls, error
from test_subscription import create
from testenv import fcgi

METER_EVENT = "/billing/meter-event"
EVENTS = "/v1/billing/meter_events"
USAGE = {"eventName": "api_requests", "value": 3, "identifier": "job-1"}


@pytest.fixture
def meter(stack):
    return stack.sandbox.api("POST", "/v1/billing/meters", display_name="Requests", event_name="api_requests",
                             **{"default_aggregation[formula]": "sum"})


@pytest.fixture
def server(stack, meter):
    """The application's server, which speaks for alice, a customer."""
    create(stack.session("alice"), plan="basic")
    return stack.session("alice", scope="server")


def report(session, status=200, **fields):
    answer = session.post(METER_EVENT, json={**USAGE, **fields})
    assert answer.status_code == status, answer.text
    return answer.json()


def used(stack, meter, customer=None):
    customer = customer or stack.sandbox.api("GET", "/v1/customers")["data"][-1]["id"]
    [summary] = stack.sandbox.api("GET", f"/v1/billing/meters/{meter['id']}/event_summaries",
                                  customer=customer, start_time=0, end_time=4000000000)["data"]
    return summary["aggregated_value"]


def test_usage_is_counted_for_the_users_customer(stack, server, meter):
    assert report(server) == {"identifier": "job-1"}
    assert used(stack, meter) == 3


def test_one_identifier_counts_once(stack, server, meter):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: report(stack.session("alice", scope="server")), range(4)))
    report(server, value=100)
    assert used(stack, meter) == 3
    report(server, identifier="job-2")
    assert used(stack, meter) == 6


def test_identifiers_of_two_users_do_not_meet(stack, server, meter):
    create(stack.session("bob"), plan="basic")
    report(server)
    report(stack.session("bob", scope="server"))
    assert len(calls(stack, EVENTS)) == 2
    assert {used(stack, meter, one["id"]) for one in stack.sandbox.api("GET", "/v1/customers")["data"]} == {3}


def test_failed_report_can_be_made_again(stack, server, meter):
    stack.sandbox.control("POST", "faults", {"method": "POST", "path": f"^{EVENTS}$", "status": 500,
                                             "store": True, "times": 1})
    report(server, 502)
    report(server)
    assert used(stack, meter) == 3


def test_lost_answer_counts_once(stack, server, meter):
    stack.sandbox.control("POST", "faults", {"method": "POST", "path": f"^{EVENTS}$", "drop": "after"})
    report(server)
    assert used(stack, meter) == 3


@pytest.mark.parametrize("claims", [{}, {"scope": "servers"}, {"scope": "read"}, {"scope": ["server"]}])
def test_user_herself_may_not_say_what_she_used(stack, meter, claims):
    create(stack.session("alice"), plan="basic")
    assert error(report(stack.session("alice", **claims), 403))[0] == "scope_required"
    assert not calls(stack, EVENTS)


def test_token_in_a_cookie_is_no_servers(stack, meter):
    assert error(report(stack.session("alice", cookie=True, scope="server"), 403))[0] == "scope_required"
    assert stack.session().post(METER_EVENT, json=USAGE).status_code == 401


def test_scope_among_others_is_taken(stack, server, meter):
    report(stack.session("alice", scope="read server"))
    assert used(stack, meter) == 3


@pytest.mark.parametrize("scope, status", [("server", 200), ("", 403), ("client", 403)])
def test_web_server_may_say_whose_server_it_is(stack, server, scope, status):
    body = b'{"eventName":"api_requests","value":1,"identifier":"x"}'
    with fcgi.Connection(stack.responders["subscription"].path) as connection:
        answer = connection.request(fcgi.post(METER_EVENT, body, TOLLGATE_USER="alice", TOLLGATE_SCOPE=scope,
                                              CONTENT_TYPE="application/json"), body)
    assert answer.status == status


@pytest.mark.parametrize("fields, code, param", [
    ({"eventName": None}, "parameter_missing", "eventName"),
    ({"identifier": None}, "parameter_missing", "identifier"),
    ({"value": None}, "parameter_missing", "value"),
    ({"value": "many"}, "parameter_invalid", "value"),
    ({"value": 1.5}, "parameter_invalid", "value"),
    ({"eventName": "no_such_meter"}, "no_meter_matching_event_name", "eventName"),
])
def test_refusal_names_the_field(server, fields, code, param):
    assert error(report(server, 400, **fields)) == (code, param)


def test_user_without_a_customer_is_told(stack, meter):
    assert error(report(stack.session("carol", scope="server"), 404))[0] == "customer_missing"
