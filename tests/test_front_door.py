"""What holds at every endpoint: who asks, from where, in which form, and how errors look."""
import json
import time

import pytest

from testenv.fcgi import Connection, get, post
from testenv.responder import ECHO
from testenv.site import Site, identity_token, sign

ORIGIN = "http://127.0.0.1:8080"
HEADER = b'{"alg":"HS256","typ":"JWT"}'
FORM = "application/x-www-form-urlencoded"


def ask(responder, pairs, body=b""):
    with Connection(responder.path) as connection:
        return connection.request(pairs, body)


def whoami(responder, **more):
    """What the endpoint of this name says about who asks."""
    return json.loads(ask(responder, get("/billing/whoami", **more)).body)


def bearer(token):
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}


def send(responder, body, content_type="application/json", path="echo", **more):
    """A POST of a logged-in user's own application."""
    return ask(responder, post(f"/billing/{path}", body, content_type, **bearer(identity_token("alice")), **more),
               body)


def error(answer):
    return json.loads(answer.body)["error"]


def test_user_and_email_of_the_web_server(echo):
    me = whoami(echo, TOLLGATE_USER="alice", TOLLGATE_EMAIL="alice@example.com", TOLLGATE_SITE="shop")
    assert me == {"site": "shop", "user": "alice", "email": "alice@example.com", "by_bearer": False}


@pytest.mark.parametrize("name", ["REMOTE_USER", "HTTP_TOLLGATE_USER", "HTTP_X_USER", "TOLLGATE_USE"])
def test_other_params_make_nobody(echo, name):
    assert whoami(echo, **{name: "alice"})["user"] == ""


@pytest.mark.parametrize("user", ["x" * 129, "al\x01ice", "al\nice", b"\xff\xfe", "\u2028"])
def test_impossible_user_id_is_refused(echo, user):
    answer = ask(echo, get("/billing/whoami", TOLLGATE_USER=user))
    assert (answer.status, error(answer)["code"]) == (400, "user_invalid")


def test_longest_user_id(echo):
    assert whoami(echo, TOLLGATE_USER="é" * 64)["user"] == "é" * 64


@pytest.mark.parametrize("email", ["x" * 255, "a\x01@b.c"])
def test_useless_email_is_left_out(echo, email):
    me = whoami(echo, TOLLGATE_USER="alice", TOLLGATE_EMAIL=email)
    assert (me["user"], me["email"]) == ("alice", "")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER  "])
def test_bearer_token(echo, scheme):
    token = identity_token("bob", email="bob@example.com")
    me = whoami(echo, HTTP_AUTHORIZATION=f"{scheme} {token}")
    assert me == {"site": "shop", "user": "bob", "email": "bob@example.com", "by_bearer": True}


def test_web_server_knows_better_than_a_token(echo):
    me = whoami(echo, TOLLGATE_USER="alice", **bearer(identity_token("bob")))
    assert (me["user"], me["by_bearer"]) == ("alice", False)


def claims(**more):
    return {"sub": "bob", "aud": "shop", "exp": int(time.time()) + 60, **more}


@pytest.mark.parametrize("token", [
    "", "x", "..", identity_token("bob")[:-1], identity_token("bob") + "x",
    identity_token("bob", key="some other key of at least 32 bytes"),
    identity_token("bob", exp=int(time.time()) - 1), identity_token("bob", exp=None),
    identity_token("bob", aud="other"), identity_token("bob", aud=None),
    identity_token(None), identity_token(""), identity_token("x" * 129), identity_token("b\x01b"),
    sign(b'{"alg":"none","typ":"JWT"}', claims()), sign(b'{"alg":"HS512","typ":"JWT"}', claims()),
    sign(b'{"typ":"JWT","alg":"HS256"}', claims()), sign(HEADER + b" ", claims()),
], ids=range(18))
def test_token_that_proves_nothing(echo, token):
    assert whoami(echo, **bearer(token))["user"] == ""
    assert whoami(echo, HTTP_COOKIE=f"tollgate={token}")["user"] == ""


