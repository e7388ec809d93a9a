"""Abuses of what belongs to somebody else, or is not for sale."""
import time

from .abuse import Abuse, table
from .endpoints import NEW_PLAN, PLAN, Outcome
from .identity import LIKE_USER

# What else may stand in an id: another path or query of Stripe's API.
TRAVERSALS = ("../customers", "x/../../customers", "x?expand[]=customer", "x%2f..%2fcustomers", "x#", "x y")


def ids(endpoint):
    return tuple(endpoint.ids)


def unknown(case):
    """The same for one of another's and for none, so that nobody learns what there is."""
    name = case.variant.partition("=")[0]
    return Outcome(404, case.endpoint.ids[name][1], name, moves=case.endpoint.moves)


def of_the_victim(case):
    kind, _ = case.endpoint.ids[case.variant]
    case.request.set(case.variant, getattr(case.world.victim, kind))


def of_nobody(case):
    case.request.set(case.variant, "none_of_this_kind")


def ids_and_traversals(endpoint):
    return tuple(f"{name}={value}" for name in endpoint.ids for value in TRAVERSALS)


def traversal(case):
    name, _, value = case.variant.partition("=")
    case.request.set(name, value)


def names_what_is_owned(endpoint):
    return endpoint.stranger is not None and endpoint.stranger.status == 404 and endpoint.ids


def first_of_the_owners(case):
    """What is refused first of what the good request names."""
    name = next((name for name, _ in case.request.fields if name in case.endpoint.ids))
    return Outcome(404, case.endpoint.ids[name][1], name)


def by_the_victim(case):
    case.bear(case.world.victim.token())


def user_beside_token(case):
    """The victim, who is somebody, says that she is the owner."""
    by_the_victim(case)
    case.request.header(case.variant, case.owner.name)


def told_as_stranger(endpoint):
    return endpoint.stranger is not None


def user_id(form):
    """Somebody whose id would end the quotes of a search."""
    return lambda case: case.bear(sub=form.format(case.owner.name), scope="server")


def as_stranger(case):
    return case.endpoint.stranger


def prices(endpoint):
    return endpoint.prices


def only(case, value):
    """This field alone names the plan."""
    case.request.fields = [pair for pair in case.request.fields if pair[0] not in (*PLAN, *NEW_PLAN)]
    case.request.set(case.variant, value)


def kind_of(name):
    return next(kind for kind in ("price", "lookup", "plan") if kind in name.lower())


def sold_as(lookup_key, plan):
    """Names it by whatever the field takes."""
    def bend(case):
        names = {"price": case.world.price(lookup_key), "lookup": lookup_key, "plan": plan}
        only(case, names[kind_of(case.variant)])
    return bend


def not_for_sale(case):
    code = "plan_unknown" if kind_of(case.variant) == "plan" else "price_not_in_plans"
    name = "lookupKey" if case.variant == "lookup_key" else case.variant    # another spelling of it
    return Outcome(400, code, name, moves=case.endpoint.moves)


PATHS = ("https://evil.example/", "http://evil.example", "//evil.example", "///evil.example", "/\\evil.example",
         "\\\\evil.example", "/account\\..\\evil", "evil.example", "@evil.example", ":80@evil.example",
         ".evil.example/", "javascript:alert(1)", "/\t/evil.example", "/\r\n/evil.example", "/account\r\nX-Evil: yes",
         " /account", "\t//evil.example", "/\u2028/evil.example", "?x", "#x")


def return_path(case):
    case.request.set("returnPath", case.variant)


def updates(endpoint):
    return endpoint.name == "update-subscription"


def date(value):
    return lambda case: case.request.set("prorationDate", value(case))


DATES = {
    "date_of_no_preview": date(lambda case: case.owner.proration_date - 1),
    "date_of_long_ago": date(lambda case: case.owner.proration_date - 29 * 86400),
    "date_to_come": date(lambda case: int(time.time()) + 20 * 86400),
    "largest_date": date(lambda case: 2**53 - 1),
    "date_of_another_change": lambda case: case.request.set("newPriceId", case.world.price("premium_yearly")),
}

ABUSES = [
    Abuse("id_of_the_victims", ids, of_the_victim, unknown, ids),
    Abuse("id_of_nobody", ids, of_nobody, unknown, ids),
    Abuse("id_that_is_a_path", ids, traversal, unknown, ids_and_traversals),
    Abuse("owners_request_by_the_victim", names_what_is_owned, by_the_victim, first_of_the_owners),
    Abuse("user_in_header_beside_a_token", names_what_is_owned, user_beside_token, first_of_the_owners,
          lambda _: LIKE_USER),
    *table(told_as_stranger, as_stranger, {
        "quote_in_user_id": user_id("{}'"),
        "quote_in_user_id_that_asks_for_all": user_id("{0}' AND -metadata['tollgate_user']:'{0}"),
        "backslash_in_user_id": user_id("{}\\"),
    }),
    *table(prices, not_for_sale, {
        "price_in_no_plan": sold_as("unsold_monthly", "unsold"),
        "price_of_the_other_site": sold_as("others_monthly", "others"),
        "product_for_a_price": lambda case: only(case, "prod_basic"),
    }, variants=prices),
    Abuse("return_url", lambda endpoint: endpoint.paths, return_path,
          Outcome(400, "parameter_invalid", "returnPath"), lambda _: PATHS),
    *table(updates, lambda case: Outcome(400, "preview_expired", "prorationDate", moves=case.endpoint.moves), DATES),
]
