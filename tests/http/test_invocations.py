"""Requests as MLflow's clients write them."""

from typing import Any

import polars as pl
import pytest
from flask.testing import FlaskClient

from taxi_api.app import create_app
from taxi_api.model.predictor import Predictor
from taxi_api.schemas.invocations import InvocationsAnswerSchema
from taxi_api.settings import Settings
from tests.http.test_errors import assert_problem
from tests.http.test_predict import EXAMPLE, SPELLING, TRIP, ZONE

OTHER = EXAMPLE | {"pickup_datetime": "2024-01-18T08:30:00"}
TRIPS = [TRIP, OTHER, {name: value for name, value in TRIP.items() if name != "trip_distance"}]
FRAME = pl.DataFrame(TRIPS)
SPLIT = {"columns": FRAME.columns, "data": [list(row) for row in FRAME.rows()]}


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": SPLIT},
        {"dataframe_split": SPLIT | {"index": [0, 1, 2]}},
        {"dataframe_records": TRIPS},
        {"dataframe_records": FRAME.to_dicts()},
        FRAME.write_csv(),
    ],
)
def test_every_form_of_the_same_trips_gets_their_answers(client: FlaskClient, body: Any):
    sent = {"data": body, "content_type": "text/csv"} if isinstance(body, str) else {"json": body}
    response = client.post("/invocations", **sent)
    assert response.status_code == 200, response.get_data(as_text=True)
    assert InvocationsAnswerSchema().validate(response.get_json()) == {}
    singles = [client.post("/predict", json=trip).get_json() for trip in TRIPS]
    assert response.get_json()["predictions"] == [
        {"duration": one["duration"], "lower": one["interval"]["lower"], "upper": one["interval"]["upper"]}
        for one in singles
    ]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"dataframe_records": [TRIP, TRIP | {"PULocationID": 0}]}, {"1": {"PULocationID": [ZONE]}}),
        ({"dataframe_records": [5]}, {"0": {"_schema": ["Invalid input type."]}}),
        (
            {
                "dataframe_split": {
                    "columns": ["pickup_location_id", "dropoff_location_id"],
                    "data": [[1, 2], [1, None]],
                }
            },
            {"1": {"dropoff_location_id": ["Missing data for required field."]}},
        ),
        (
            {"dataframe_split": {"columns": ["PULocationID", "DOLocationID", "x"], "data": [[1, 2, 3]]}},
            {"x": ["Unknown field."]},
        ),
        (
            {"dataframe_split": {"columns": ["PULocationID", "dropoff_location_id"], "data": [[1, 2]]}},
            {"dropoff_location_id": [SPELLING]},
        ),
        (
            {"dataframe_split": {"columns": ["PULocationID", "PULocationID"], "data": [[1, 2]]}},
            {"dataframe_split": {"columns": ["Names a column twice."]}},
        ),
        (
            {"dataframe_split": {"columns": ["PULocationID", "DOLocationID"], "data": [[1, 2], [1]]}},
            {"dataframe_split": {"data": ["Row 1 has 1 values for 2 columns."]}},
        ),
        ({"inputs": [TRIP]}, {"inputs": ["Unknown field."], "dataframe_split": ["Missing data for required field."]}),
    ],
)
def test_what_is_wrong_is_named(client: FlaskClient, body: dict, errors: dict):
    problem = assert_problem(client.post("/invocations", json=body), 422)
    assert problem["errors"] == errors


def test_an_invocation_has_the_limit_of_a_batch(predictor: Predictor):
    client = create_app(Settings(max_batch=2), predictor).test_client()
    assert client.post("/invocations", json={"dataframe_records": TRIPS[:2]}).status_code == 200
    assert_problem(client.post("/invocations", json={"dataframe_records": TRIPS}), 413)
    assert_problem(client.post("/invocations", json={"dataframe_split": SPLIT}), 413)


def test_sagemaker_asks_whether_it_is_ready(client: FlaskClient):
    assert client.get("/ping").get_json()["status"] == "ready"
