"""expand[]: ids become objects, and hidden fields are shown, along a path such as data.customer."""
from errors import invalid
from objects import TABLE, render

DEEPEST = 4
HIDDEN = {}


def hidden(kind, field):
    """Registers a field that is only there when it is expanded, and how to make it."""
    def register(function):
        HIDDEN[(kind, field)] = function
        return function
    return register


def expanded(acct, obj, paths):
    whole = render(obj)
    for path in paths:
        steps = path.split(".")
        if len(steps) - (steps[0] == "data") > DEEPEST:
            raise invalid("You cannot expand more than %d levels of a property (%s)." % (DEEPEST, path), "expand")
        walk(acct, whole, steps, path, [])
    return whole


def refuse(path):
    raise invalid("This property cannot be expanded (%s)." % path, "expand")


def walk(acct, node, steps, path, trail):
    """trail is (object, fields from it down to node), so that its kind says what may be expanded."""
    if isinstance(node, list):
        for item in node:
            walk(acct, item, steps, path, trail)
        return
    if node is None or not steps:
        return
    if not isinstance(node, dict):
        refuse(path)
    if node.get("object") in TABLE:
        trail = [node, ""]
    step, rest = steps[0], steps[1:]
    if trail and (trail[0]["object"], trail[1] + step) in HIDDEN:
        node[step] = render(HIDDEN[(trail[0]["object"], trail[1] + step)](acct, trail[0]))
    elif step not in node:
        refuse(path)
    kind = trail and TABLE[trail[0]["object"]]["expand"].get(trail[1] + step)
    if kind:
        node[step] = fetch(acct, kind, node[step])
    elif not rest and not isinstance(node[step], (dict, list)):
        refuse(path)
    walk(acct, node[step], rest, path, trail and [trail[0], trail[1] + step + "."])


def fetch(acct, kind, value):
    if isinstance(value, list):
        return [fetch(acct, kind, item) for item in value]
    if isinstance(value, str):
        obj = acct.get(kind, value)
        return render(obj) if obj else value
    return value
