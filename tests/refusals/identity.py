"""Abuses of who asks, and from which page."""
import base64
import hashlib
import hmac
import json
import time

from testenv.sandbox import WEBHOOK_SECRET
from testenv.site import IDENTITY_KEY, encode, sign

from .abuse import Abuse, by_server, refused, table
from .endpoints import Outcome
from .world import OTHER_KEY, OTHER_ORIGIN

HEADER = b'{"alg":"HS256","typ":"JWT"}'
EVIL = "https://evil.example"
NOBODY = refused(401, "identity_required")
CROSS_SITE = refused(403, "cross_site")
NO_SCOPE = refused(403, "scope_required")


def needs_user(endpoint):
    return endpoint.needs_user


def changes_state(endpoint):
    return endpoint.changes_state


def of_a_browser(endpoint):
    return endpoint.changes_state and endpoint.identity == "user"


def of_a_server(endpoint):
    return endpoint.identity == "server"


def claims(case, **more):
    return {"sub": case.owner.name, "aud": "shop", "exp": int(time.time()) + 3600, "scope": "server", **more}


def signed(header=HEADER, key=IDENTITY_KEY):
    """Bears a token with this header, signed by HMAC-SHA256 with this key."""
    return lambda case: case.bear(sign(header, claims(case), key=key))


def part_of(header, text):
    return f"{encode(header)}.{encode(text.encode())}"


def mac(part, digest=hashlib.sha256):
    return encode(hmac.new(IDENTITY_KEY.encode(), part.encode(), digest).digest())


def signed_text(text):
    """The claims as they stand here, but for OWNER, VICTIM and EXP."""
    def bend(case):
        filled = text.replace("OWNER", case.owner.name).replace("VICTIM", case.world.victim.name)
        part = part_of(HEADER, filled.replace("EXP", str(int(time.time()) + 3600)))
        case.bear(f"{part}.{mac(part)}")
    return bend


def hs512(case):
    part = part_of(HEADER.replace(b"256", b"512"), json.dumps(claims(case)))
    case.bear(f"{part}.{mac(part, hashlib.sha512)}")


def unsigned(case):
    case.bear(part_of(HEADER.replace(b"HS256", b"none"), json.dumps(claims(case))) + ".")


def payload_bent(case):
    """The signature of the victim's own token under the owner's claims."""
    case.bear(part_of(HEADER, json.dumps(claims(case))) + "." + case.world.victim.token().split(".")[2])


def other_sites_token(case):
    case.bear(sign(HEADER, claims(case, aud="other"), key=OTHER_KEY))


def basic(case):
    told = base64.b64encode(f"{case.owner.name}:secret".encode()).decode()
    case.request.header("Authorization", f"Basic {told}")


def moved(where):
    """The token is not where it belongs."""
    def bend(case):
        token = case.token()
        case.request.drop("Authorization")
        where(case, token)
    return bend


def header(name, form="{}"):
    return moved(lambda case, token: case.request.header(name, form.format(token)))


def in_query(case, token):
    if case.endpoint.method == "GET":
        case.request.set("access_token", token)
    else:
        case.request.path += f"?access_token={token}"


def two_cookies(case, token):
    case.request.header("Cookie", f"tollgate={token}; tollgate={case.world.victim.token()}")


def bad_bearer(case, token):
    case.request.header("Cookie", f"tollgate={token}")
    case.request.header("Authorization", "Bearer bad")


TOKENS = {
    "no_identity": moved(lambda case, token: None),
    "empty_bearer": lambda case: case.request.header("Authorization", "Bearer "),
    "expired_token": lambda case: case.bear(exp=int(time.time()) - 1),
    "token_without_exp": lambda case: case.bear(exp=None),
    "exp_as_text": lambda case: case.bear(exp="4000000000"),
    "token_of_tomorrow": lambda case: case.bear(nbf=int(time.time()) + 86400),
    "wrong_audience": lambda case: case.bear(aud="other"),
    "no_audience": lambda case: case.bear(aud=None),
    "audience_that_begins_alike": lambda case: case.bear(aud="shop2"),
    "audience_list_without_us": lambda case: case.bear(aud=["other", "shops"]),
    "token_of_the_other_site": other_sites_token,
    "wrong_algorithm": hs512,
    "algorithm_says_another": signed(b'{"alg":"RS256","typ":"JWT"}'),
    "algorithm_in_lower_case": signed(b'{"alg":"hs256","typ":"JWT"}'),
    "alg_none": unsigned,
    "alg_none_but_signed": signed(b'{"alg":"none","typ":"JWT"}'),
    "key_id_in_header": signed(b'{"alg":"HS256","typ":"JWT","kid":"../../dev/null"}'),
    "critical_header": signed(b'{"alg":"HS256","typ":"JWT","crit":["b64"],"b64":false}'),
    "header_in_another_order": signed(b'{"typ":"JWT","alg":"HS256"}'),
    "wrong_key": signed(key="a key of the attacker's own, at least 32 bytes"),
    "empty_key": signed(key=""),
    "key_of_the_other_site": signed(key=OTHER_KEY),
    "webhook_secret_as_key": signed(key=WEBHOOK_SECRET),
    "payload_bent": payload_bent,
    "signature_cut": lambda case: case.bear(case.token()[:-1]),
    "signature_longer": lambda case: case.bear(case.token() + "A"),
    "signature_padded": lambda case: case.bear(case.token() + "="),
    "no_subject": lambda case: case.bear(sub=None),
    "empty_subject": lambda case: case.bear(sub=""),
    "subject_too_long": lambda case: case.bear(sub="x" * 129),
    "subject_with_newline": lambda case: case.bear(sub=case.owner.name + "\n"),
    "subject_with_nul": lambda case: case.bear(sub=case.owner.name + "\0x"),
    "subject_is_a_number": lambda case: case.bear(sub=1),
    "subject_twice": signed_text('{"aud":"shop","exp":EXP,"scope":"server","sub":"VICTIM","sub":"OWNER"}'),
    "audience_twice": signed_text('{"aud":"other","exp":EXP,"scope":"server","sub":"OWNER","aud":"shop"}'),
    "claims_are_a_list": signed_text('["OWNER"]'),
    "claims_are_cut": signed_text('{"aud":"shop","exp":EXP,"scope":"server","sub":"OWNER"'),
    "client_reference_as_token": lambda case: case.bear(case.world.victim.reference),
    "token_in_query": moved(in_query),
    "token_in_another_header": header("X-Authorization", "Bearer {}"),
    "token_of_another_scheme": header("Authorization", "Token {}"),
    "token_in_a_cookie_of_https": header("Cookie", "__Host-tollgate={}"),
    "token_in_a_cookie_of_another_case": header("Cookie", "Tollgate={}"),
    "two_cookies": moved(two_cookies),
    "bad_bearer_beside_a_cookie": moved(bad_bearer),
    "unverified_basic_user": basic,
}

