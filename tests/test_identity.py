"""Who is logged in, behind the whole stack: changing keys, logging out, running out."""
import time

import pytest
from test_checkout import pay
from testenv.site import identity_token, write_secret

ACCOUNT = "/billing/subscriptions"
NEW_KEY = "another identity key of at least 32 bytes, for the time after"
PAGE = "/members/page"


@pytest.fixture
def members(stack_factory):
    return stack_factory(gated={"members": "plan:basic"})


def use_keys(stack, *names):
    """As an administrator does: into the configuration, and a restart."""
    files = ", ".join(f'"{stack.directory / name}"' for name in names)
    lines = stack.site.config.read_text().splitlines()
    stack.site.config.write_text("\n".join(
        f"  identity_key_files = {{{files}}}" if "identity_key_files" in line else line for line in lines))
    for name in ("access", "subscription"):
        stack.responders[name].restart()


def account(stack, token):
    """The same by bearer and by cookie."""
    answers = [stack.session().get(ACCOUNT, headers={"Accept": "application/json", **header}).status_code
               for header in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"tollgate={token}"})]
    assert answers[0] == answers[1]
    return answers[0]


def buy(stack, session):
    answer = session.post("/billing/create-checkout-session", json={"plan": "basic"},
                          headers={"Accept": "application/json"})
    assert answer.status_code == 200, answer.text
    pay(stack, answer.json()["sessionId"])
    stack.settle()


def test_key_is_changed_without_logging_anybody_out(stack_factory):
    stack = stack_factory()
    write_secret(stack.directory / "new.key", NEW_KEY)

    def who_is_in():
        tokens = {"old": identity_token("alice"), "new": identity_token("alice", key=NEW_KEY)}
        return {name for name, token in tokens.items() if account(stack, token) == 200}
    assert who_is_in() == {"old"}
    use_keys(stack, "new.key", "identity.key")
    assert who_is_in() == {"old", "new"}
    use_keys(stack, "new.key")
    assert who_is_in() == {"new"}


def test_who_has_logged_out_is_nobody_at_once(members):
    alice = members.session("alice", cookie=True)
    buy(members, alice)
    assert alice.get(PAGE).text == "paid"
    alice.cookies.clear()
    assert alice.get(PAGE).text != "paid"
    assert alice.get(ACCOUNT).status_code == 401


def test_token_that_is_over_opens_no_page_that_it_opened_before(members):
    """Though the gate has just read all about her."""
    buy(members, members.session("alice"))
    alice = members.session("alice", cookie=True, exp=int(time.time()) + 3)
    assert alice.get(PAGE).text == "paid"
    time.sleep(3.1)
    assert alice.get(PAGE).text != "paid"
    assert alice.get(ACCOUNT).status_code == 401
