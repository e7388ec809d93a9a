"""What Tideline sells, created in Stripe as its dashboard would create it."""
import base64
import json
import urllib.parse
import urllib.request

PRODUCTS = {
    "Basic": [("basic_monthly", 500, "month")],
    "Premium": [("premium_monthly", 1500, "month"), ("premium_yearly", 15000, "year")],
}


def call(base, key, method, path, **fields):
    credentials = base64.b64encode((key + ":").encode()).decode()
    request = urllib.request.Request(
        base + path, method=method, headers={"Authorization": "Basic " + credentials},
        data=urllib.parse.urlencode(fields).encode() if fields else None)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def stock(base, key):
    for name, prices in PRODUCTS.items():
        product = call(base, key, "POST", "/v1/products", name="Tideline " + name)
        for lookup_key, amount, interval in prices:
            call(base, key, "POST", "/v1/prices", product=product["id"], currency="usd", unit_amount=amount,
                 lookup_key=lookup_key, **{"recurring[interval]": interval})
    let_customers_cancel_at_once(base, key)


def let_customers_cancel_at_once(base, key):
    """So that a visitor sees the gate close; a real site would keep at_period_end."""
    listed = call(base, key, "GET", "/v1/billing_portal/configurations?is_default=true")
    call(base, key, "POST", "/v1/billing_portal/configurations/" + listed["data"][0]["id"],
         **{"features[subscription_cancel][enabled]": "true", "features[subscription_cancel][mode]": "immediately"})
