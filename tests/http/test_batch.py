"""A batch means what its trips would mean alone."""

import csv
import io
import json
import math
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taxi_api.app import create_app
from taxi_api.model.predictor import Predictor
from taxi_api.schemas.batch import BatchAnswerSchema, BatchFailureSchema, BatchPredictionSchema
from taxi_api.settings import Settings
from tests.http.test_errors import assert_problem
from tests.http.test_predict import EXAMPLE, SPELLING, TRIP, ZONE

BATCH = "/v1/predict/batch"
CSV = {"content_type": "text/csv"}
BAD = TRIP | {"DOLocationID": 0}
BAD_ERRORS = {"DOLocationID": [ZONE]}


def post(client: FlaskClient, body: Any, query: str = "") -> list[dict]:
    response = client.post(f"{BATCH}{query}", data=json.dumps(body), content_type="application/json")
    assert response.status_code == 200, response.get_data(as_text=True)
    answer = response.get_json()
    assert BatchAnswerSchema().validate(answer) == {}
    for row in answer["predictions"]:
        schema = BatchFailureSchema() if "error" in row else BatchPredictionSchema()
        assert schema.validate(row) == {}
    return answer["predictions"]


def alone(client: FlaskClient, row: Any, index: int) -> dict:
    """Return what a batch has to say of a row, from what the row gets by itself."""
    response = client.post("/predict", data=json.dumps(row), content_type="application/json")
    single = response.get_json()
    if response.status_code == 200:
        return {name: value for name, value in single.items() if name != "model"}
    return {"error": {"index": index, "errors": single["errors"]}}


# Values of every JSON type, most of them near the edge of what a field takes.
ODD = st.sampled_from([None, True, False, "", "161", "5.0", [], {}, [1], math.nan, math.inf, -0.0, 1e400, 10**30, 1.5])
ZONES = st.integers(-1, 267) | st.sampled_from([1, 161, 265, 1.0, 2**53, -(10**400)]) | ODD
MILES = st.floats(-1, 201) | st.integers(-1, 201) | st.sampled_from([5e-324, 200.0, 200.00001, 2**63, 10**400]) | ODD
TIMES = (
    st.datetimes().map(lambda time: time.isoformat())
    | st.sampled_from(
        [
            "2024-09-18 08:30",
            "2024-09-18T12:30:00Z",
            "2024-09-18T14:30:00.987+02:00",
            "2024-03-10T02:30:00",
            "2024-11-03T01:30:00-05:00",
            "2024-W38-3T08:30",
            "20240918T083000",
            "2024-09-18",
            "1999-12-31T23:59:59-05:00",
            "2100-01-01T04:59:59Z",
            "9999-12-31T23:59:59-23:59",
            "now",
            "NaT",
            1726648200,
        ]
    )
    | ODD
)
# A trip without a time is for now, and now moves on between two requests.
NAMES = {"PULocationID": ZONES, "DOLocationID": ZONES, "pickup_datetime": TIMES}
LOWER = {"pickup_location_id": ZONES, "dropoff_location_id": ZONES, "pickup_datetime": TIMES}
OTHERS = {"trip_distance": MILES, "passengers": ODD}
MIXED = {name: ZONES for name in (*NAMES, *LOWER) if name != "pickup_datetime"}
RIGHT = st.fixed_dictionaries(
    {
        "PULocationID": st.integers(1, 265),
        "DOLocationID": st.integers(1, 265),
        "pickup_datetime": st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(datetime.isoformat),
    },
    optional={"trip_distance": st.floats(0, 200, exclude_min=True)},
)
ROW = (
    RIGHT
    | st.fixed_dictionaries(NAMES, optional=OTHERS)
    | st.fixed_dictionaries(LOWER, optional=OTHERS)
    | st.fixed_dictionaries({"pickup_datetime": TIMES}, optional=MIXED | OTHERS)
    | ODD
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, max_size=6))
def test_a_row_gets_what_it_would_get_alone(client: FlaskClient, rows: list[Any]):
    assert post(client, {"trips": rows}) == [alone(client, row, index) for index, row in enumerate(rows)]


