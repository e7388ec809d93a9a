"""Abuses of the body, the query, and the fields in them."""
import json

from .abuse import Abuse, by_server, table
from .endpoints import Outcome
from .wire import Raw, form

LIMIT = 16384        # of a body
MEBIBYTE = 1 << 20   # of the web server's
TOO_MANY = 300       # fields


def has_body(endpoint):
    return endpoint.changes_state


def has_query(endpoint):
    return endpoint.method == "GET" and not endpoint.is_gate


def of_type(content_type):
    def bend(case):
        case.request.body = case.request.content()
        case.request.content_type = content_type
    return bend


def body(change):
    """What is sent in place of the good body."""
    def bend(case):
        case.request.body = change(case.request.content())
    return bend


def form_body(change):
    def bend(case):
        case.request.encode_as_form()
        body(change)(case)
    return bend


def padded(length):
    """The good body, made as long as this."""
    def bend(case):
        case.request.set("padding", "")
        case.request.set("padding", "x" * (length - len(case.request.content())))
        assert len(case.request.content()) == length
    return bend


def padded_form(case):
    case.request.encode_as_form()
    padded(MEBIBYTE)(case)


def chunked(case):
    padded(MEBIBYTE)(case)
    content = case.request.content()
    parts = [content[at:at + 65536] for at in range(0, len(content), 65536)]
    case.request.header("Transfer-Encoding", "chunked")
    case.request.body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    case.request.length = ""


def note(value):
    """In a field that nobody reads."""
    return lambda case: case.request.set("note", Raw(value))


def cut_off(case):
    """The connection ends before the body does."""
    content = case.request.content()
    case.request.body, case.request.length = content[:-1], len(content)


CUT_OFF = by_server(Outcome(None), Outcome(400))


def query(change):
    def bend(case):
        case.request.query = change(form(case.request.fields))
    return bend


MALFORMED = {
    "cut_json": body(lambda good: good[:-1]),
    "json_and_more": body(lambda good: good + b"{}"),
    "json_and_a_nul": body(lambda good: good + b"\0"),
    "list": body(lambda good: b"[" + good + b"]"),
    "only_a_string": body(lambda good: json.dumps(good.decode()).encode()),
    "single_quotes": body(lambda good: good.replace(b'"', b"'")),
    "comment_in_json": body(lambda good: b"/* */" + good),
    "comma_too_many": body(lambda good: good[:-1] + b",}"),
    "utf_16": body(lambda good: good.decode().encode("utf-16")),
    "byte_order_mark": body(lambda good: b"\xef\xbb\xbf" + good),
    "deep_json": note(b'{"a":' * 40 + b"1" + b"}" * 40),
    "deep_list": note(b"[" * 5000 + b"]" * 5000),
    "invalid_utf8": note(b'"\xff\xfe"'),
    "overlong_utf8": note(b'"\xc0\xaf"'),
    "surrogate_in_utf8": note(b'"\xed\xa0\x80"'),
    "nul_byte_in_a_string": note(b'"a\0b"'),
    "newline_in_a_string": note(b'"a\r\nb"'),
    "name_twice_within": note(b'{"a":1,"a":2}'),
    "form_with_nul": form_body(lambda good: good + b"&a=%00"),
    "form_with_a_nul_byte": form_body(lambda good: good + b"&a=\0"),
    "form_with_invalid_utf8": form_body(lambda good: good + b"&a=%ff"),
    "form_with_half_an_escape": form_body(lambda good: good + b"&a=%4"),
    "form_of_too_many_fields": form_body(lambda good: good + b"&a=b" * TOO_MANY),
}
TYPES = {
    "plain_text": of_type("text/plain"),
    "multipart": of_type("multipart/form-data; boundary=x"),
    "xml": of_type("application/xml"),
    "no_type": of_type(""),
    "type_that_begins_alike": of_type("application/jsonx"),
    "two_types": of_type("text/plain, application/json"),
}
LARGE = {
    "byte_too_many": padded(LIMIT + 1),
    "mebibyte_of_json": padded(MEBIBYTE),
    "mebibyte_of_form": padded_form,
    "mebibyte_in_chunks": chunked,
}
QUERIES = {
    "query_with_half_an_escape": query(lambda good: good + b"&a=%4"),
    "query_with_nul": query(lambda good: good + b"&a=%00"),
    "query_with_invalid_utf8": query(lambda good: good + b"&a=%ff%fe"),
    "query_of_too_many_fields": query(lambda good: good + b"&a=b" * TOO_MANY),
}

