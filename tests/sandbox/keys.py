"""Who calls, and whether the key may: full keys, restricted keys with permissions, accounts."""
import base64
import binascii

from errors import StripeError, unstored


def unauthorized(message, **more):
    headers = {"WWW-Authenticate": 'Bearer realm="Stripe"'}
    return unstored(StripeError(401, "invalid_request_error", message, headers=headers, **more))


def key_of(header):
    """The key from Authorization: Bearer KEY, or Basic with KEY as the user name."""
    scheme, _, value = (header or "").partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value).decode("latin-1").partition(":")[0]
        except binascii.Error:
            return ""
    return value.strip() if scheme.lower() == "bearer" else ""


def mask(key):
    """Stripe's way to name a key without telling it."""
    if not key:
        return ""
    prefix = key[:8] if key[2:3] == "_" else ""
    return prefix + "*" * max(5, len(key) - len(prefix) - 4) + key[-4:]


def authenticate(world, header):
    key = key_of(header)
    if not key:
        raise unauthorized("You did not provide an API key. You need to provide your API key in the Authorization "
                           "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
                           "https://stripe.com/docs/api#authentication for details, or we can help at "
                           "https://support.stripe.com/.")
    if key not in world.keys and not is_publishable(world, key):
        raise unauthorized("Invalid API Key provided: %s" % mask(key))
    return key


def is_publishable(world, key):
    return key == world.options.publishable_key


def authorize(world, acct, key, wanted, resource):
    """A restricted key needs the resource's permission, to "read" or to "write"; write includes read."""
    permissions = world.keys.get(key)
    if permissions is None:
        return
    if permissions.get(resource) in ("write", wanted):
        return
    raise unstored(StripeError(
        403, "invalid_request_error", "The provided key '%s' does not have the required permissions for this "
        "endpoint on account '%s'. Having the 'rak_%s_%s' permission would allow this request to continue."
        % (key[:8] + "*****", acct.id, resource, wanted)))