EDGES = {
    "PULocationID": [0, 1, 265, 266, 1.0, True, "1", None, [1]],
    "DOLocationID": [0, 1, 265, 266, -1, 2**63, False, {}],
    "trip_distance": [0, -0.0, 5e-324, 1, 200, 200.00001, 201, 10**400, math.nan, math.inf, True, "5", None],
    "pickup_datetime": [
        *("2000-01-01T00:00:00", "2000-01-01T04:59:59Z", "2100-01-01T04:59:59Z", "2100-01-01T05:00:00Z"),
        *("2024-03-10T02:30:00", "2024-11-03T01:30:00-05:00", "2024-09-18", "", "now", 1726648200, None),
    ],
    "passengers": [1],
    "pickup_location_id": [161],
}


def test_a_value_at_the_edge_gets_what_it_would_get_alone(client: FlaskClient):
    rows = [TRIP | {field: value} for field, values in EDGES.items() for value in values]
    found = post(client, {"trips": rows})
    assert found == [alone(client, row, index) for index, row in enumerate(rows)]
    assert 10 <= sum("error" in row for row in found) <= len(rows) - 10


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.fixed_dictionaries(NAMES | {"trip_distance": MILES}) | RIGHT, min_size=1, max_size=6),
    lower_case=st.booleans(),
)
def test_columns_are_rows_turned_around(client: FlaskClient, rows: list[dict], lower_case: bool):
    spelled = {"PULocationID": "pickup_location_id", "DOLocationID": "dropoff_location_id"} if lower_case else {}
    rows = [{spelled.get(name, name): value for name, value in row.items()} for row in rows]
    columns = {name: [row.get(name) for row in rows] for name in rows[0] | {"trip_distance": None}}
    # In a column null says what a row says by leaving a field out.
    given = [{name: value for name, value in row.items() if value is not None} for row in rows]
    timeless = [index for index, row in enumerate(given) if "pickup_datetime" not in row]
    for index, (found, expected) in enumerate(zip(post(client, columns), post(client, {"trips": given}), strict=True)):
        if index in timeless and "error" not in expected:
            found["pickup_datetime"] = expected["pickup_datetime"]
        assert found == expected


@pytest.mark.parametrize("field", TRIP)
def test_a_value_among_right_ones_gets_what_it_would_get_alone(client: FlaskClient, field: str):
    for value in EDGES[field]:
        if value is not None:
            rows = [TRIP, TRIP | {field: value}, TRIP]
            expected = [alone(client, row, index) for index, row in enumerate(rows)]
            assert post(client, {"trips": rows}) == expected
            assert post(client, {name: [row[name] for row in rows] for name in TRIP}) == expected


@pytest.mark.parametrize("id", ["", "x" * 100, "x" * 101, 0, -(2**63), True, 1.5, [], {}])
@pytest.mark.parametrize("other", ["a", 7])
def test_an_id_among_right_ones_is_judged_alone(client: FlaskClient, id: Any, other: Any):
    rows = [TRIP | {"id": name} for name in (other, id, other)]
    found = post(client, {"trips": rows})
    assert post(client, {name: [row[name] for row in rows] for name in rows[0]}) == found
    (expected,) = post(client, {"trips": rows[1:2]})
    if "error" in expected:
        expected["error"]["index"] = 1
    assert found[1] == expected
    assert [row.get("id") for row in found[::2]] == [other, other]


def test_a_trip_of_a_column_with_ids_may_have_none(client: FlaskClient):
    columns = {name: [value] * 3 for name, value in TRIP.items()}
    assert [row.get("id") for row in post(client, columns | {"id": ["a", None, 7]})] == ["a", None, 7]
    assert post(client, columns | {"id": [None] * 3}) == post(client, columns)


def test_answers_come_in_the_order_of_the_request_with_the_callers_ids(client: FlaskClient):
    rows = [TRIP | {"id": 7}, BAD | {"id": "b"}, EXAMPLE, BAD, {"id": "only"}, 5]
    found = post(client, {"trips": rows})
    assert [row.get("id") for row in found] == [7, "b", None, None, "only", None]
    assert ["error" in row for row in found] == [False, True, False, True, True, True]
    assert found[1] == {"id": "b", "error": {"index": 1, "errors": BAD_ERRORS}}
    assert found[5]["error"] == {"index": 5, "errors": {"_schema": ["Invalid input type."]}}


@pytest.mark.parametrize("id", [None, True, 1.5, [], {}, "x" * 101])
def test_an_id_is_a_short_string_or_a_whole_number(client: FlaskClient, id: Any):
    (found,) = post(client, {"trips": [TRIP | {"id": id}]})
    assert list(found) == ["error"]
    assert list(found["error"]["errors"]) == ["id"]


