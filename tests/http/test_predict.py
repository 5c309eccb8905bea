import json
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient

from taxi_api.newyork import NEW_YORK
from taxi_api.schemas.prediction import PredictionSchema

TRIP = {"PULocationID": 161, "DOLocationID": 132, "trip_distance": 17.0, "pickup_datetime": "2024-09-18T08:30:00"}
EXAMPLE = {"PULocationID": 1, "DOLocationID": 2, "trip_distance": 5.0}
ZONE = "Must be greater than or equal to 1 and less than or equal to 265."
DISTANCE = "Must be greater than 0 and less than or equal to 200."
SPELLING = "Write either PULocationID and DOLocationID, or pickup_location_id and dropoff_location_id."
TIME = "Not a valid ISO 8601 date and time, such as 2024-09-18T08:30:00."


def predict(client: FlaskClient, **changes: object) -> dict:
    body = {name: value for name, value in (TRIP | changes).items() if value is not None}
    response = client.post("/predict", json=body)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


@pytest.mark.parametrize("path", ["/predict", "/v1/predict"])
def test_answer_has_the_shape_of_the_contract(client: FlaskClient, path: str):
    response = client.post(path, json=TRIP)
    assert response.status_code == 200
    assert response.content_type == "application/json"
    answer = response.get_json()
    assert list(answer) == ["duration", "interval", "trip_distance", "pickup_datetime", "basis", "model"]
    assert PredictionSchema().validate(answer) == {}
    assert answer["trip_distance"] == {"miles": 17.0, "source": "request"}
    assert answer["pickup_datetime"] == "2024-09-18T08:30:00-04:00"
    assert answer["interval"]["level"] == 0.9
    assert 0 < answer["interval"]["lower"] < answer["duration"] < answer["interval"]["upper"]


def test_the_documented_example_gets_a_sensible_answer_that_says_it_hardly_happens(client: FlaskClient):
    answer = client.post("/predict", json=EXAMPLE).get_json()
    assert 10 < answer["duration"] < 60
    assert answer["trip_distance"] == {"miles": 5.0, "source": "request"}
    assert answer["basis"]["kind"] != "zone_pair"


def test_a_missing_distance_is_estimated_and_the_answer_says_so(client: FlaskClient):
    answer = predict(client, trip_distance=None)
    assert answer["trip_distance"]["source"] == "estimate"
    # Midtown to JFK is 13 miles as the crow flies.
    assert 14 < answer["trip_distance"]["miles"] < 22
    assert answer["basis"]["kind"] == "zone_pair"


def test_a_missing_time_is_now_in_new_york(client: FlaskClient):
    before = datetime.now(NEW_YORK).replace(microsecond=0)
    shown = datetime.fromisoformat(predict(client, pickup_datetime=None)["pickup_datetime"])
    assert before <= shown <= before + timedelta(minutes=1)
    assert shown.utcoffset() == shown.astimezone(NEW_YORK).utcoffset()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2024-09-18T08:30:00", "2024-09-18T08:30:00-04:00"),
        ("2024-09-18 08:30", "2024-09-18T08:30:00-04:00"),
        ("2024-09-18T12:30:00Z", "2024-09-18T08:30:00-04:00"),
        ("2024-09-18T14:30:00.987+02:00", "2024-09-18T08:30:00-04:00"),
        ("2024-01-18T08:30:00", "2024-01-18T08:30:00-05:00"),
        ("2024-12-31T23:59:59-05:00", "2024-12-31T23:59:59-05:00"),
        # 2:30 never happened: clocks went from 2:00 to 3:00.
        ("2024-03-10T02:30:00", "2024-03-10T03:30:00-04:00"),
        # 1:30 happened twice; the first is meant, unless an offset says otherwise.
        ("2024-11-03T01:30:00", "2024-11-03T01:30:00-04:00"),
        ("2024-11-03T01:30:00-05:00", "2024-11-03T01:30:00-05:00"),
        ("2000-01-01T00:00:00", "2000-01-01T00:00:00-05:00"),
        ("2099-12-31T23:59:59", "2099-12-31T23:59:59-05:00"),
    ],
)
def test_times_are_read_as_new_york_time(client: FlaskClient, given: str, shown: str):
    assert predict(client, pickup_datetime=given)["pickup_datetime"] == shown


