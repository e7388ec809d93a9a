"""What a POST with an Idempotency-Key answered, kept for 24 hours of the sandbox's clock."""
import json

from errors import StripeError, unstored

KEPT = 24 * 3600
LONGEST = 255


def error(status, message, code=None, headers=None):
    return unstored(StripeError(status, "idempotency_error", message, code, headers=headers))


class Answer:
    def __init__(self, route, parameters, request_id, at):
        self.route = route
        self.parameters = parameters
        self.request_id = request_id
        self.at = at
        self.response = None


class Answers:
    def __init__(self):
        self.kept = {}

    def begin(self, acct, key, path, params, request_id):
        """A new Answer to fill in, or the earlier one to replay; refuses what Stripe refuses."""
        if not key or len(key) > LONGEST:
            raise error(400, "Idempotency keys must be between 1 and %d characters long." % LONGEST)
        parameters = json.dumps(params, sort_keys=True)
        old = self.kept.get((acct.id, key))
        if old is None or acct.now() - old.at >= KEPT:
            answer = Answer(path, parameters, request_id, acct.now())
            self.kept[(acct.id, key)] = answer
            return answer
        self.compare(old, key, path, parameters)
        return old

    def compare(self, old, key, path, parameters):
        hint = "Try using a key other than '%s' if you meant to execute a different request." % key
        if old.route != path:
            raise error(400, "Keys for idempotent requests can only be used for the same endpoint they were first "
                        "used for ('%s' vs '%s'). %s" % (path, old.route, hint))
        if old.parameters != parameters:
            raise error(400, "Keys for idempotent requests can only be used with the same parameters they were "
                        "first used with. " + hint)
        if old.response is None:
            raise error(409, "There is currently another in-progress request using this Idempotent Key (that "
                        "probably means you submitted twice, and the other request is still going through): %s. "
                        "Please try again later." % key, "idempotency_key_in_use", {"Stripe-Should-Retry": "true"})

    def forget(self, acct, key):
        self.kept.pop((acct.id, key), None)
