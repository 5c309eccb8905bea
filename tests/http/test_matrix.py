from typing import Any

import pytest
from flask.testing import FlaskClient

from taxi_api.app import create_app
from taxi_api.model.predictor import Predictor
from taxi_api.schemas.matrix import MatrixSchema
from taxi_api.settings import Settings
from tests.http.test_errors import assert_problem
from tests.http.test_predict import DISTANCE, TIME, ZONE

REQUEST = {"sources": [161, 1, 264], "destinations": [132, 161], "pickup_datetime": "2024-09-18T08:30:00"}
DISTANCES = [[17.5, None], [None, 20], [1.0, 2.0]]


def matrix(client: FlaskClient, **changes: Any) -> dict:
    response = client.post("/v1/matrix", json=REQUEST | changes)
    assert response.status_code == 200, response.get_data(as_text=True)
    assert MatrixSchema().validate(response.get_json()) == {}
    return response.get_json()


@pytest.mark.parametrize("given", [{}, {"distances": DISTANCES}])
def test_each_cell_is_the_trip_from_its_row_to_its_column(client: FlaskClient, given: dict):
    answer = matrix(client, **given)
    assert (answer["sources"], answer["destinations"]) == (REQUEST["sources"], REQUEST["destinations"])
    assert answer["pickup_datetime"] == "2024-09-18T08:30:00-04:00"
    for row, source in enumerate(REQUEST["sources"]):
        for column, destination in enumerate(REQUEST["destinations"]):
            trip = {"PULocationID": source, "DOLocationID": destination, "pickup_datetime": REQUEST["pickup_datetime"]}
            if given and DISTANCES[row][column] is not None:
                trip["trip_distance"] = DISTANCES[row][column]
            single = client.post("/predict", json=trip).get_json()
            assert answer["durations"][row][column] == single["duration"]
            for bound in ("lower", "upper"):
                expected = single["interval"][bound]
                assert answer["intervals"][bound][row][column] == expected
            assert answer["distances"][row][column] == single["trip_distance"]["miles"]
            assert answer["estimated"][row][column] == (single["trip_distance"]["source"] == "estimate")
            assert answer["basis"][row][column] == single["basis"]["kind"]
            assert answer["intervals"]["level"] == single["interval"]["level"]
            assert answer["model"] == single["model"]


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"sources": []}, {"sources": ["Shorter than minimum length 1."]}),
        ({"sources": 161}, {"sources": ["Not a valid list."]}),
        ({"sources": [161, 0, 1]}, {"sources": {"1": [ZONE]}}),
        ({"destinations": ["132"]}, {"destinations": {"0": ["Not a valid integer."]}}),
        ({"pickup_datetime": "soon"}, {"pickup_datetime": [TIME]}),
        ({"distances": [[1.0, 2.0]]}, {"distances": ["Has 1 rows for 3 sources."]}),
        (
            {"distances": [[1, 2], [1], [1, 2, 3]]},
            {"distances": {"1": ["Has 1 cells for 2 destinations."], "2": ["Has 3 cells for 2 destinations."]}},
        ),
        ({"distances": [[1, 2], [0, 2], [1, 2]]}, {"distances": {"1": {"0": [DISTANCE]}}}),
        ({"distances": None}, {"distances": ["Field may not be null."]}),
        ({"annotations": "duration"}, {"annotations": ["Unknown field."]}),
    ],
)
def test_what_is_wrong_is_named_down_to_the_cell(client: FlaskClient, changes: dict, errors: dict):
    problem = assert_problem(client.post("/v1/matrix", json=REQUEST | changes), 422)
    assert problem["errors"] == errors


def test_a_matrix_has_a_limit(predictor: Predictor):
    client = create_app(Settings(max_matrix=6), predictor).test_client()
    matrix(client)
    problem = assert_problem(client.post("/v1/matrix", json=REQUEST | {"sources": [1, 2, 3, 4]}), 413)
    assert "8 cells" in problem["detail"]
    assert "at most 6" in problem["detail"]


def test_the_largest_matrix_with_every_distance_is_not_too_long(client: FlaskClient):
    zones = [1 + index for index in range(100)]
    miles = [[0.1 + (row + column) / 7 for column in range(100)] for row in range(100)]
    answer = matrix(client, sources=zones, destinations=zones, distances=miles)
    assert not any(map(any, answer["estimated"]))