def test_cookie(echo):
    me = whoami(echo, HTTP_COOKIE=f"a=b; tollgate={identity_token('bob')}; c=d")
    assert (me["user"], me["by_bearer"]) == ("bob", False)


@pytest.mark.parametrize("cookies", ["xtollgate={0}", "tollgate={0}; tollgate={1}", "tollgate={1}; tollgate={0}",
                                     "tollgate={0}; tollgate=", "Tollgate={0}", "__Host-tollgate={0}"])
def test_cookies_that_prove_nothing(echo, cookies):
    cookies = cookies.format(identity_token("bob"), identity_token("eve"))
    assert whoami(echo, HTTP_COOKIE=cookies)["user"] == ""


def test_same_cookie_twice(echo):
    assert whoami(echo, HTTP_COOKIE="tollgate={0}; tollgate={0}".format(identity_token("bob")))["user"] == "bob"


def test_cookie_of_a_site_with_https_is_bound_to_its_host(responder_factory, directory):
    site = Site(directory, origin="https://shop.example")
    responder = responder_factory(ECHO, site.config, directory / "https.sock")
    assert whoami(responder, HTTP_COOKIE=f"__Host-tollgate={identity_token('bob')}")["user"] == "bob"
    assert whoami(responder, HTTP_COOKIE=f"tollgate={identity_token('bob')}")["user"] == ""


def test_bearer_token_is_believed_before_a_cookie(echo):
    me = whoami(echo, HTTP_COOKIE=f"tollgate={identity_token('eve')}", **bearer(identity_token("bob")))
    assert (me["user"], me["by_bearer"]) == ("bob", True)


def test_bad_bearer_token_does_not_fall_back_to_the_cookie(echo):
    cookie = f"tollgate={identity_token('bob')}"
    assert whoami(echo, HTTP_COOKIE=cookie, **bearer("bad"))["user"] == ""
    assert whoami(echo, HTTP_COOKIE=cookie, HTTP_AUTHORIZATION="Basic YTpi")["user"] == "bob"


@pytest.mark.parametrize("name", ["SITE", "USER", "EMAIL", "SCOPE", "REQUIRE", "REQUEST_ID"])
def test_trusted_param_that_contradicts_itself(echo, name):
    pairs = list(get("/billing/whoami").items()) + [(f"TOLLGATE_{name}", "shop"), (f"TOLLGATE_{name}", "other")]
    answer = ask(echo, pairs)
    assert (answer.status, error(answer)["code"]) == (400, "param_contradicts")


@pytest.mark.parametrize("values", [["alice", "alice"], ["", "alice"], ["alice", ""], ["", "alice", "", "alice"]])
def test_trusted_param_that_repeats_itself(echo, values):
    pairs = list(get("/billing/whoami").items()) + [("TOLLGATE_USER", value) for value in values]
    assert json.loads(ask(echo, pairs).body)["user"] == "alice"


def test_unknown_site(echo):
    answer = ask(echo, get("/billing/whoami", TOLLGATE_SITE="nobody's"))
    assert (answer.status, error(answer)["code"]) == (400, "site_unknown")


def test_several_sites_must_be_named(responder_factory, directory):
    second = Site(directory).config.read_text().partition("site ")[2].replace('"shop"', 'site "other"', 1)
    site = Site(directory, more=second)
    responder = responder_factory(ECHO, site.config, directory / "two.sock")
    assert ask(responder, get("/billing/whoami")).status == 400
    assert whoami(responder, TOLLGATE_SITE="other")["site"] == "other"
    assert whoami(responder, TOLLGATE_SITE="other", **bearer(identity_token("bob")))["user"] == ""


def test_nobody_is_told_so(echo):
    answer = ask(echo, get("/billing/private"))
    assert (answer.status, error(answer)["code"]) == (401, "identity_required")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


