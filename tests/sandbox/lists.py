"""Pages of objects, newest first, and the filters that many lists share."""
from errors import invalid
from objects import list_of


def in_range(value, wanted):
    if wanted is None:
        return True
    if isinstance(wanted, int):
        return value == wanted
    tests = {"gt": value.__gt__, "gte": value.__ge__, "lt": value.__lt__, "lte": value.__le__}
    return all(tests[name](bound) for name, bound in wanted.items())


def limit_of(p):
    limit = p.get("limit", 10)
    if limit < 1:
        raise invalid("This value must be greater than or equal to 1.", "limit", "parameter_invalid_integer")
    if limit > 100:
        raise invalid("This value must be less than or equal to 100 (it currently is '%d')." % limit, "limit",
                      "parameter_invalid_integer")
    return limit


def position(objects, identifier, param):
    for index, obj in enumerate(objects):
        if obj["id"] == identifier:
            return index
    raise invalid("No such object: '%s'" % identifier, param, "resource_missing")


def page(objects, p, url):
    """One page of objects (newest first) by limit, starting_after and ending_before."""
    limit, objects = limit_of(p), list(objects)
    if "starting_after" in p and "ending_before" in p:
        raise invalid("You may only specify one of these parameters: starting_after, ending_before.",
                      "starting_after")
    if "ending_before" in p:
        end = position(objects, p["ending_before"], "ending_before")
        start = max(0, end - limit)
        return list_of(objects[start:end], url, start > 0)
    start = position(objects, p["starting_after"], "starting_after") + 1 if "starting_after" in p else 0
    return list_of(objects[start:start + limit], url, len(objects) > start + limit)


def where(objects, p, *names):
    """Those whose fields of these names equal the given parameters, and whose created fits."""
    for obj in objects:
        if all(name not in p or obj.get(name) == p[name] for name in names) \
                and in_range(obj.get("created", 0), p.get("created")):
            yield obj
