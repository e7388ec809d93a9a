"""Every route of the API; and the rules that act on dates and events, not on requests."""
import checkout
import coupons
import customer_sessions
import customers
import entitlements
import events
import invoices
import meters
import payment_intents
import payment_methods
import portal
import previews
import prices
import products
import renewals
import setup_intents
import subscriptions
import waiting
import webhook_endpoints

NOUNS = (checkout, coupons, customer_sessions, customers, entitlements, events, invoices, meters, payment_intents,
         payment_methods, portal, previews, prices, products, setup_intents, subscriptions, webhook_endpoints)
RULES = (renewals, waiting)
ROUTES = [route for noun in NOUNS for route in noun.ROUTES]
