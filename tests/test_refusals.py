"""Every endpoint and every abuse that applies to it: refused exactly, and nothing comes of it.

The tables stand in tests/refusals/. Each cell bends one request, which without that
succeeds (test_good_request_is_taken). pytest -k 'update-subscription and text' runs a part."""
import re

import pytest

from refusals import belongings, body, events, identity, place
from refusals.abuse import Case, Cell, outcome
from refusals.endpoints import ENDPOINTS
from refusals.evidence import Evidence, tokens_of
from refusals.wire import JSON
from refusals.world import MARKER, SECRETS, Person, World
from testenv import places

ABUSES = [abuse for table in (identity, belongings, body, place, events) for abuse in table.ABUSES]
CELLS = [Cell(endpoint, abuse, variant) for endpoint in ENDPOINTS for abuse in ABUSES
         if abuse.on(endpoint) for variant in abuse.variants(endpoint)]


@pytest.fixture(scope="module")
def world(web_server):
    world = World(web_server)
    yield world
    world.stop()


@pytest.fixture(scope="module")
def evidence(world):
    return Evidence(world.stack)


def check_answer(answer, expected):
    assert (answer.status, answer.code, answer.param) == (expected.status, expected.code, expected.param), answer.text
    assert expected.allow is None or answer.headers["Allow"] == expected.allow
    assert "X-Evil" not in answer.headers and "Access-Control-Allow-Origin" not in answer.headers
    if answer.headers.get("Content-Type") == JSON:
        assert answer.headers["Cache-Control"] == "no-store"
    if answer.error:
        assert answer.error["request_id"] == answer.headers["X-Request-Id"]
        assert answer.error["type"] and answer.error["message"]


def check_secrets(case, answer, said):
    for secret in [*SECRETS, MARKER, *tokens_of(case.sent)]:
        assert secret not in answer.everything(), "the answer says a secret"
        assert secret not in said, "the log says a secret"
    for hers in case.world.victim.ids():
        assert hers not in answer.everything(), "the answer says what is the victim's"


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_abuse_is_refused_and_nothing_comes_of_it(world, evidence, cell):
    case = Case(world, cell.endpoint, cell.variant)
    cell.abuse.bend(case)
    expected = outcome(cell.abuse.says, case)
    evidence.begin()
    answer = case.send(cell.abuse.hang_up)
    if expected.writes:
        world.stack.settle()
    check_answer(answer, expected)
    assert set(evidence.writes()) <= set(expected.writes)
    assert evidence.changes(expected.moves) == []
    check_secrets(case, answer, evidence.said())


def by_cookie(case):
    case.by_cookie(Sec_Fetch_Site="same-origin")


def by_form(case):
    case.by_cookie(Origin=case.world.stack.url)
    case.request.encode_as_form()


WAYS = {"as_it_is": lambda case: None, "by_cookie": by_cookie, "by_form": by_form}
GOOD = [(endpoint, way) for endpoint in ENDPOINTS for way in WAYS
        if way == "as_it_is" or identity.of_a_browser(endpoint)]


@pytest.mark.parametrize("endpoint, way", GOOD, ids=[f"{endpoint.name}:{way}" for endpoint, way in GOOD])
def test_good_request_is_taken(world, endpoint, way):
    """After all that was done to it, too: the cells before this one have the same owner."""
    case = Case(world, endpoint)
    WAYS[way](case)
    answer = case.send()
    assert answer.status in ((200, 303) if way == "by_form" else (200,)), answer.text


def test_evidence_sees_what_a_good_request_does(world, evidence):
    """So that where it sees nothing, nothing was."""
    evidence.begin()
    Person(world, "of-evidence").begin()
    assert "POST /v1/subscriptions" in evidence.writes()
    assert any(name.startswith("customer:") for name in evidence.changes())
    assert "subscription created" in evidence.said()


def tables_of_the_programs():
    """{name: method} of all their endpoints; the gate has neither."""
    found = {}
    for source in (places.TOP / "src").glob("tollgate-*.c"):
        found |= dict(re.findall(r'\{ \.name = "([^"]*)", \.method = "([A-Z]*)"', source.read_text()))
    assert found.pop("") == ""
    return found


def test_no_endpoint_is_missing():
    assert {endpoint.name: endpoint.method for endpoint in ENDPOINTS if not endpoint.is_gate} == \
        tables_of_the_programs()


def test_no_field_is_missing():
    """What the sources read, by its name, of a body or a query."""
    named = set()
    for source in (*(places.TOP / "src").glob("endpoint_*.c"), *(places.TOP / "src").glob("tollgate-*.c")):
        named |= set(re.findall(r'(?:request_field\w*|input_required)\(request, "([^"]+)"', source.read_text()))
        named |= set(re.findall(r'^\t\t\{ "([^"]+)", (?:\w+(?: - 1)?, )?&', source.read_text(), re.MULTILINE))
    assert named - {"created", "current_period_end"} == {
        name for endpoint in ENDPOINTS for name in body.fields(endpoint)}


def test_no_abuse_is_idle():
    used = {cell.abuse for cell in CELLS}
    assert [abuse.name for abuse in ABUSES if abuse not in used] == []
    assert len({str(cell) for cell in CELLS}) == len(CELLS)