def test_trips_without_a_time_are_all_for_the_same_now(client: FlaskClient):
    assert len({row["pickup_datetime"] for row in post(client, {"trips": [EXAMPLE] * 50})}) == 1


def test_an_empty_batch_has_an_empty_answer(client: FlaskClient):
    assert post(client, {"trips": []}) == []
    assert post(client, {"PULocationID": [], "DOLocationID": []}) == []
    assert post(client, {"trips": [5]})[0]["error"]["index"] == 0


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"PULocationID", "DOLocationID"}),
        ([TRIP], {"_schema"}),
        ({"trips": TRIP}, {"trips"}),
        ({"trips": None}, {"trips"}),
        ({"trips": [TRIP], "model": 1}, {"model"}),
        ({"PULocationID": [1]}, {"DOLocationID"}),
        ({"PULocationID": 1, "DOLocationID": [2]}, {"PULocationID"}),
        ({"PULocationID": [1], "DOLocationID": [2], "trip_distance": None}, {"trip_distance"}),
        ({"PULocationID": [1], "DOLocationID": [2], "passengers": [1]}, {"passengers"}),
        ({"PULocationID": [1, 2], "DOLocationID": [2]}, {"_schema"}),
        ({"PULocationID": [], "DOLocationID": [2]}, {"_schema"}),
        ({"PULocationID": [1], "DOLocationID": [2], "pickup_location_id": [1]}, {"pickup_location_id"}),
    ],
)
def test_a_body_that_is_no_batch_is_refused_as_a_whole(client: FlaskClient, body: Any, errors: set[str]):
    problem = assert_problem(client.post(BATCH, json=body), 422)
    assert set(problem["errors"]) == errors


def test_a_strict_batch_is_answered_only_as_a_whole(client: FlaskClient):
    problem = assert_problem(client.post(f"{BATCH}?strict=true", json={"trips": [TRIP, BAD, TRIP, BAD]}), 422)
    assert problem["errors"] == {"1": BAD_ERRORS, "3": BAD_ERRORS}
    assert len(post(client, {"trips": [TRIP, TRIP]}, "?strict=true")) == 2
    assert len(post(client, {"trips": [TRIP, BAD]}, "?strict=false")) == 2


@pytest.mark.parametrize("query", ["strict=yes", "strict=1", "strict=", "strict=true&strict=true", "lenient=true"])
def test_a_bad_query_is_refused(client: FlaskClient, query: str):
    assert_problem(client.post(f"{BATCH}?{query}", json={"trips": [TRIP]}), 422)


@pytest.fixture
def small(predictor: Predictor) -> FlaskClient:
    """A service that takes three trips at once."""
    return create_app(Settings(max_batch=3), predictor).test_client()