# A param is TOLLGATE_USER; a header of the same name would be HTTP_TOLLGATE_USER.
LIKE_USER = ("TOLLGATE_USER", "Tollgate-User", "tollgate_user", "Tollgate_User", "REMOTE_USER", "Remote-User",
             "X-Remote-User", "X-Forwarded-User", "HTTP_TOLLGATE_USER")
LIKE_SITE = ("TOLLGATE_SITE", "Tollgate-Site", "Tollgate_Site")
LIKE_SCOPE = ("TOLLGATE_SCOPE", "Tollgate-Scope", "Tollgate_Scope")


def user_in_header(case):
    case.request.drop("Authorization")
    case.request.header(case.variant, case.owner.name)


def site_in_header(case):
    other_sites_token(case)
    case.request.header(case.variant, "other")


def scope_in_header(case):
    case.bear(scope=None)
    case.request.header(case.variant, "server")


def no_origin_but_scope(case):
    case.by_cookie()
    case.request.header(case.variant, "server")


def page(**headers):
    return lambda case: case.by_cookie(**headers)


def form(**headers):
    def bend(case):
        case.by_cookie(**headers)
        case.request.encode_as_form()
    return bend


def text_form(case):
    """What a page of anybody can post without asking: JSON in a form of plain text."""
    case.by_cookie(Origin=EVIL, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")
    case.request.content_type = "text/plain"


def bearer_from_page(case):
    case.request.header("Sec-Fetch-Site", "cross-site")
    case.request.header("Origin", EVIL)


def lookalike(change):
    return lambda case: case.by_cookie(Origin=change(case.world.stack.url))


PAGES = {
    "cross_site_form": form(Origin=EVIL, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate"),
    "same_site_form": form(Origin=EVIL, Sec_Fetch_Site="same-site", Sec_Fetch_Mode="navigate"),
    "cross_site_form_that_hides_its_origin": form(Origin="null", Sec_Fetch_Site="cross-site"),
    "cross_site_text_form": text_form,
    "cross_site_fetch": page(Origin=EVIL, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="cors"),
    "cross_site_fetch_of_an_old_browser": page(Origin=EVIL),
    "origin_null": page(Origin="null"),
    "origin_that_begins_alike": lookalike(lambda origin: origin + ".evil.example"),
    "origin_of_another_port": lookalike(lambda origin: origin[:-1]),
    "origin_of_the_other_site": page(Origin=OTHER_ORIGIN),
    "two_origins": lookalike(lambda origin: f"{EVIL} {origin}"),
    "two_words_in_sec_fetch_site": page(Sec_Fetch_Site="same-origin, cross-site"),
    "neither_header": page(),
}

ABUSES = [
    *table(needs_user, NOBODY, TOKENS),
    Abuse("token_in_body", changes_state, moved(lambda case, token: case.request.set("access_token", token)), NOBODY),
    Abuse("user_in_header", needs_user, user_in_header, NOBODY, lambda _: LIKE_USER),
    Abuse("site_in_header", needs_user, site_in_header, NOBODY, lambda _: LIKE_SITE),
    Abuse("two_authorization_headers", needs_user,
          lambda case: case.request.headers.append(("Authorization", f"Bearer {case.world.victim.token()}")),
          by_server(Outcome(400), NOBODY)),
    *table(of_a_browser, CROSS_SITE, PAGES),
    Abuse("cross_site_with_bearer", changes_state, bearer_from_page, CROSS_SITE),
    Abuse("neither_header_but_scope", of_a_browser, no_origin_but_scope, CROSS_SITE, lambda _: LIKE_SCOPE),
    Abuse("no_scope", of_a_server, lambda case: case.bear(scope=None), NO_SCOPE),
    Abuse("scope_in_a_cookie", of_a_server, page(Sec_Fetch_Site="same-origin"), NO_SCOPE),
    Abuse("scope_in_header", of_a_server, scope_in_header, NO_SCOPE, lambda _: LIKE_SCOPE),
]
