"""Stripe's search language over objects, as they were search_lag seconds of real time ago."""
import re
import time

from errors import invalid
from lists import limit_of

TERM = re.compile(r"""\s*(-?)([a-z_.]+)(?:\[(?P<q>["'])((?:\\.|(?!(?P=q)).)*)(?P=q)\])?\s*
                      (:|~|>=|<=|>|<)\s*(?:(?P<v>["'])((?:\\.|(?!(?P=v)).)*)(?P=v)|(null|-?\d+))""", re.X | re.S)
JOIN = re.compile(r"\s+(AND|OR)(?=\s)", re.I)


def unquoted(text):
    return re.sub(r"\\(.)", r"\1", text, flags=re.S)


def malformed(query):
    return invalid("We were unable to parse your search query. Learn more about the search syntax at "
                   "https://stripe.com/docs/search-api#search-query-language.", "query")


def parse(query, fields):
    """[(negated, field, metadata key, operator, value)] and how they are joined."""
    terms, joins, at = [], set(), 0
    while True:
        found = TERM.match(query, at)
        if not found:
            raise malformed(query)
        terms.append(term(found, fields))
        at = found.end()
        joined = JOIN.match(query, at)
        if not joined:
            break
        joins.add(joined.group(1).upper())
        at = joined.end()
    if query[at:].strip():
        raise malformed(query)
    if len(joins) > 1:
        raise invalid("You cannot combine both AND and OR operators in the same query.", "query")
    return terms, any if joins == {"OR"} else all


def term(found, fields):
    minus, field, _, key, operator, quote, text, bare = found.groups()
    if field != "metadata" if key is not None else field not in fields:
        raise invalid("Field `%s` is an unsupported search field for this resource. See "
                      "https://stripe.com/docs/search-api#query-fields-for-customers for a list of supported fields."
                      % field, "query")
    value = unquoted(text) if quote else (None if bare == "null" else int(bare))
    if operator == "~" and len(value or "") < 3:
        raise invalid("Substring search requires at least 3 characters.", "query")
    return bool(minus), field, None if key is None else unquoted(key), operator, value


def holds(obj, condition):
    negated, field, key, operator, wanted = condition
    value = (obj.get("metadata") or {}).get(key) if key is not None else obj.get(field)
    return compare(value, operator, wanted) != negated


def compare(value, operator, wanted):
    if wanted is None or value is None:
        return value is None and wanted is None
    if operator == "~":
        return wanted.lower() in value.lower()
    if operator == ":":
        return str(value).lower() == str(wanted).lower()
    tests = {">": value.__gt__, "<": value.__lt__, ">=": value.__ge__, "<=": value.__le__}
    return tests[operator](wanted)


def as_indexed(acct, obj):
    """The object as search sees it, or None when it is too new to be seen."""
    lag = acct.setting("search_lag")
    seen = [version for at, version in acct.versions[obj["id"]] if at <= time.monotonic() - lag]
    return seen[-1] if seen else None


def page(acct, objects, p, fields, url):
    terms, join = parse(p["query"], fields)
    indexed = ((obj, as_indexed(acct, obj)) for obj in objects)
    found = [obj for obj, seen in indexed if seen and join(holds(seen, condition) for condition in terms)]
    start, limit = start_of(p), limit_of(p)
    more = len(found) > start + limit
    return {"object": "search_result", "data": found[start:start + limit], "has_more": more,
            "next_page": "page_%d" % (start + limit) if more else None, "url": url}


def start_of(p):
    found = re.match(r"^page_(\d+)$", p.get("page", "page_0"))
    if not found:
        raise invalid("Invalid page: %s" % p["page"], "page")
    return int(found.group(1))