def table(rows: list[dict]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def test_a_batch_has_a_limit(small: FlaskClient):
    columns = {name: [value] * 4 for name, value in TRIP.items()}
    for sent in ({"json": {"trips": [TRIP] * 4}}, {"json": columns}, {"data": table([TRIP] * 4), **CSV}):
        problem = assert_problem(small.post(BATCH, **sent), 413)
        assert "at most 3 trips" in problem["detail"]
    assert len(post(small, {"trips": [TRIP] * 3})) == 3
    assert small.post(BATCH, data=table([TRIP] * 3), **CSV).status_code == 200


def test_a_batch_may_be_longer_than_a_trip_but_not_endless(client: FlaskClient, small: FlaskClient):
    row = TRIP | {"id": "123e4567-e89b-12d3-a456-426614174000"}
    body = json.dumps({"trips": [row] * 10_000}, indent=4)
    assert len(body) > 2_000_000
    assert client.post(BATCH, data=body, content_type="application/json").status_code == 200
    assert_problem(small.post(BATCH, data=" " * 100_000, content_type="application/json"), 413)
    assert_problem(small.post(BATCH, data=" " * 100_000, **CSV), 413)


def test_csv_comes_in_and_goes_out(client: FlaskClient):
    rows = [TRIP | {"id": "=1+1"}, TRIP | {"id": "a,b"}, BAD | {"id": "\u00fc", "trip_distance": "x"}]
    response = client.post(BATCH, data="\ufeff" + table(rows) + "\r\n\r\n", headers={"Accept": "text/csv"}, **CSV)
    assert response.status_code == 200
    assert response.mimetype == "text/csv"
    found = list(csv.DictReader(io.StringIO(response.get_data(as_text=True), newline="")))
    single = client.post("/predict", json=TRIP).get_json()
    assert [row["id"] for row in found] == [row["id"] for row in rows]
    assert float(found[0]["duration"]) == single["duration"]
    assert float(found[1]["upper"]) == single["interval"]["upper"]
    assert found[0]["miles"] == "17.0"
    assert found[0]["pickup_datetime"] == single["pickup_datetime"]
    assert found[0]["model_version"] == single["model"]["version"]
    assert found[0]["error"] == ""
    assert found[2]["duration"] == ""
    assert found[2]["error"] == f"DOLocationID: {ZONE}; trip_distance: Not a valid number."


def test_a_line_of_csv_says_what_json_does(client: FlaskClient):
    without_distance = {name: value for name, value in TRIP.items() if name != "trip_distance"}
    body = {"trips": [BAD, TRIP | {"id": 7}, without_distance | {"id": "b"}, BAD | {"id": "c"}, TRIP]}
    lines = client.post(BATCH, json=body, headers={"Accept": "text/csv"}).get_data(as_text=True)
    found = list(csv.DictReader(io.StringIO(lines, newline="")))
    version = client.get("/v1/model").get_json()["version"]
    for line, row in zip(found, post(client, body), strict=True):
        expected = {"id": row.get("id"), "model_version": version}
        if "error" in row:
            expected |= {"error": f"DOLocationID: {ZONE}"}
        else:
            expected |= {"duration": row["duration"], **row["interval"], **row["trip_distance"], **row["basis"]}
            expected["distance_source"], expected["basis"] = expected.pop("source"), expected.pop("kind")
            expected["basis_trips"], expected["pickup_datetime"] = expected.pop("trips"), row["pickup_datetime"]
        assert {name: cell for name, cell in line.items() if cell} == {
            name: str(value) for name, value in expected.items() if value is not None
        }


def test_csv_writes_what_utf_8_cannot_hold_as_json_does(client: FlaskClient):
    body = {"trips": [TRIP | {"id": "\u00fc\ud800"}, TRIP | {"\ud800": 1}]}
    response = client.post(BATCH, json=body, headers={"Accept": "text/csv"})
    assert response.status_code == 200
    first, second = csv.DictReader(io.StringIO(response.get_data(as_text=True), newline=""))
    assert first["id"] == "\u00fc\\ud800"
    assert second["error"] == "\\ud800: Unknown field."


def test_csv_is_a_batch_like_any_other(client: FlaskClient):
    text = "pickup_location_id,dropoff_location_id,trip_distance,pickup_datetime\n161,132,,\n161,,5,\n"
    response = client.post(BATCH, data=text, **CSV)
    first, second = response.get_json()["predictions"]
    assert first["trip_distance"]["source"] == "estimate"
    assert second["error"]["errors"] == {"dropoff_location_id": ["Missing data for required field."]}
    assert_problem(client.post(f"{BATCH}?strict=true", data=text, **CSV), 422)


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("PULocationID,DOLocationID,passengers\n1,2,3\n", "passengers", "Unknown field."),
        ("PULocationID\n1\n", "DOLocationID", "Missing data for required field."),
        ("", "PULocationID", "Missing data for required field."),
        ("PULocationID,DOLocationID,pickup_location_id\n1,2,3\n", "pickup_location_id", SPELLING),
    ],
)
def test_csv_with_a_wrong_header_is_invalid(client: FlaskClient, text: str, field: str, message: str):
    problem = assert_problem(client.post(BATCH, data=text, **CSV), 422)
    assert problem["errors"][field] == [message]


@pytest.mark.parametrize(
    "body",
    [
        b"PULocationID,PULocationID\n1,1\n",
        b"PULocationID,DOLocationID\n1\n",
        b"PULocationID,DOLocationID\n1,2,3\n",
        b'PULocationID,DOLocationID\n"1,2\n',
        b"PULocationID,DOLocationID\n\xff,2\n",
        b"PULocationID,DOLocationID\n" + b"1" * 140_000 + b",2\n",
    ],
)
def test_text_that_is_no_table_is_a_bad_request(client: FlaskClient, body: bytes):
    problem = assert_problem(client.post(BATCH, data=body, **CSV), 400)
    assert "CSV" in problem["detail"]


def test_another_media_type_is_refused_with_the_ones_taken(client: FlaskClient):
    problem = assert_problem(client.post(BATCH, data="{}", content_type="text/plain"), 415)
    assert "application/json or text/csv" in problem["detail"]
