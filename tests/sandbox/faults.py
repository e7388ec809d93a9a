"""Faults that tests ask for: slow, refused, failed, or dropped before or after the work."""
import re

from errors import StripeError

MESSAGES = {
    429: ("invalid_request_error", "rate_limit",
          "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits."),
    500: ("api_error", None, "An unknown error occurred"),
}


class Faults:
    def __init__(self):
        self.rules = []

    def add(self, rule):
        self.rules.append({"times": 1, **rule, "left": rule.get("times", 1)})

    def take(self, method, path):
        """The first rule that fits this request, counted down."""
        for rule in self.rules:
            if rule.get("method") not in (None, method) or not re.search(rule.get("path", ""), path):
                continue
            if rule["left"] > 0:
                rule["left"] -= 1
                if rule["left"] == 0:
                    self.rules.remove(rule)
            return rule
        return {}


def error_of(rule):
    status = rule["status"]
    kind, code, message = MESSAGES.get(status, MESSAGES[500] if status >= 500 else ("invalid_request_error", None,
                                                                                   "Faked by the sandbox"))
    error = StripeError(status, rule.get("type", kind), rule.get("message", message), rule.get("code", code),
                        headers=dict(rule.get("headers", {})))
    error.stored = bool(rule.get("store")) and status != 429
    return error
