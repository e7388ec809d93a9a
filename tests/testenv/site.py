"""tollgate.conf for a site "shop", its secrets, and the tokens that its application would mint."""
import base64
import hashlib
import hmac
import json
import time

from .sandbox import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET

IDENTITY_KEY = "an identity key of at least 32 bytes for tests"

PLANS = """
  plan "basic"   { lookup_key = "basic_monthly" }
  plan "premium" { lookup_keys = {"premium_monthly", "premium_yearly"} trial_days = 14
                   trial_without_card = true features = {"exports"} }
  plan "free"    { free = true product = "prod_free" }
"""

CATALOGUE = {"products": [
    {"id": "prod_basic", "name": "Basic", "prices": [
        {"lookup_key": "basic_monthly", "unit_amount": 500, "currency": "eur", "interval": "month"}]},
    {"id": "prod_premium", "name": "Premium", "features": ["exports"], "prices": [
        {"lookup_key": "premium_monthly", "unit_amount": 1500, "currency": "eur", "interval": "month"},
        {"lookup_key": "premium_yearly", "unit_amount": 15000, "currency": "eur", "interval": "year"}]},
    {"id": "prod_free", "name": "Free"},
]}

CONFIG = """
redis = "%(redis)s"
stripe_api_base = "%(stripe)s"
%(settings)s
site "shop" {
  origin = "%(origin)s"
  stripe_secret_key_file = "%(directory)s/stripe.key"
  stripe_publishable_key = "%(publishable_key)s"
  webhook_secret_files = {"%(directory)s/webhook.secret"}
  identity_key_files = {"%(directory)s/identity.key"}
  success_path = "/billing/return?session_id={CHECKOUT_SESSION_ID}"
  cancel_path = "/pricing"
  portal_return_path = "/account"
  %(site_settings)s
  %(plans)s
}
%(more)s
"""

# A second one, with the secrets of the first.
OTHER_SITE = """
site "other" {
  %(settings)s
  origin = "http://127.0.0.1:8081"
  webhook_secret_files = {"%(directory)s/webhook.secret"}
  identity_key_files = {"%(directory)s/identity.key"}
  stripe_secret_key_file = "%(directory)s/stripe.key"
  success_path = "/return?session_id={CHECKOUT_SESSION_ID}"
  cancel_path = "/pricing"
  portal_return_path = "/account"
  plan "basic" { lookup_key = "basic_monthly" }
}
"""


def write_secret(path, text):
    path.touch(mode=0o600)
    path.write_text(text + "\n")
    return path


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(header, claims, key=IDENTITY_KEY):
    """A token with any header and claims, for tests of what is refused."""
    text = f"{encode(header)}.{encode(json.dumps(claims).encode())}"
    return f"{text}.{encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest())}"


def identity_token(user, key=IDENTITY_KEY, **claims):
    """What the site's application mints for a logged-in user; claims of None are left out."""
    claims = {"sub": user, "aud": "shop", "exp": int(time.time()) + 3600, **claims}
    return sign(b'{"alg":"HS256","typ":"JWT"}', {k: v for k, v in claims.items() if v is not None}, key)


class Site:
    """`settings`, `site_settings`, `more` are text for the top level, for the
    site's block, and for the end (further sites)."""

    def __init__(self, directory, origin="http://127.0.0.1:8080", redis="unix:/nonexistent/redis.sock",
                 stripe="http://127.0.0.1:1", settings="", site_settings="", plans=PLANS, more=""):
        self.directory = directory
        self.origin = origin
        write_secret(directory / "stripe.key", SECRET_KEY)
        write_secret(directory / "webhook.secret", WEBHOOK_SECRET)
        write_secret(directory / "identity.key", IDENTITY_KEY)
        self.config = directory / "tollgate.conf"
        self.config.write_text(CONFIG % {
            "redis": redis, "stripe": stripe, "settings": settings, "origin": origin,
            "directory": directory, "publishable_key": PUBLISHABLE_KEY,
            "site_settings": site_settings, "plans": plans, "more": more})