TEXTS = {
    "crlf": "x\r\nX-Evil: yes",
    "nul": "x\0y",
    "escape_character": "x\x1b[2Jy",
    "c1_control": "x\x85y",
    "line_separator": "x\u2028y",
    "too_long": "x" * 6000,
    "number": 7,
    "truth": True,
    "list": ["x"],
    "object": {"x": "y"},
}
TEXTS_OF_A_QUERY = ("crlf", "escape_character", "c1_control", "line_separator", "too_long")
NUMBERS = {
    "zero": 0, "negative": -1, "fraction": 1.5, "exponent": Raw(b"1e3"), "infinite": Raw(b"1e400"),
    "not_a_number": Raw(b"NaN"), "beyond_64_bits": 10**20, "below_64_bits": -10**20, "beyond_63_bits": 2**63,
    "largest": 2**63 - 1, "hexadecimal": "0x10", "plus": "+1", "blank_before": " 1", "blank_behind": "1 ",
    "digit_of_another_script": "\u0661", "text_of_many_digits": "9" * 31, "words": "one", "truth": True,
    "list": [1], "object": {"a": 1},
}
NUMBERS_OF_A_QUERY = ("zero", "negative", "fraction", "beyond_64_bits", "hexadecimal", "plus", "blank_before",
                      "digit_of_another_script", "words")
TAKEN = {"value": {"zero", "negative"}}    # usage may be taken back


def texts(endpoint):
    kinds = TEXTS_OF_A_QUERY if endpoint.method == "GET" else TEXTS
    return tuple(f"{name}={kind}" for name in endpoint.strings for kind in kinds)


def numbers(endpoint):
    kinds = NUMBERS_OF_A_QUERY if endpoint.method == "GET" else NUMBERS
    return tuple(f"{name}={kind}" for name in endpoint.integers for kind in kinds
                 if kind not in TAKEN.get(name, ()))


def value_of(values):
    def bend(case):
        name, _, kind = case.variant.partition("=")
        case.request.set(name, values[kind])
    return bend


def field_refused(case):
    name = case.variant.partition("=")[0]
    return Outcome(400, case.endpoint.codes.get(name, "parameter_invalid"), name)


def fields(endpoint):
    return (*endpoint.strings, *endpoint.integers)


def fields_of_body(endpoint):
    return fields(endpoint) if has_body(endpoint) else ()


def fields_of_query(endpoint):
    return fields(endpoint) if has_query(endpoint) else ()


def twice(case):
    """With the same value, so that nothing else is wrong."""
    value = dict(case.request.fields).get(case.variant, "x")
    case.request.set(case.variant, value)
    case.request.fields.append((case.variant, value))


def twice_in_a_form(case):
    case.request.encode_as_form()
    twice(case)


def twice_by_an_escape(case):
    """Two texts that are one name."""
    twice(case)
    name = case.variant.rpartition("[")[2].rstrip("]")
    escaped = "\\u%04x" % ord(name[0]) + name[1:]
    case.request.body = case.request.content().replace(f'"{name}":'.encode(), f'"{escaped}":'.encode(), 1)


ABUSES = [
    *table(has_body, Outcome(400, "body_malformed"), MALFORMED),
    *table(has_body, Outcome(415, "media_type"), TYPES),
    *table(has_body, Outcome(413, "body_too_large"), LARGE),
    Abuse("more_than_a_mebibyte", has_body, padded(MEBIBYTE + 1), Outcome(413)),
    Abuse("body_cut_off", has_body, cut_off, CUT_OFF, hang_up=True),
    *table(has_query, Outcome(400, "query_malformed"), QUERIES),
    Abuse("query_of_64_kib", has_query, query(lambda good: good + b"&a=" + b"x" * 65536), Outcome(414)),
    Abuse("text", texts, value_of(TEXTS), field_refused, texts),
    Abuse("number", numbers, value_of(NUMBERS), field_refused, numbers),
    *table(fields_of_body, Outcome(400, "body_malformed"), {
        "field_twice": twice, "field_twice_by_an_escape": twice_by_an_escape}, variants=fields),
    Abuse("field_twice_in_a_form", fields_of_body, twice_in_a_form, field_refused, fields),
    Abuse("field_twice_in_the_query", fields_of_query, twice, field_refused, fields),
]
