"""Test cards and bank accounts: what happens when they are set up and when they are charged."""
import collections

from errors import declined, invalid

Card = collections.namedtuple("Card", "brand setup charge", defaults=(None, None))
Decline = collections.namedtuple("Decline", "code decline_code message")

AUTHENTICATE = "authenticate"
AUTHENTICATE_ONCE = "authenticate once"

GENERIC = Decline("card_declined", "generic_decline", "Your card was declined.")
FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
LOST = Decline("card_declined", "lost_card", "Your card was declined.")
EXPIRED = Decline("expired_card", "expired_card", "Your card has expired.")
CVC = Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.")
PROCESSING = Decline("processing_error", "processing_error",
                     "An error occurred while processing your card. Try again in a little bit.")
UNAUTHENTICATED = Decline("payment_intent_authentication_failure", None,
                          "We are unable to authenticate your payment method. Please choose a different payment "
                          "method and try again.")
SETUP_UNAUTHENTICATED = UNAUTHENTICATED._replace(code="setup_intent_authentication_failure")
REQUIRED = Decline("authentication_required", "authentication_required",
                   "Your card was declined. This transaction requires authentication.")
DEBIT_FAILED = Decline("payment_method_customer_decline", "generic_decline",
                       "The customer's bank declined this debit.")
CLOSED = Decline("account_closed", None, "The customer's bank account has been closed.")
NO_ACCOUNT = Decline("no_account", None, "The bank account could not be located.")

CARDS = {
    "4242424242424242": Card("visa"),
    "4000056655665556": Card("visa"),
    "5555555555554444": Card("mastercard"),
    "378282246310005": Card("amex"),
    "4000002500003155": Card("visa", AUTHENTICATE_ONCE, AUTHENTICATE_ONCE),
    "4000002760003184": Card("visa", AUTHENTICATE, AUTHENTICATE),
    "4000008260003178": Card("visa", AUTHENTICATE, FUNDS),
    "4000000000000341": Card("visa", None, GENERIC),
    "4000000000000002": Card("visa", GENERIC, GENERIC),
    "4000000000009995": Card("visa", FUNDS, FUNDS),
    "4000000000009987": Card("visa", LOST, LOST),
    "4000000000000069": Card("visa", EXPIRED, EXPIRED),
    "4000000000000127": Card("visa", CVC, CVC),
    "4000000000000119": Card("visa", PROCESSING, PROCESSING),
}

TOKENS = {
    "visa": "4242424242424242", "visa_debit": "4000056655665556", "mastercard": "5555555555554444",
    "amex": "378282246310005", "authenticationRequired": "4000002760003184",
    "authenticationRequiredOnSetup": "4000002500003155",
    "threeDSecure2Required": "4000002760003184", "chargeCustomerFail": "4000000000000341",
    "visa_chargeDeclined": "4000000000000002", "visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "visa_chargeDeclinedLostCard": "4000000000009987", "chargeDeclinedExpiredCard": "4000000000000069",
    "chargeDeclinedIncorrectCvc": "4000000000000127", "chargeDeclinedProcessingError": "4000000000000119",
}

DEBITS_THAT_FAIL = {
    "AT861904300235473202": DEBIT_FAILED, "DE62370400440532013001": DEBIT_FAILED, "000000/111111113": CLOSED,
    "000000/111111116": NO_ACCOUNT,
}


def card_number(text, param="card[number]"):
    number = text.replace(" ", "").replace("-", "")
    if number not in CARDS:
        raise declined_number(number, param)
    return number


def declined_number(number, param):
    if number.isdigit() and luhn(number):
        return invalid("Your card was declined. Your request was in test mode, but used a non test card. For a list "
                       "of valid test cards, visit: https://stripe.com/docs/testing.", param, "card_declined", 402)
    error = declined(Decline("incorrect_number", None, "Your card number is incorrect."), param=param)
    error.stored = False
    return error


def luhn(number):
    digits = [int(digit) for digit in reversed(number)]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return len(digits) > 11 and (sum(digits[0::2]) + doubled) % 10 == 0


def outcome(method, purpose, off_session=False):
    """What a payment method does on "setup" or "charge": None is success, else a Decline, AUTHENTICATE
    or, for a bank debit, "processing"."""
    if method["type"] != "card":
        return "processing" if purpose == "charge" else None
    behaviour = getattr(CARDS[method["_number"]], purpose)
    if behaviour == AUTHENTICATE_ONCE:
        behaviour = None if method["_set_up"] else AUTHENTICATE
    if behaviour == AUTHENTICATE and off_session:
        return REQUIRED
    return behaviour


def after_authentication(method, purpose):
    """What happens once the customer has authenticated."""
    behaviour = getattr(CARDS[method["_number"]], purpose)
    return behaviour if isinstance(behaviour, Decline) else None


def error_type(decline):
    return "invalid_request_error" if decline.code.endswith("_intent_authentication_failure") else "card_error"


def debit_outcome(method):
    """None when the debit is paid in the end, else the Decline."""
    return DEBITS_THAT_FAIL.get(method["_number"])
