"""Requests as clients of the Open Inference Protocol write them."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from taxi_api.app import create_app
from taxi_api.model.predictor import Predictor
from taxi_api.model.store import load_predictor
from taxi_api.schemas.inference import InferenceAnswerSchema, ModelMetadataSchema
from taxi_api.settings import Settings
from tests.http.test_errors import assert_problem
from tests.http.test_health import spoil
from tests.http.test_predict import TRIP, ZONE

MODEL = "/v2/models/taxi-duration"
PICKUP = {"name": "PULocationID", "shape": [2], "datatype": "INT64", "data": [161, 1]}
DROPOFF = {"name": "DOLocationID", "shape": [2], "datatype": "INT64", "data": [132, 2]}
MILES = {"name": "trip_distance", "shape": [2], "datatype": "FP64", "data": [17.0, None]}
TIME = {"name": "pickup_datetime", "shape": [2], "datatype": "BYTES", "data": [TRIP["pickup_datetime"]] * 2}


def infer(client: FlaskClient, *inputs: dict, **more: Any) -> dict:
    response = client.post(f"{MODEL}/infer", json={"inputs": list(inputs)} | more)
    assert response.status_code == 200, response.get_data(as_text=True)
    assert InferenceAnswerSchema().validate(response.get_json()) == {}
    return response.get_json()


def test_tensors_get_the_answers_of_their_trips(client: FlaskClient, predictor: Predictor):
    answer = infer(client, PICKUP, DROPOFF, MILES, TIME, id="42")
    assert (answer["id"], answer["model_name"]) == ("42", "taxi-duration")
    assert answer["model_version"] == predictor.bundle.version
    outputs = {tensor["name"]: tensor for tensor in answer["outputs"]}
    assert list(outputs) == ["duration", "lower", "upper", "trip_distance"]
    assert all(tensor["shape"] == [2] and tensor["datatype"] == "FP64" for tensor in outputs.values())
    single = client.post("/predict", json=TRIP).get_json()
    assert outputs["duration"]["data"][0] == single["duration"]
    assert outputs["lower"]["data"][0] == single["interval"]["lower"]
    assert outputs["upper"]["data"][0] == single["interval"]["upper"]
    assert outputs["trip_distance"]["data"][0] == 17.0
    assert outputs["trip_distance"]["data"][1] > 0


def test_tensors_may_be_nested_narrow_and_in_lower_case(client: FlaskClient):
    expected = infer(client, PICKUP, DROPOFF, MILES, TIME)
    inputs = [
        {"name": "pickup_location_id", "shape": [2, 1], "datatype": "UINT16", "data": [[161], [1]]},
        {"name": "dropoff_location_id", "shape": [2, 1], "datatype": "INT32", "data": [132, 2]},
        MILES | {"datatype": "FP32", "parameters": {"binary_data": False}},
        TIME | {"shape": [2, 1], "data": [[time] for time in TIME["data"]]},
    ]
    assert infer(client, *inputs) == expected


def test_only_the_outputs_asked_for_are_given(client: FlaskClient):
    answer = infer(client, PICKUP, DROPOFF, outputs=[{"name": "upper"}, {"name": "duration"}])
    assert [tensor["name"] for tensor in answer["outputs"]] == ["upper", "duration"]
    assert "id" not in answer


@pytest.mark.parametrize(
    ("inputs", "errors"),
    [
        ([PICKUP], {"DOLocationID": ["Missing data for required field."]}),
        ([PICKUP | {"data": [161, 0]}, DROPOFF], {"1": {"PULocationID": [ZONE]}}),
        ([PICKUP | {"data": [161.0, 1]}, DROPOFF], {"0": {"PULocationID": ["Not a valid integer."]}}),
        ([PICKUP, PICKUP, DROPOFF], {"inputs": ["Names an input twice."]}),
        ([PICKUP | {"datatype": "FP32"}, DROPOFF], {"inputs": {"0": {"datatype"}}}),
        ([PICKUP, DROPOFF | {"shape": [3]}], {"inputs": {"1": {"shape"}}}),
        ([PICKUP, DROPOFF | {"shape": [1, 2]}], {"inputs": {"1": {"shape"}}}),
        ([PICKUP, DROPOFF | {"name": "passengers"}], {"inputs": {"1": {"name"}}}),
        ([PICKUP, DROPOFF | {"shape": [1], "data": [1]}], {"_schema"}),
    ],
)
def test_what_is_wrong_is_named(client: FlaskClient, inputs: list[dict], errors: Any):
    problem = assert_problem(client.post(f"{MODEL}/infer", json={"inputs": inputs}), 422)
    found = problem["errors"]
    if isinstance(errors, set):
        assert set(found) == errors
    elif "inputs" in errors and isinstance(errors["inputs"], dict):
        assert {place: set(fields) for place, fields in found["inputs"].items()} == errors["inputs"]
    else:
        assert found == errors


def test_an_inference_has_the_limit_of_a_batch(predictor: Predictor):
    client = create_app(Settings(max_batch=1), predictor).test_client()
    assert_problem(client.post(f"{MODEL}/infer", json={"inputs": [PICKUP, DROPOFF]}), 413)


def test_the_model_describes_tensors_that_it_takes(client: FlaskClient, predictor: Predictor):
    metadata = client.get(MODEL).get_json()
    assert ModelMetadataSchema().validate(metadata) == {}
    assert metadata["versions"] == [predictor.bundle.version]
    values = {tensor["name"]: tensor["data"] for tensor in (PICKUP, DROPOFF, MILES, TIME)}
    described = [
        {"name": tensor["name"], "datatype": tensor["datatype"], "shape": [2], "data": values[tensor["name"]]}
        for tensor in metadata["inputs"]
    ]
    answer = infer(client, *described)
    assert [tensor["name"] for tensor in answer["outputs"]] == [tensor["name"] for tensor in metadata["outputs"]]


def test_probes_tell_alive_from_ready():
    client = create_app(Settings(), load_predictor("")).test_client()
    assert client.get("/v2/health/live").get_json() == {"live": True}
    assert client.get("/v2/health/ready").get_json() == {"ready": True}
    assert client.get(f"{MODEL}/ready").get_json() == {"name": "taxi-duration", "ready": True}
    spoil(client)
    assert client.get("/v2/health/live").status_code == 200
    for path in ("/v2/health/ready", f"{MODEL}/ready", "/ping"):
        assert_problem(client.get(path), 503)
    assert_problem(client.get("/v2/models/other"), 404)