def test_the_same_moment_written_differently_is_the_same_trip(client: FlaskClient):
    assert predict(client, pickup_datetime="2024-09-18T12:30:00Z") == predict(client)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("PULocationID", 0, ZONE),
        ("PULocationID", 266, ZONE),
        ("DOLocationID", -1, ZONE),
        ("DOLocationID", 10**30, ZONE),
        ("PULocationID", "161", "Not a valid integer."),
        ("PULocationID", True, "Not a valid integer."),
        ("PULocationID", 1.5, "Not a valid integer."),
        ("PULocationID", [161], "Not a valid integer."),
        ("PULocationID", None, "Field may not be null."),
        ("trip_distance", 0, DISTANCE),
        ("trip_distance", -1, DISTANCE),
        ("trip_distance", 200.1, DISTANCE),
        ("trip_distance", "5.0", "Not a valid number."),
        ("trip_distance", False, "Not a valid number."),
        ("trip_distance", {}, "Not a valid number."),
        ("trip_distance", None, "Field may not be null."),
        ("pickup_datetime", "yesterday", TIME),
        ("pickup_datetime", "2024-09-18", TIME),
        ("pickup_datetime", "2024-02-30T08:00:00", TIME),
        ("pickup_datetime", "", TIME),
        ("pickup_datetime", 1726648200, TIME),
        ("pickup_datetime", None, "Field may not be null."),
        ("pickup_datetime", "1999-12-31T23:00:00", "Must be in the years 2000 to 2099."),
        ("pickup_datetime", "2100-01-01T00:00:00", "Must be in the years 2000 to 2099."),
        ("pickup_datetime", "2100-01-01T04:59:59Z", None),
        ("pickup_datetime", "2000-01-01T04:59:59Z", "Must be in the years 2000 to 2099."),
        ("pickup_datetime", "0001-01-01T00:00:00+23:59", "Must be in the years 2000 to 2099."),
        ("pickup_datetime", "9999-12-31T23:59:59-23:59", "Must be in the years 2000 to 2099."),
        ("passengers", 2, "Unknown field."),
    ],
)
def test_a_bad_field_is_named(client: FlaskClient, field: str, value: object, message: str | None):
    response = client.post("/predict", json=TRIP | {field: value})
    if message is None:
        assert response.status_code == 200
        return
    assert response.status_code == 422
    assert response.get_json()["errors"] == {field: [message]}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
@pytest.mark.parametrize("field", ["trip_distance", "PULocationID"])
def test_numbers_that_are_not_finite_are_refused(client: FlaskClient, field: str, number: str):
    body = json.dumps({name: value for name, value in TRIP.items() if name != field})[:-1] + f', "{field}": {number}}}'
    response = client.post("/predict", data=body, content_type="application/json")
    assert response.status_code == 422
    assert list(response.get_json()["errors"]) == [field]


def test_all_bad_fields_are_named_at_once(client: FlaskClient):
    response = client.post("/predict", json={"PULocationID": 0, "trip_distance": "far"})
    assert response.get_json()["errors"] == {
        "PULocationID": [ZONE],
        "DOLocationID": ["Missing data for required field."],
        "trip_distance": ["Not a valid number."],
    }


@pytest.mark.parametrize("body", ["[]", "5", '"trip"', "null", "true"])
def test_json_that_is_not_an_object_is_invalid(client: FlaskClient, body: str):
    response = client.post("/predict", data=body, content_type="application/json")
    assert response.status_code == 422
    assert response.get_json()["errors"] == {"_schema": ["Invalid input type."]}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"PULocationID=1", b"\xff\xfe{}", b"{'PULocationID': 1}", b"[" * 60_000, b"1" * 5_000, b'{"a": 1}x'],
)
def test_a_body_that_is_not_json_is_a_bad_request(client: FlaskClient, body: bytes):
    response = client.post("/predict", data=body, content_type="application/json")
    assert response.status_code == 400
    assert response.get_json()["detail"].startswith("The body ")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_another_media_type_is_refused(client: FlaskClient, media_type: str):
    response = client.post("/predict", data=json.dumps(TRIP), content_type=media_type)
    assert response.status_code == 415
    assert "application/json" in response.get_json()["detail"]


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/geo+json"])
def test_json_may_be_declared_in_other_words(client: FlaskClient, media_type: str):
    assert client.post("/predict", data=json.dumps(TRIP), content_type=media_type).status_code == 200


