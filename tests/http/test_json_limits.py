"""Bodies that are meant to hurt are refused before anything works on them."""

import json

import pytest
from flask.testing import FlaskClient

from taxi_api.app import create_app
from taxi_api.json_limits import MAX_DEPTH, MAX_NUMBER_LENGTH
from taxi_api.model.predictor import Predictor
from taxi_api.settings import Settings
from tests.http.test_errors import assert_problem


def post(client: FlaskClient, body: str):
    return client.post("/predict", data=body, content_type="application/json")


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 500, 990, 1_000, 10_000, 30_000])
@pytest.mark.parametrize("shape", ["[{}]", '{{"a":{}}}', '[1,{{"a":{}}}]'])
def test_a_deep_body_is_a_bad_request(client: FlaskClient, depth: int, shape: str):
    opening, ending = shape.format(" ").split(" ")
    limited = create_app(Settings(max_body_bytes=1_000_000), client.application.extensions["predictor"]).test_client()
    problem = assert_problem(post(limited, opening * depth + "1" + ending * depth), 400)
    assert str(MAX_DEPTH) in problem["detail"]


def test_brackets_in_text_are_not_depth(client: FlaskClient):
    assert post(client, json.dumps({"PULocationID": "[" * 1000})).status_code == 422


def test_the_deepest_body_that_is_read_is_judged_by_its_schema(client: FlaskClient):
    assert post(client, "[" * MAX_DEPTH + "]" * MAX_DEPTH).status_code == 422
    assert post(client, "[" * MAX_DEPTH + "],[" * MAX_DEPTH + "]" * MAX_DEPTH).status_code == 422


@pytest.mark.parametrize("number", ["1" * 5_000, "-" + "9" * 5_000, "0." + "3" * 5_000, "1e" + "0" * 5_000 + "1"])
@pytest.mark.parametrize("field", ["PULocationID", "trip_distance", "unknown"])
def test_an_endless_number_is_a_bad_request(client: FlaskClient, field: str, number: str):
    problem = assert_problem(post(client, f'{{"{field}": {number}}}'), 400)
    assert str(MAX_NUMBER_LENGTH) in problem["detail"]


def test_digits_in_text_are_not_a_number(client: FlaskClient):
    assert post(client, json.dumps({"PULocationID": "1" * 5000})).status_code == 422


def test_the_longest_body_is_a_setting(predictor: Predictor):
    client = create_app(Settings(max_body_bytes=2000), predictor).test_client()
    assert post(client, " " * 2000 + "1").status_code == 413
    assert post(client, " " * 1999 + "1").status_code == 422