SAME, CROSS = {"HTTP_SEC_FETCH_SITE": "same-origin"}, {"HTTP_SEC_FETCH_SITE": "cross-site"}
OWN, OTHER = {"HTTP_ORIGIN": ORIGIN}, {"HTTP_ORIGIN": "http://127.0.0.1:8081"}


@pytest.mark.parametrize("headers, by_cookie, by_bearer", [
    ({}, 403, 200),
    (SAME, 200, 200),
    ({"HTTP_SEC_FETCH_SITE": "none"}, 200, 200),
    (CROSS, 403, 403),
    ({"HTTP_SEC_FETCH_SITE": "same-site"}, 403, 403),
    ({"HTTP_SEC_FETCH_SITE": "same-origin, cross-site"}, 403, 403),
    (OWN, 200, 200),
    (OTHER, 403, 403),
    ({"HTTP_ORIGIN": "null"}, 403, 403),
    ({"HTTP_ORIGIN": ORIGIN + ".evil.example"}, 403, 403),
    ({**SAME, **OTHER}, 200, 200),
    ({**CROSS, **OWN}, 403, 403),
])
def test_changes_come_from_the_site_itself(echo, headers, by_cookie, by_bearer):
    cookie = {"HTTP_COOKIE": f"tollgate={identity_token('alice')}"}
    for identity, status in [(cookie, by_cookie), ({"TOLLGATE_USER": "alice"}, by_cookie),
                             (bearer(identity_token("alice")), by_bearer)]:
        answer = ask(echo, post("/billing/echo", **headers, **identity))
        assert answer.status == status
        assert status == 200 or error(answer)["code"] == "cross_site"


def test_reading_may_come_from_anywhere(echo):
    assert ask(echo, get("/billing/private", TOLLGATE_USER="alice", **CROSS)).status == 200


def test_who_is_nobody_is_told_before_where_she_came_from(echo):
    assert ask(echo, post("/billing/echo", **CROSS)).status == 401


@pytest.fixture
def with_error_path(responder_factory, directory):
    def make(path):
        site = Site(directory, origin=ORIGIN, site_settings=f'error_path = "{path}"')
        return responder_factory(ECHO, site.config, directory / "error.sock")
    return make


def test_browsers_form_is_sent_to_the_error_page(with_error_path):
    answer = ask(with_error_path("/oops"), post("/billing/echo", b"", FORM))
    assert (answer.status, answer.body) == (303, b"")
    assert answer.headers["Location"] == f"{ORIGIN}/oops?error=identity_required"


def test_error_page_with_a_query(with_error_path):
    answer = ask(with_error_path("/oops?lang=en"), post("/billing/echo", b"", FORM))
    assert answer.headers["Location"] == f"{ORIGIN}/oops?lang=en&error=identity_required"


@pytest.mark.parametrize("pairs, json_wanted", [
    ({}, False),
    ({"CONTENT_TYPE": FORM}, False),
    ({"CONTENT_TYPE": "application/json"}, True),
    ({"CONTENT_TYPE": "Application/JSON; charset=utf-8"}, True),
    ({"CONTENT_TYPE": "application/jsonx"}, False),
    ({"HTTP_ACCEPT": "text/html,*/*;q=0.8"}, False),
    ({"HTTP_ACCEPT": "text/plain, application/json"}, True),
    ({"HTTP_ACCEPT": "application/problem+json"}, True),
    ({"HTTP_SEC_FETCH_MODE": "navigate"}, False),
    ({"HTTP_SEC_FETCH_MODE": "cors"}, True),
    ({"HTTP_SEC_FETCH_MODE": "navigate", "HTTP_ACCEPT": "application/json"}, True),
])
def test_who_gets_json(with_error_path, pairs, json_wanted):
    answer = ask(with_error_path("/oops"), {**post("/billing/echo", b"", ""), **pairs})
    assert answer.status == (401 if json_wanted else 303)


