"""Abuses of the method and the path, and of what leads to the gate."""
from .abuse import Abuse, by_server, table
from .endpoints import Outcome
from .identity import LIKE_USER

ALLOW = {"GET": "GET, HEAD", "POST": "POST"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND")


def is_endpoint(endpoint):
    return not endpoint.is_gate


def is_gate(endpoint):
    return endpoint.is_gate


def other_methods(endpoint):
    return tuple(method for method in METHODS if method not in ALLOW[endpoint.method].split(", "))


def by_method(case):
    case.request.method = case.variant


def not_allowed(case):
    """A HEAD has no body that could name the code."""
    code = None if case.variant == "HEAD" else "method_not_allowed"
    return Outcome(405, code, allow=ALLOW[case.endpoint.method])


def method_in_header(case):
    case.request.header("X-HTTP-Method-Override", case.endpoint.method)
    case.request.method = "PUT"


def method_in_lower_case(case):
    case.request.method = case.endpoint.method.lower()


def path(change):
    def bend(case):
        case.request.path = change(case.endpoint.name)
    return bend


ELSEWHERE = {
    "slash_behind": path(lambda name: f"/billing/{name}/"),
    "upper_case": path(lambda name: f"/billing/{name.upper()}"),
    "path_parameter": path(lambda name: f"/billing/{name};x=y"),
    "line_in_path": path(lambda name: f"/billing/{name}%0d%0aX-Evil:yes"),
    "more_in_path": path(lambda name: f"/billing/{name}/x"),
}
# The web server takes these for the location, and still the last segment is no endpoint's name.
ESCAPED = {"encoded_letter": path(lambda name: f"/billing/%{ord(name[0]):x}{name[1:]}")}
ESCAPED_SLASHES = {
    "encoded_slash": path(lambda name: f"/billing%2F{name}"),
    "encoded_dots": path(lambda name: f"/billing/x%2f..%2f{name}"),
}
NEIGHBOUR = {"GET": "create-customer", "POST": "config"}


def has_a_neighbour(endpoint):
    """One location of its program could lead to another endpoint of it."""
    return endpoint.needs_user and endpoint.name not in (
        "access", "create-checkout-session", "expire-checkout-session", "session-status", "customer-portal")


def behind_a_fragment(case):
    """nginx takes the location of what stands before the #."""
    case.request.path = f"/billing/{NEIGHBOUR[case.endpoint.method]}#/{case.endpoint.name}"


def of_the_neighbour(case):
    return Outcome(405, "method_not_allowed", allow=ALLOW["GET" if case.endpoint.method == "POST" else "POST"])


PROTECTED = ("//members/page", "/members//page", "/members/./page", "/x/../members/page", "/members/x/../page",
             "/%6dembers/page", "/members/page?a=/b", "/members/none.html", "/members/", "/premium/page")
INTERNAL = ("/_tollgate/any", "/_tollgate/plan:basic", "/%5ftollgate/any", "//_tollgate/any",
            "/members/../_tollgate/any", "/_tollgate/", "/_tollgate/any?x=y", "/_tollgate%2fany",
            "/_tollgate_pages/401.html")
LIKE_REQUIREMENT = ("TOLLGATE_REQUIRE", "Tollgate-Require", "Tollgate_Require")
LIKE_ANSWER = ("Tollgate-User", "Tollgate-Status", "Tollgate-Plan", "Tollgate-Features", "Tollgate-Until")


def at_path(case):
    case.request.path = case.variant


def by_nobody(case):
    at_path(case)
    case.request.drop("Authorization")


def by_nobody_with_method(case):
    by_method(case)
    case.request.drop("Authorization")


def wants_premium(case):
    case.request.path = "/premium/page"


def wants_premium_by_header(value):
    def bend(case):
        wants_premium(case)
        case.request.header(case.variant, value)
    return bend


def nobody_known(case):
    case.bear(sub="nobody-at-all")


def nobody_known_with_header(case):
    nobody_known(case)
    case.request.header(case.variant, case.owner.name)


UNPAID = by_server(Outcome(403), Outcome(402))
# Redis does not know her: the gate leaves a wish, and says that it cannot tell.
WISH = Outcome(503, moves=("wishes *",))

ABUSES = [
    Abuse("method", is_endpoint, by_method, not_allowed, other_methods),
    Abuse("method_in_header", is_endpoint, method_in_header, not_allowed),
    Abuse("method_in_lower_case", is_endpoint, method_in_lower_case, by_server(Outcome(400), not_allowed)),
    *table(is_endpoint, Outcome(404), ELSEWHERE),
    *table(is_endpoint, Outcome(404, "endpoint_unknown"), ESCAPED),
    *table(is_endpoint, by_server(Outcome(404, "endpoint_unknown"), Outcome(404)), ESCAPED_SLASHES),
    Abuse("behind_a_fragment", has_a_neighbour, behind_a_fragment, by_server(of_the_neighbour, Outcome(400))),
    Abuse("page_by_another_path", is_gate, by_nobody, Outcome(401), lambda _: PROTECTED),
    Abuse("page_by_an_encoded_slash", is_gate, by_nobody, by_server(Outcome(401), Outcome(404)),
          lambda _: ("/members%2fpage",)),
    Abuse("page_with_a_fragment", is_gate, by_nobody, by_server(Outcome(401), Outcome(400)),
          lambda _: ("/members/page#x",)),
    Abuse("page_by_another_method", is_gate, by_nobody_with_method, Outcome(401), lambda _: METHODS),
    Abuse("gate_from_outside", is_gate, at_path, Outcome(404), lambda _: INTERNAL),
    Abuse("other_plan", is_gate, wants_premium, UNPAID),
    Abuse("requirement_in_header", is_gate, wants_premium_by_header("any"), UNPAID, lambda _: LIKE_REQUIREMENT),
    Abuse("answer_in_header", is_gate, wants_premium_by_header("premium"), UNPAID, lambda _: LIKE_ANSWER),
    Abuse("stranger", is_gate, nobody_known, WISH),
    Abuse("stranger_with_a_quote", is_gate, lambda case: case.bear(sub="nobody' OR 'x"), WISH),
    Abuse("stranger_with_a_header", is_gate, nobody_known_with_header, WISH, lambda _: LIKE_USER),
]
