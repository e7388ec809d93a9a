"""Stripe's refusals, as exceptions that carry the answer."""


class StripeError(Exception):
    def __init__(self, status, kind, message, code=None, param=None, headers=None, **more):
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.stored = True
        self.error = {"message": message, "type": kind}
        if code:
            self.error["code"] = code
            self.error["doc_url"] = "https://stripe.com/docs/error-codes/" + code.replace("_", "-")
        if param:
            self.error["param"] = param
        self.error.update({key: value for key, value in more.items() if value is not None})


def invalid(message, param=None, code=None, status=400):
    return StripeError(status, "invalid_request_error", message, code, param)


def unstored(error):
    """Marks a refusal that happens before the work begins: no idempotency key remembers it."""
    error.stored = False
    return error


def no_such(kind, value, param, status=404):
    return invalid("No such %s: '%s'" % (kind, value), param, "resource_missing", status)


def unknown_url(method, path):
    message = ("Unrecognized request URL (%s: %s). If you are trying to list objects, remove the trailing "
               "slash. If you are trying to retrieve an object, make sure you passed a valid (non-empty) "
               "identifier in your code. Please see https://stripe.com/docs or we can help at "
               "https://support.stripe.com/." % (method, path))
    return unstored(invalid(message, status=404))


def declined(decline, **more):
    """A card_error: what the bank said, and the intent it said it about."""
    return StripeError(402, "card_error", decline.message, decline.code, decline_code=decline.decline_code,
                       headers={"Stripe-Should-Retry": "false"}, **more)
