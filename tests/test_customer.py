"""create-customer: one for each user."""
from concurrent.futures import ThreadPoolExecutor

import pytest
from test_checkout import calls, error

CREATE = "/billing/create-customer"
CUSTOMERS = "/v1/customers"


def create(session, status=200, **fields):
    answer = session.post(CREATE, json=fields)
    assert answer.status_code == status, answer.text
    return answer.json()


def customers(stack):
    return stack.sandbox.api("GET", CUSTOMERS)["data"]


def test_customer_is_made_of_what_the_form_says(stack):
    address = {"line1": "Ringstraße 1", "city": "Wien", "postal_code": "1010", "country": "AT"}
    answer = create(stack.session("alice"), email="a@example.com", name="Alice", address=address)
    [customer] = customers(stack)
    assert answer == {"customerId": customer["id"],
                      "customer": {"id": customer["id"], "email": "a@example.com"}}
    assert (customer["name"], customer["email"]) == ("Alice", "a@example.com")
    assert {name: customer["address"][name] for name in address} == address
    assert customer["metadata"] == {"tollgate_user": "alice", "tollgate_site": "shop"}


def test_form_encoded_address_is_the_same(stack):
    session = stack.session("alice")
    answer = session.post(CREATE, data={"email": "a@example.com", "address[city]": "Wien"})
    assert answer.status_code == 200
    assert customers(stack)[0]["address"]["city"] == "Wien"


def test_email_of_the_identity_is_taken_when_the_form_has_none(stack):
    answer = create(stack.session("alice", email="alice@example.com"))
    assert answer["customer"]["email"] == customers(stack)[0]["email"] == "alice@example.com"


def test_again_it_is_the_same_as_it_was(stack):
    alice = stack.session("alice")
    first = create(alice, email="a@example.com")
    assert create(alice, email="other@example.com", name="Other") == first
    assert len(calls(stack, CUSTOMERS)) == 1


def test_clicks_at_the_same_time_make_one(stack):
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: create(stack.session("alice"), name=f"Alice {n}"), range(6)))
    assert len({answer["customerId"] for answer in answers}) == len(customers(stack)) == 1


def test_another_user_gets_another(stack):
    assert create(stack.session("alice"))["customerId"] != create(stack.session("bob"))["customerId"]


@pytest.mark.parametrize("fields, param", [
    ({"email": ["a"]}, "email"), ({"name": "x" * 256}, "name"), ({"name": "a\nb"}, "name"),
    ({"address": {"city": 1}}, "address[city]"),
])
def test_refusal_names_the_field(stack, fields, param):
    answer = create(stack.session("alice"), status=400, **fields)
    assert error(answer) == ("parameter_invalid", param)
    assert not customers(stack)


def test_stranger_gets_none(stack):
    assert stack.session().post(CREATE, json={}).status_code == 401
