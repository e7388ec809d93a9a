"""expand[]: ids become objects, and hidden fields are shown, along a path such as data.customer."""
from errors import invalid
from objects import TABLE, render

DEEPEST = 4
HIDDEN = {}
RESOURCES = {"billing_portal.configuration": "customer_portal", "coupon": "coupon", "customer": "customer",
             "discount": "coupon", "entitlements.feature": "entitlement", "invoice": "invoice",
             "payment_intent": "payment_intent", "payment_method": "payment_method", "price": "price",
             "product": "product", "promotion_code": "promotion_code", "setup_intent": "setup_intent",
             "subscription": "subscription"}


def hidden(kind, field):
    """Registers a field that is only there when it is expanded, and how to make it."""
    def register(function):
        HIDDEN[(kind, field)] = function
        return function
    return register


def expanded(acct, obj, paths, may_read):
    """obj as it is shown; may_read(kind) refuses what the key may not see."""
    whole = render(obj)
    for path in paths:
        steps = path.split(".")
        if len(steps) - (steps[0] == "data") > DEEPEST:
            raise invalid("You cannot expand more than %d levels of a property (%s)." % (DEEPEST, path), "expand")
        walk(Expansion(acct, may_read, path), whole, steps, [])
    return whole


class Expansion:
    def __init__(self, acct, may_read, path):
        self.acct = acct
        self.may_read = may_read
        self.path = path


def refuse(path):
    raise invalid("This property cannot be expanded (%s)." % path, "expand")


def walk(expansion, node, steps, trail):
    """trail is (object, fields from it down to node), so that its kind says what may be expanded."""
    if isinstance(node, list):
        for item in node:
            walk(expansion, item, steps, trail)
        return
    if node is None or not steps:
        return
    if not isinstance(node, dict):
        refuse(expansion.path)
    if node.get("object") in TABLE:
        trail = [node, ""]
    step, rest = steps[0], steps[1:]
    if trail and (trail[0]["object"], trail[1] + step) in HIDDEN:
        node[step] = render(HIDDEN[(trail[0]["object"], trail[1] + step)](expansion.acct, trail[0]))
    elif step not in node:
        refuse(expansion.path)
    kind = trail and TABLE[trail[0]["object"]]["expand"].get(trail[1] + step)
    if kind:
        node[step] = fetch(expansion, kind, node[step])
    elif not rest and not isinstance(node[step], (dict, list)):
        refuse(expansion.path)
    walk(expansion, node[step], rest, trail and [trail[0], trail[1] + step + "."])


def fetch(expansion, kind, value):
    if isinstance(value, list):
        return [fetch(expansion, kind, item) for item in value]
    if isinstance(value, str):
        expansion.may_read(kind)
        obj = expansion.acct.get(kind, value)
        return render(obj) if obj else value
    return value
