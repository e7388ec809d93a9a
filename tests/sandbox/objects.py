"""What every object has in common: id, the fields that may be null, metadata, rendering, differences."""
import copy
import json
import os
import random
import re

from errors import invalid

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
EMBEDDED = 10
EMAIL = re.compile(r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$")
URL = re.compile(r"^https?://[^\s/?#]+")

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "objects.json")) as _source:
    _tables = json.load(_source)
TABLE = _tables["objects"]
ANSWERS = _tables["answers"]


def new_id(prefix, length=24):
    return prefix + "".join(random.choices(ALPHABET, k=length))


def blank(kind, identifier, **fields):
    """An object of this kind with everything nullable null, then these fields."""
    obj = {"id": identifier, "object": kind}
    obj.update(dict.fromkeys(TABLE[kind]["null"]))
    obj.update(fields)
    return obj


class Unshown(int):
    """A number that the world does not see: a metered item has no quantity."""


def render(obj, inner=False):
    """What the world sees: a deep copy without our private fields (their names start with _), in which
    lists inside objects end after ten."""
    if isinstance(obj, dict):
        shown = {key: render(value, True) for key, value in obj.items()
                 if key[0:1] != "_" and not isinstance(value, Unshown)}
        if inner and shown.get("object") == "list" and len(shown["data"]) > EMBEDDED:
            shown.update(data=shown["data"][:EMBEDDED], has_more=True)
        return shown
    if isinstance(obj, list):
        return [render(value, True) for value in obj]
    return obj


def previous(old, new):
    """Stripe's previous_attributes: what was different, hashes by key, arrays whole."""
    changed = {}
    for key in list(old) + [key for key in new if key not in old]:
        before, after = old.get(key), new.get(key)
        if before == after and (key in old) == (key in new):
            continue
        both = isinstance(before, dict) and isinstance(after, dict)
        changed[key] = previous(before, after) if both else copy.deepcopy(before)
    return changed


def list_of(data, url, has_more=False):
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def set_metadata(obj, given, param="metadata"):
    """Merges metadata the way Stripe does: an empty value deletes its key, an empty string all."""
    if given is None:
        return
    merged = {} if given == "" else dict(obj.get("metadata") or {})
    for key, value in (given or {}).items():
        check_metadata_pair(key, value, param)
        if value == "":
            merged.pop(key, None)
        else:
            merged[key] = value
    if len(merged) > 50:
        raise invalid("Metadata can have at most 50 keys; you passed in %d." % len(merged), param)
    obj["metadata"] = merged


def check_metadata_pair(key, value, param):
    where = "%s[%s]" % (param, key)
    if len(key) > 40:
        raise invalid("Metadata keys can be at most 40 characters; you passed in one that is %d." % len(key), where)
    if len(value) > 500:
        raise invalid("Metadata values can have up to 500 characters, but you passed in a value that is %d "
                      "characters. Invalid value: %s" % (len(value), value), where)


def metadata_of(p, param="metadata"):
    holder = {}
    set_metadata(holder, p.get("metadata", {}), param)
    return holder["metadata"]


def update(obj, p, names):
    """Copies the given parameters of these names; an empty string unsets."""
    for name in names:
        if name in p:
            obj[name] = None if p[name] == "" else p[name]


def check_email(value, param="email"):
    if value and (len(value) > 512 or not EMAIL.match(value)):
        raise invalid("Invalid email address: %s" % value, param, "email_invalid")


def check_url(value, param):
    if value and not URL.match(value):
        raise invalid("Not a valid URL", param, "url_invalid")


ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def filled(given, names):
    """A hash with all of these names, null where nothing was given; nothing stays nothing."""
    return {name: given.get(name) for name in names} if given else None


def address(given):
    return filled(given, ADDRESS)
