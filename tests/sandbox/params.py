"""Form parameters: decoded from a[b][0][c]=, then typed and checked against parameters.json."""
import json
import os
import re
import urllib.parse

from errors import StripeError, invalid, unstored

KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
INTEGER = re.compile(r"^[+-]?\d+$")
DECIMAL = re.compile(r"^[+-]?\d+(\.\d{1,12})?$")
LONGEST_STRING = 5000

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "parameters.json")) as _source:
    _tables = json.load(_source)
SHARED = _tables["shared"]
ROUTES = _tables["routes"]


def refuse(message, param, code=None):
    raise unstored(invalid(message, param, code))


def decode(text):
    """'a[b][]=1' becomes {'a': {'b': ['1']}}; indexes stay keys until the type is known."""
    tree = {}
    for key, value in urllib.parse.parse_qsl(text, keep_blank_values=True):
        found = KEY.match(key)
        if not found:
            refuse("Invalid parameter name: %s" % key, key)
        insert(tree, [found.group(1)] + re.findall(r"\[([^\[\]]*)\]", found.group(2)), value, key)
    return tree


def insert(node, path, value, whole):
    head, rest = path[0], path[1:]
    if isinstance(node, list):
        return append(node, path[1:], value, whole)
    if not isinstance(node, dict):
        refuse("Invalid object", whole)
    if not rest:
        node[head] = value
        return None
    return insert(node.setdefault(head, [] if rest[0] == "" else {}), rest, value, whole)


def append(node, rest, value, whole):
    if not rest:
        node.append(value)
        return
    if not node or not isinstance(node[-1], dict) or rest[0] in node[-1]:
        node.append({})
    insert(node[-1], rest, value, whole)


def check(route, tree):
    """The parameters of one route, typed; expand is a list of paths beside them."""
    tree = dict(tree)
    expand = typed({"[]": "s"}, tree.pop("expand", []), "expand")
    return typed_object(ROUTES[route], tree, ""), expand


def typed(kind, value, name):
    if isinstance(kind, str):
        return typed(SHARED[kind], value, name) if kind[0] == "@" else SCALARS[kind](value, name)
    if isinstance(kind, list):
        return typed_choice(kind, value, name)
    if "?" in kind and len(kind) == 1:
        return "" if value == "" else typed(kind["?"], value, name)
    if "|" in kind and len(kind) == 1:
        return typed_union(kind["|"], value, name)
    if "[]" in kind and len(kind) == 1:
        return typed_array(kind["[]"], value, name)
    if not isinstance(value, dict):
        refuse("Invalid object", name)
    if "{}" in kind and len(kind) == 1:
        return {key: typed(kind["{}"], item, "%s[%s]" % (name, key)) if item != "" else ""
                for key, item in value.items()}
    return typed_object(kind, value, name)


def typed_object(table, value, name):
    inner = (lambda key: "%s[%s]" % (name, key)) if name else (lambda key: key)
    known = {key.lstrip("*"): kind for key, kind in table.items()}
    unknown = [inner(key) for key in value if key not in known]
    if unknown:
        many = "s" if len(unknown) > 1 else ""
        refuse("Received unknown parameter%s: %s" % (many, ", ".join(unknown)), unknown[0], "parameter_unknown")
    for key in table:
        if key[0] == "*" and key[1:] not in value:
            refuse("Missing required param: %s." % inner(key[1:]), inner(key[1:]), "parameter_missing")
    return {key: typed(known[key], item, inner(key)) for key, item in value.items()}


def typed_array(kind, value, name):
    if isinstance(value, dict) and value and all(key.isdigit() for key in value):
        value = [value[key] for key in sorted(value, key=int)]
    if not isinstance(value, list):
        refuse("Invalid array", name)
    return [typed(kind, item, "%s[%d]" % (name, index)) for index, item in enumerate(value)]


def typed_union(kinds, value, name):
    problems = []
    for kind in kinds:
        try:
            return typed(kind, value, name)
        except StripeError as error:
            problems.append(error)
    raise problems[0 if isinstance(value, str) else -1]


def typed_choice(choices, value, name):
    if value not in choices:
        some = ", ".join(choices[:-1]) + ", or " + choices[-1] if len(choices) > 2 else " or ".join(choices)
        refuse("Invalid %s: must be one of %s" % (name, some), name)
    return value


def scalar(value, name, kind):
    if not isinstance(value, str):
        refuse("Invalid %s: %s" % (kind, json.dumps(value)), name)
    if value == "":
        refuse("You passed an empty string for '%s'. We assume empty values are an attempt to unset a parameter; "
               "however '%s' cannot be unset. You should remove '%s' from your request or supply a non-empty value."
               % (name, name, name), name, "parameter_invalid_empty")
    return value


def typed_string(value, name):
    if len(scalar(value, name, "string")) > LONGEST_STRING:
        refuse("Invalid string: %s...; must be at most %d characters" % (value[:8], LONGEST_STRING), name,
               "parameter_invalid_string_too_long")
    return value


def typed_integer(value, name):
    if not INTEGER.match(scalar(value, name, "integer")):
        refuse("Invalid integer: %s" % value, name, "parameter_invalid_integer")
    return int(value)


def typed_number(value, name):
    if not DECIMAL.match(scalar(value, name, "decimal")):
        refuse("Invalid decimal: %s" % value, name)
    return float(value) if "." in value else int(value)


def typed_decimal(value, name):
    typed_number(value, name)
    return value


def typed_boolean(value, name):
    if scalar(value, name, "boolean") not in ("true", "false"):
        refuse("Invalid boolean: %s" % value, name)
    return value == "true"


SCALARS = {"s": typed_string, "i": typed_integer, "n": typed_number, "d": typed_decimal, "b": typed_boolean}
