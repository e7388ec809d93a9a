"""Rewrite parameters.json and objects.json from an OpenAPI description of Stripe's API.

usage: python3 derive_tables.py SPEC.json

parameters.json holds, for every route in routes.py, the parameters it takes:
  "s" string, "i" integer, "n" number, "b" boolean, "d" decimal string,
  ["a", "b"] one of these, {"[]": T} array, {"{}": T} map, {"|": [T, U]} either,
  {"?": T} T or the empty string, "@NAME" a type under "shared",
  {"name": T, "*other": T} an object, * marks what is required.
objects.json holds, for every object we answer, the fields that are always there and
may be null, the fields that can be expanded with what they expand to, and the objects
that are inside it; and what every route answers, [x] being a list of x.
"""
import collections
import json
import os
import re
import sys

import routes

HERE = os.path.dirname(os.path.abspath(__file__))
SCALARS = {"string": "s", "integer": "i", "number": "n", "boolean": "b"}
OBJECTS = """billing.meter billing.meter_event billing.meter_event_summary
billing_portal.configuration billing_portal.session checkout.session coupon customer
customer_session discount entitlements.active_entitlement entitlements.active_entitlement_summary
entitlements.feature event invoice invoice_payment item line_item payment_intent payment_method
plan price product product_feature promotion_code setup_intent subscription subscription_item
webhook_endpoint""".split()


def parameter_type(schema):
    if "anyOf" in schema:
        return union_type(schema["anyOf"])
    if "enum" in schema:
        return schema["enum"]
    kind = schema.get("type", "string")
    if kind == "array":
        return {"[]": parameter_type(schema["items"])}
    if kind == "object":
        return object_type(schema)
    return "d" if schema.get("format") == "decimal" else SCALARS[kind]


def union_type(schemas):
    full = [s for s in schemas if s.get("enum") != [""]]
    types = [parameter_type(s) for s in full]
    whole = types[0] if len(types) == 1 else {"|": types}
    return whole if len(full) == len(schemas) else {"?": whole}


def object_type(schema):
    extra = schema.get("additionalProperties")
    if "properties" not in schema:
        return {"{}": parameter_type(extra) if isinstance(extra, dict) else "s"}
    required = schema.get("required", [])
    return {("*" if name in required else "") + name: parameter_type(value)
            for name, value in schema["properties"].items()}


def route_parameters(operation):
    body = operation.get("requestBody", {}).get("content", {}).get("application/x-www-form-urlencoded", {})
    table = object_type(body["schema"]) if body.get("schema", {}).get("properties") else {}
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "query":
            star = "*" if parameter.get("required") else ""
            table[star + parameter["name"]] = parameter_type(parameter["schema"])
    return table


class Sharing:
    """Gives every large type that comes more than once a name of its own."""

    def __init__(self, tables):
        self.seen = collections.Counter()
        self.names = {}
        self.shared = {}
        for table in tables:
            self.count(table)

    def count(self, kind):
        self.seen[json.dumps(kind)] += 1
        if self.seen[json.dumps(kind)] == 1 and isinstance(kind, dict):
            for key, value in kind.items():
                for part in value if key == "|" else [value]:
                    self.count(part)

    def replace(self, kind):
        text = json.dumps(kind)
        if self.seen[text] > 1 and len(text) > 60:
            if text not in self.names:
                self.names[text] = "@%d" % (len(self.names) + 1)
                self.shared[self.names[text]] = self.inside(kind)
            return self.names[text]
        return self.inside(kind)

    def inside(self, kind):
        if not isinstance(kind, dict):
            return kind
        return {key: [self.replace(part) for part in value] if key == "|" else self.replace(value)
                for key, value in kind.items()}


def parameters(spec):
    found = {}
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            route = "%s %s" % (method.upper(), re.sub(r"\{\w+\}", "{id}", path))
            found[route] = route_parameters(operation)
    wanted = {"%s %s" % (r.method, r.path): found["%s %s" % (r.method, r.path)] for r in routes.ROUTES}
    sharing = Sharing(wanted.values())
    tables = {route: sharing.inside(table) for route, table in sorted(wanted.items())}
    return {"shared": sharing.shared, "routes": tables}


def ref_name(schema):
    return schema["$ref"].rsplit("/", 1)[1] if "$ref" in schema else None


def references(schemas, properties, prefix=""):
    """(path, kind, expandable) of every object that is referred to from here, through plain hashes and lists."""
    for field, schema in properties.items():
        schema, path = schema.get("items", schema), prefix + field
        kinds = [ref_name(option) for option in schema.get("anyOf", [schema]) if ref_name(option)]
        if "x-expansionResources" in schema:
            yield path, kinds[0], True
        elif kinds and "__" not in kinds[0]:
            yield path, kinds[0], False
        elif kinds or "properties" in schema:
            inner = schemas[kinds[0]] if kinds else schema
            yield from references(schemas, inner.get("properties", {}), path + ".")


def nullable(schema):
    return schema.get("nullable", False)


def describe(schemas, name):
    properties = schemas[name]["properties"]
    found = list(references(schemas, properties))
    return {"null": [field for field in schemas[name]["required"] if nullable(properties[field])],
            "expand": {path: kind for path, kind, expandable in found if expandable},
            "inside": {path: kind for path, kind, expandable in found if not expandable and kind in OBJECTS}}


def answered(schema):
    """What a route answers: an object, or a list of objects."""
    if "properties" in schema and "data" in schema["properties"]:
        return "[%s]" % ref_name(schema["properties"]["data"]["items"])
    return ref_name(schema.get("anyOf", [schema])[0])


def answers(spec):
    found = {}
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            route = "%s %s" % (method.upper(), re.sub(r"\{\w+\}", "{id}", path))
            found[route] = answered(operation["responses"]["200"]["content"]["application/json"]["schema"])
    return {route: found[route] for route in sorted("%s %s" % (r.method, r.path) for r in routes.ROUTES)}


def objects(spec):
    schemas = spec["components"]["schemas"]
    return {"objects": {name: describe(schemas, name) for name in OBJECTS}, "answers": answers(spec)}


def write(name, table):
    lines = []
    for section, rows in table.items():
        body = ",\n".join("  %s: %s" % (json.dumps(k), json.dumps(v, separators=(",", ":"))) for k, v in rows.items())
        lines.append(" %s: {\n%s\n }" % (json.dumps(section), body))
    with open(os.path.join(HERE, name), "w") as out:
        out.write("{\n%s\n}\n" % ",\n".join(lines))


def main():
    with open(sys.argv[1]) as source:
        spec = json.load(source)
    write("parameters.json", parameters(spec))
    write("objects.json", objects(spec))


if __name__ == "__main__":
    main()
