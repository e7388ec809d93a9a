"""Every route of the API."""
import checkout
import coupons
import customers
import entitlements
import events
import invoices
import payment_intents
import payment_methods
import portal
import prices
import products
import setup_intents
import subscriptions
import webhook_endpoints

NOUNS = (checkout, coupons, customers, entitlements, events, invoices, payment_intents, payment_methods, portal,
         prices, products, setup_intents, subscriptions, webhook_endpoints)
ROUTES = [route for noun in NOUNS for route in noun.ROUTES]