def test_error_has_stripes_shape(echo):
    answer = send(echo, b'{"number": 101}', TOLLGATE_REQUEST_ID="req-1_A")
    assert answer.status == 400 and answer.headers["Content-Type"] == "application/json"
    assert error(answer) == {"type": "invalid_request_error", "code": "parameter_invalid", "param": "number",
                             "message": "number is to be from 0 to 100.", "request_id": "req-1_A"}
    assert answer.headers["X-Request-Id"] == "req-1_A"
    line = echo.events("request")[-1]
    assert (line["request_id"], line["site"], line["endpoint"], line["status"], line["code"]) == \
        ("req-1_A", "shop", "echo", "400", "parameter_invalid")


@pytest.mark.parametrize("given", ["", "x" * 65, "with space", "new\nline", "é"])
def test_request_id_is_made_when_none_came(echo, given):
    made = [ask(echo, get("/billing/whoami", TOLLGATE_REQUEST_ID=given)).headers["X-Request-Id"] for _ in "ab"]
    assert all(len(name) == 32 and int(name, 16) >= 0 for name in made) and made[0] != made[1]


@pytest.mark.parametrize("how, status, kind, retry", [
    ("declined", 402, "card_error", None), ("rate_limited", 429, "rate_limit_error", "5"),
    ("upstream", 502, "api_error", None), ("unavailable", 503, "api_error", "5"),
    ("timeout", 504, "api_error", None), ("silent", 500, "api_error", None)])
def test_status_of_a_problem(echo, how, status, kind, retry):
    answer = ask(echo, get(f"/billing/fail?how={how}"))
    assert (answer.status, error(answer)["type"], answer.headers.get("Retry-After")) == (status, kind, retry)


def test_handler_without_an_answer_is_a_mistake_of_ours(echo):
    ask(echo, get("/billing/fail?how=silent"))
    assert echo.events("handler gave no answer")


@pytest.mark.parametrize("method, path, allow", [("POST", "whoami", "GET, HEAD"), ("GET", "echo", "POST"),
                                                 ("OPTIONS", "slow", "GET, HEAD, POST"), ("get", "whoami", "GET, HEAD")])
def test_method_that_is_not_taken(echo, method, path, allow):
    answer = ask(echo, {**get(f"/billing/{path}"), "REQUEST_METHOD": method})
    assert (answer.status, error(answer)["code"], answer.headers["Allow"]) == (405, "method_not_allowed", allow)


@pytest.mark.parametrize("path", ["/billing/nothing", "/billing/whoami/", "/billing/", "/", "/whoam%69",
                                  "/billing/" + "x" * 100, "/whoami/?/whoami", "/nothing#/whoami"])
def test_unknown_endpoint(echo, path):
    answer = ask(echo, get(path))
    assert (answer.status, error(answer)["code"]) == (404, "endpoint_unknown")


@pytest.mark.parametrize("path", ["/whoami", "/a/b/whoami", "/whoami?x=/nothing"])
def test_endpoint_may_be_anywhere(echo, path):
    assert ask(echo, get(path)).status == 200


def test_every_answer_is_for_this_caller_only(echo):
    for path in ("whoami", "empty", "nothing", "fail", "private"):
        assert ask(echo, get(f"/billing/{path}")).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("content_type, body", [
    ("application/json", b'{"text":"a b","number":7,"color":"green"}'),
    ("application/json", b'{"text":"a b","number":"7","color":"green"}\n'),
    ("application/json", b'{"text":"a b","number":7,"color":"green","a:\\":":[{"text":":"},{"text":{}}]}'),
    (FORM, b"text=a+b&number=7&color=green"),
    (FORM + ";charset=UTF-8", b"text=a%20b&number=7&color=green&other=1"),
])
def test_fields(echo, content_type, body):
    assert json.loads(send(echo, body, content_type).body) == {"text": "a b", "number": 7, "color": "green"}


