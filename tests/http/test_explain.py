from decimal import Decimal

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings

from taxi_api.model.features import Trips
from taxi_api.model.predictor import Predictor
from taxi_api.schemas.explanation import ExplanationSchema
from tests.http.test_batch import RIGHT
from tests.http.test_errors import assert_problem
from tests.http.test_predict import EXAMPLE, TRIP


def explain(client: FlaskClient, trip: dict) -> dict:
    response = client.post("/v1/explain", json=trip)
    assert response.status_code == 200, response.get_data(as_text=True)
    assert ExplanationSchema().validate(response.get_json()) == {}
    return response.get_json()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trip=RIGHT)
def test_the_parts_add_up_to_the_very_duration_that_is_predicted(client: FlaskClient, trip: dict):
    answer = explain(client, trip)
    single = client.post("/predict", json=trip).get_json()
    for name in ("duration", "trip_distance", "pickup_datetime", "basis", "model"):
        assert answer[name] == single[name]
    parts = [answer["base"], *(part["minutes"] for part in answer["contributions"])]
    assert sum(Decimal(str(part)) for part in parts) == Decimal(str(answer["duration"]))


def test_the_largest_part_comes_first_and_none_is_nothing(client: FlaskClient):
    sizes = [abs(part["minutes"]) for part in explain(client, TRIP)["contributions"]]
    assert sizes == sorted(sizes, reverse=True)
    assert min(sizes) > 0


def parts(answer: dict) -> dict[str, dict]:
    return {part["feature"]: part for part in answer["contributions"]}


def test_a_long_way_adds_minutes_and_a_missing_distance_has_no_value(client: FlaskClient):
    near, far = (parts(explain(client, {**TRIP, "trip_distance": miles}))["trip_distance"] for miles in (13.5, 40))
    assert near["minutes"] < far["minutes"]
    assert (near["value"], far["value"]) == (13.5, 40)
    unknown = parts(explain(client, {name: value for name, value in TRIP.items() if name != "trip_distance"}))
    assert unknown["trip_distance"]["value"] is None


def test_each_part_says_what_its_input_is(client: FlaskClient):
    values = {name: part["value"] for name, part in parts(explain(client, TRIP)).items()}
    day, time = TRIP["pickup_datetime"].split("T")
    expected = {"pickup_zone": TRIP["PULocationID"], "dropoff_zone": TRIP["DOLocationID"], "time_of_day": time}
    expected |= {"trip_distance": TRIP["trip_distance"], "date": day}
    assert values.items() <= expected.items()
    assert {"pickup_zone", "dropoff_zone", "trip_distance"} <= values.keys()


def test_a_duration_at_the_least_says_what_raised_it(client: FlaskClient, predictor: Predictor):
    zones = np.arange(1, 266)
    nowhere = Trips(zones, zones, np.full(265, 0.01), np.full(265, np.datetime64("2024-09-18T03:00:00")))
    shortest = predictor.raw(predictor.features.matrix(nowhere))[:, 0]
    if shortest.min() >= 0.5:
        pytest.skip("this model answers no trip with less than the least by itself")
    zone = int(zones[shortest.argmin()])
    trip = {"PULocationID": zone, "DOLocationID": zone, "trip_distance": 0.01, "pickup_datetime": "2024-09-18T03:00:00"}
    answer = explain(client, trip)
    assert answer["duration"] == 0.5
    (raised,) = (part["minutes"] for part in answer["contributions"] if part["feature"] == "least")
    assert raised == pytest.approx(0.5 - shortest.min(), abs=0.011)


def test_a_trip_without_a_time_is_explained_for_now(client: FlaskClient):
    assert explain(client, EXAMPLE)["pickup_datetime"]
    lower_case = {"pickup_location_id": 1, "dropoff_location_id": 2, "trip_distance": 5.0}
    assert explain(client, lower_case)["trip_distance"] == {"miles": 5.0, "source": "request"}


@pytest.mark.parametrize("body", [{}, EXAMPLE | {"trip_distance": 0}, [EXAMPLE]])
def test_an_invalid_trip_is_refused_as_by_predict(client: FlaskClient, body: object):
    problem = assert_problem(client.post("/v1/explain", json=body), 422)
    assert problem["errors"] == client.post("/predict", json=body).get_json()["errors"]
