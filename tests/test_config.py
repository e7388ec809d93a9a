"""config: the publishable key and what is for sale, for anybody."""
from concurrent.futures import ThreadPoolExecutor

from test_checkout import calls

CONFIG = "/billing/config"
PRICES = "/v1/prices"


def config(stack, status=200):
    answer = stack.session().get(CONFIG)
    assert answer.status_code == status, answer.text
    return answer.json()


def plans(stack):
    return {plan["name"]: plan for plan in config(stack)["plans"]}


def test_anybody_learns_key_and_prices(stack):
    answer = config(stack)
    assert answer["publishableKey"] == "pk_test_sandbox"
    basic, premium, free = answer["plans"]
    [price] = basic["prices"]
    assert {**price, "id": None} == {
        "id": None, "lookup_key": "basic_monthly", "product": "prod_basic", "unit_amount": 500,
        "currency": "eur", "interval": "month"}
    assert [price["interval"] for price in premium["prices"]] == ["month", "year"]
    assert (premium["trial_days"], premium["features"]) == (14, ["exports"])
    assert (free["free"], free["prices"]) == (True, [])


def test_prices_are_asked_of_stripe_once(stack):
    first = config(stack)
    asked = len(calls(stack, PRICES, "GET"))
    assert config(stack) == first
    assert len(calls(stack, PRICES, "GET")) == asked


def test_every_price_of_a_product_is_shown(stack_factory):
    stack = stack_factory(site={"plans": 'plan "premium" { product = "prod_premium" }'})
    assert {price["lookup_key"] for price in plans(stack)["premium"]["prices"]} == {
        "premium_monthly", "premium_yearly"}


def test_unknown_price_is_left_out_and_does_not_let_anybody_ask_stripe_again_and_again(stack_factory):
    stack = stack_factory(site={"plans": 'plan "gold" { lookup_key = "no_such_price" }\n'
                                         'plan "basic" { lookup_key = "basic_monthly" }'})
    for _ in range(20):
        found = plans(stack)
        assert (len(found["gold"]["prices"]), len(found["basic"]["prices"])) == (0, 1)
    assert len(calls(stack, PRICES, "GET")) == 2


def test_last_known_prices_are_shown_while_stripe_is_down(stack):
    before = config(stack)
    client = stack.redis.client()
    for name, text in client.hgetall("tollgate:{shop}:prices").items():
        client.hset("tollgate:{shop}:prices", name, text.replace('"read_at":1', '"read_at":'))
    stack.sandbox.control("POST", "faults", {"path": "^/v1/", "status": 500, "times": 0})
    assert config(stack) == before
    assert calls(stack, PRICES, "GET")


def test_nothing_known_and_stripe_down_is_an_error(stack):
    stack.sandbox.control("POST", "faults", {"path": "^/v1/", "status": 500, "times": 0})
    assert config(stack, 502)["error"]["code"] == "stripe_failed"


def test_first_visitors_together_ask_once(stack):
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: stack.session().get(CONFIG), range(24)))
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert len(calls(stack, PRICES, "GET")) == 2