def test_fields_of_a_query(echo):
    answer = ask(echo, get("/billing/query?text=a&number=0&color=red"))
    assert json.loads(answer.body) == {"text": "a", "number": 0, "color": "red"}


@pytest.mark.parametrize("content_type, body", [
    ("application/json", b""), ("text/plain", b""), ("application/json", b"{}"), (FORM, b"text=&number=&color="),
    ("application/json", b'{"text":null,"number":null,"color":""}')])
def test_absent_fields(echo, content_type, body):
    assert json.loads(send(echo, body, content_type).body) == {"text": None, "number": -1, "color": None}


@pytest.mark.parametrize("param, content_type, body", [
    ("text", "application/json", b'{"text":5}'), ("text", "application/json", b'{"text":["a"]}'),
    ("text", "application/json", b'{"text":"a\\u0000b"}'), ("text", "application/json", b'{"text":"a\\nb"}'),
    ("text", "application/json", b'{"text":"%s"}' % (b"x" * 65)), ("text", FORM, b"text=a&text=b"),
    ("text", FORM, b"text=a&text=a"), ("text", FORM, b"text=a%0ab"), ("number", FORM, b"number=7x"),
    ("number", FORM, b"number=-1"), ("number", FORM, b"number=99999999999999999999"),
    ("number", "application/json", b'{"number":7.5}'), ("number", "application/json", b'{"number":true}'),
    ("number", "application/json", b'{"number":101}'), ("color", FORM, b"color=blue"),
    ("color", "application/json", b'{"color":1}')])
def test_field_that_is_refused_is_named(echo, param, content_type, body):
    answer = send(echo, body, content_type)
    assert (answer.status, error(answer)["param"]) == (400, param)


@pytest.mark.parametrize("content_type, body, status", [
    ("application/json", b"[]", 400), ("application/json", b"5", 400), ("application/json", b'{"text":', 400),
    ("application/json", b"{} {}", 400), ("application/json", b"{'text':1}", 400),
    ("application/json", b'{"text":"\xff"}', 400), ("application/json", b'{"a":' * 40 + b"1" + b"}" * 40, 400),
    ("application/json", b"{}\0", 400), ("application/json", b'{"text":"a","text":"a"}', 400),
    ("application/json", b'{"a":{"b":1,"\\u0062":1}}', 400), (FORM, b"text=%zz", 400), (FORM, b"text=%ff", 400), (FORM, b"text=%00", 400),
    ("text/plain", b"{}", 415), ("", b"{}", 415), ("multipart/form-data; boundary=x", b"--x--", 415)])
def test_malformed_body(echo, content_type, body, status):
    assert send(echo, body, content_type).status == status


def test_malformed_query(echo):
    assert ask(echo, get("/billing/query?text=%zz")).status == 400


@pytest.mark.parametrize("length", ["-1", "1x", "0x10", " 1", "99999999999999999999999"])
def test_malformed_length(echo, length):
    answer = ask(echo, {**post("/billing/count"), "CONTENT_LENGTH": length})
    assert answer.status in (400, 413)


@pytest.mark.parametrize("to, location", [("/account", f"{ORIGIN}/account"), ("https://x.example/", "https://x.example/")])
def test_redirect(echo, to, location):
    answer = send(echo, f"to={to}".encode(), FORM, path="go")
    assert (answer.status, answer.headers["Location"], answer.body) == (303, location, b"")


def test_log_escapes_what_a_client_sent(echo):
    ask(echo, {**get('/billing/x" y=z'), "REQUEST_METHOD": "GE\nT"})
    assert 'method="GE\\x0aT" endpoint="x\\" y=z"' in echo.log


def test_log_has_no_token_and_no_body(echo):
    token = identity_token("alice")
    send(echo, b'{"text":"my words"}', HTTP_COOKIE=f"tollgate={token}")
    assert echo.events("request")[-1]["status"] == "200"
    assert token not in echo.log and "my words" not in echo.log and "alice" not in echo.log
