"""Abuses of the webhook: of its signature, its time and its body."""
import json
import time

from testenv import webhook
from testenv.sandbox import WEBHOOK_SECRET

from .abuse import Abuse, event, table
from .body import CUT_OFF, MEBIBYTE, body, cut_off
from .endpoints import Outcome
from .world import OTHER_WEBHOOK_SECRET

SIGNATURE = "Stripe-Signature"


def is_webhook(endpoint):
    return endpoint.identity == "signature"


def signature(form):
    """`form` makes the header of the time and the good signature."""
    def bend(case):
        at, mac = (part.split("=")[1] for part in webhook.sign(case.request.body).split(","))
        case.request.header(SIGNATURE, form(at, mac))
    return bend


def signed_by(secret):
    return lambda case: case.sign(event(), secret=secret)


def signed_at(offset):
    return lambda case: case.sign(event(), at=time.time() + offset)


def signed(make):
    return lambda case: case.sign(make(event()))


def without(name):
    def make(good):
        made = json.loads(good)
        del made[name]
        return json.dumps(made).encode()
    return make


def signed_in(name):
    def bend(case):
        case.request.drop(SIGNATURE)
        case.request.header(name, webhook.sign(case.request.body))
    return bend


def old_signature_with_a_new_time(case):
    old = webhook.sign(case.request.body, at=time.time() - 3600).split(",")[1]
    case.request.header(SIGNATURE, f"t={int(time.time())},{old}")


def identity_for_signature(case):
    case.request.drop(SIGNATURE)
    case.bear(case.world.victim.token(scope="server"))


SIGNATURES = {
    "no_signature": lambda case: case.request.drop(SIGNATURE),
    "empty_signature": signature(lambda at, mac: ""),
    "forged_signature": signature(lambda at, mac: f"t={at},v1={'0' * 64}"),
    "signature_of_a_wrong_secret": signed_by("whsec_of_somebody_else"),
    "signature_of_the_other_site": signed_by(OTHER_WEBHOOK_SECRET),
    "signature_of_half_the_secret": signed_by(WEBHOOK_SECRET.removeprefix("whsec_")),
    "signature_of_an_empty_secret": signed_by(""),
    "old_timestamp": signed_at(-310),
    "timestamp_to_come": signed_at(320),
    "old_signature_with_a_new_time": old_signature_with_a_new_time,
    "no_timestamp": signature(lambda at, mac: f"v1={mac}"),
    "two_timestamps": signature(lambda at, mac: f"t={at},t={at},v1={mac}"),
    "negative_timestamp": signature(lambda at, mac: f"t=-{at},v1={mac}"),
    "timestamp_of_many_digits": signature(lambda at, mac: f"t={'9' * 40},v1={mac}"),
    "only_the_older_scheme": signature(lambda at, mac: f"t={at},v0={mac}"),
    "signature_cut_short": signature(lambda at, mac: f"t={at},v1={mac[:-1]}"),
    "signature_with_more": signature(lambda at, mac: f"t={at},v1={mac}00"),
    "signature_with_a_blank": signature(lambda at, mac: f"t={at},v1= {mac}"),
    "body_bent": body(lambda good: good.replace(b"cus_of_an_event", b"cus_of_an_evenu")),
    "body_longer": body(lambda good: good + b" "),
    "body_shorter": body(lambda good: good[:-1]),
    "body_empty": body(lambda good: b""),
    "signature_in_a_header_named_as_its_param": signed_in("HTTP_STRIPE_SIGNATURE"),
    "identity_for_a_signature": identity_for_signature,
}
BODIES = {
    "signed_nothing": signed(lambda good: b""),
    "signed_nul": signed(lambda good: good + b"\0"),
    "signed_nul_within": signed(lambda good: good.replace(b"cus_of", b"cus\0of")),
    "signed_invalid_utf8": signed(lambda good: good.replace(b"cus_of", b"cus\xff")),
    "signed_deep": signed(lambda good: good[:-1] + b',"x":' + b"[" * 40 + b"]" * 40 + b"}"),
    "signed_cut": signed(lambda good: good[:-1]),
    "signed_list": signed(lambda good: b"[" + good + b"]"),
    "signed_name_twice": signed(lambda good: good[:-1] + b',"id":"evt_twice"}'),
    "signed_without_id": signed(without("id")),
    "signed_without_type": signed(without("type")),
    "signed_without_time": signed(without("created")),
    "signed_without_data": signed(without("data")),
    "signed_mebibyte_of_blanks": signed(lambda good: b" " * MEBIBYTE),
    "signed_mebibyte_of_brackets": signed(lambda good: b"[" * MEBIBYTE),
    "signed_form": signed(lambda good: b"id=evt_1&object=event&type=customer.created"),
}

ABUSES = [
    *table(is_webhook, Outcome(400, "signature_invalid"), SIGNATURES),
    *table(is_webhook, Outcome(400, "event_malformed"), BODIES),
    Abuse("signed_and_too_large", is_webhook, signed(lambda good: b" " * (MEBIBYTE + 1)), Outcome(413)),
    Abuse("signed_and_cut_off", is_webhook, cut_off, CUT_OFF, hang_up=True),
]
