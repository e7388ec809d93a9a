"""expand[]: ids become objects, and hidden fields are shown, along a path such as data.customer."""
from errors import invalid, unstored
from objects import ANSWERS, TABLE, render

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


def check(route, paths, may_read):
    """Refuses, before anything is done, what cannot be expanded or what the key may not read."""
    for path in paths:
        kind, steps = ANSWERS[route] or "", path.split(".")
        if len(steps) > DEEPEST:
            raise unstored(invalid("You cannot expand more than %d levels of a property. Property: %s"
                                   % (DEEPEST, path), "expand"))
        if kind.startswith("["):
            if steps.pop(0) != "data":
                refuse(path, " You may want to try expanding 'data.%s' instead." % path)
            kind = kind[1:-1]
        check_steps(kind, steps, path, may_read)


def refuse(path, hint=""):
    raise unstored(invalid("This property cannot be expanded (%s).%s" % (path, hint), "expand"))


def check_steps(kind, steps, path, may_read):
    field = ""
    for step in steps:
        field += step
        table = TABLE.get(kind, {"expand": {}, "inside": {}})
        if field in table["expand"]:
            kind, field = table["expand"][field], ""
            if kind in RESOURCES:
                may_read(RESOURCES[kind])
        elif field in table["inside"]:
            kind, field = table["inside"][field], ""
        elif leads_on(kind, table, field):
            field += "."
        else:
            refuse(path)


def leads_on(kind, table, field):
    """A hidden field, or a hash or list on the way to something."""
    below = [name for name in (*table["expand"], *table["inside"]) if name.startswith(field + ".")]
    return below or any(owner == kind and (name + ".").startswith(field + ".") for owner, name in HIDDEN)


def expanded(acct, obj, paths):
    whole = render(obj)
    for path in paths:
        walk(acct, whole, path.split("."), None, "")
    return whole


def walk(acct, node, steps, owner, field):
    """owner is the object that we are in, field the way from it down to node."""
    if isinstance(node, list):
        for item in node:
            walk(acct, item, steps, owner, field)
    if not isinstance(node, dict) or not steps:
        return
    if node.get("object") in TABLE:
        owner, field = node, ""
    step, field = steps[0], field + steps[0]
    kind = owner and owner["object"]
    if (kind, field) in HIDDEN:
        node[step] = render(HIDDEN[(kind, field)](acct, owner))
    elif kind and field in TABLE[kind]["expand"]:
        node[step] = fetch(acct, TABLE[kind]["expand"][field], node[step])
    walk(acct, node.get(step), steps[1:], owner, field + ".")


def fetch(acct, kind, value):
    if isinstance(value, list):
        return [fetch(acct, kind, item) for item in value]
    obj = acct.get(kind, value) if isinstance(value, str) else None
    return render(obj) if obj else value