def test_a_body_that_is_too_long_is_refused(client: FlaskClient):
    response = client.post("/predict", data=b" " * 70_000, content_type="application/json")
    assert response.status_code == 413


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_another_method_is_refused_with_the_ones_allowed(client: FlaskClient, method: str):
    response = client.open("/predict", method=method)
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_a_trip_may_be_written_as_a_query(client: FlaskClient):
    response = client.get("/v1/predict", query_string=TRIP)
    assert response.status_code == 200
    assert response.get_json() == predict(client)


@pytest.mark.parametrize("time", ["2024-09-18T14:30:00+02:00", "2024-09-18T12:30:00Z"])
def test_a_query_may_name_any_offset(client: FlaskClient, time: str):
    assert client.get("/v1/predict", query_string=TRIP | {"pickup_datetime": time}).get_json() == predict(client)


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("PULocationID=161", {"DOLocationID": ["Missing data for required field."]}),
        ("PULocationID=0&DOLocationID=1", {"PULocationID": [ZONE]}),
        ("PULocationID=1.5&DOLocationID=1", {"PULocationID": ["Not a valid integer."]}),
        ("PULocationID=0161&DOLocationID=1", {"PULocationID": ["Not a valid integer."]}),
        ("PULocationID=%D9%A1&DOLocationID=1", {"PULocationID": ["Not a valid integer."]}),
        ("PULocationID=1_6&DOLocationID=1", {"PULocationID": ["Not a valid integer."]}),
        ("PULocationID=1&DOLocationID=1&trip_distance=NaN", {"trip_distance": ["Not a valid number."]}),
        ("PULocationID=1&DOLocationID=1&trip_distance=", {"trip_distance": ["Not a valid number."]}),
        ("PULocationID=1&DOLocationID=1&trip_distance=-1", {"trip_distance": [DISTANCE]}),
        ("PULocationID=1&DOLocationID=1&pickup_datetime=2024", {"pickup_datetime": [TIME]}),
        ("PULocationID=1&PULocationID=2&DOLocationID=1", {"PULocationID": ["Given more than once."]}),
        ("PULocationID=1&DOLocationID=1&passengers=2", {"passengers": ["Unknown field."]}),
    ],
)
def test_a_bad_query_is_named(client: FlaskClient, query: str, errors: dict):
    response = client.get(f"/v1/predict?{query}")
    assert response.status_code == 422
    assert response.get_json()["errors"] == errors


@pytest.mark.parametrize("distance", ["5", "5.0", "5e0", "0.5E1"])
def test_a_number_in_a_query_is_written_as_in_json(client: FlaskClient, distance: str):
    answer = client.get("/v1/predict", query_string=TRIP | {"trip_distance": distance}).get_json()
    assert answer == predict(client, trip_distance=5.0)


@pytest.mark.parametrize("method", ["get", "post"])
def test_zones_may_be_spelled_in_lower_case(client: FlaskClient, method: str):
    trip = dict(TRIP, pickup_location_id=161, dropoff_location_id=132)
    del trip["PULocationID"], trip["DOLocationID"]
    sent = {"json": trip} if method == "post" else {"query_string": trip}
    response = client.open("/v1/predict", method=method.upper(), **sent)
    assert response.status_code == 200
    assert response.get_json() == predict(client)


@pytest.mark.parametrize(
    ("trip", "errors"),
    [
        (TRIP | {"pickup_location_id": 161}, {"pickup_location_id": [SPELLING]}),
        ({"PULocationID": 1, "dropoff_location_id": 2}, {"dropoff_location_id": [SPELLING]}),
        (
            TRIP | {"pickup_location_id": None, "dropoff_location_id": 132},
            {"pickup_location_id": [SPELLING], "dropoff_location_id": [SPELLING]},
        ),
        (
            {"pickup_location_id": 0, "passengers": 1},
            {
                "pickup_location_id": [ZONE],
                "dropoff_location_id": ["Missing data for required field."],
                "passengers": ["Unknown field."],
            },
        ),
    ],
)
def test_errors_are_in_the_spelling_of_the_request_and_mixing_both_is_one(
    client: FlaskClient, trip: dict, errors: dict
):
    response = client.post("/predict", json=trip)
    assert response.status_code == 422
    assert response.get_json()["errors"] == errors
