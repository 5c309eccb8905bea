"""The text of a batch's answer is what orjson makes of the answers as dicts."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from taxi_api.answers import model_reference
from taxi_api.batch import Batch, batch_answers
from taxi_api.batch_text import batch_text
from taxi_api.model.features import Trips
from taxi_api.model.predictor import BASIS, Predictions, Predictor
from taxi_api.schemas.batch import BatchAnswerSchema, BatchFailureSchema, BatchPredictionSchema
from tests.http.test_batch import BATCH, post
from tests.http.test_predict import TRIP

# What JSON escapes, what a template could take for a place, and what stands between two values.
AWKWARD = st.text(st.sampled_from('",%b\\\n\0\u00fc\u2028\U0001f695a0'), max_size=8)
IDS = st.none() | AWKWARD | st.text(max_size=100).filter(str.isprintable) | st.integers(-(2**63), 2**64 - 1)
ERRORS = st.dictionaries(AWKWARD, st.lists(AWKWARD, min_size=1, max_size=2), min_size=1, max_size=2)
# Most minutes and all miles are looked up; halves of a hundredth show how they are rounded.
MINUTES = st.floats(0.5, 90) | st.floats(0.5, 1e7) | st.sampled_from([0.5, 2.675, 5.0, 17.4, 200.0, 200.005, 200.01])
MILES = st.floats(0, 200, exclude_min=True) | st.sampled_from([5e-324, 0.005, 2.675, 200.0])
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))


@st.composite
def answered(draw: st.DrawFn) -> tuple[Predictions, Batch]:
    """Return a batch in which any trip may be invalid, and answers to the valid ones."""
    ids = draw(st.lists(IDS, max_size=5) | st.lists(AWKWARD, max_size=5) | st.lists(st.none(), max_size=5))
    errors = {index: draw(ERRORS) for index in range(len(ids)) if draw(st.booleans())}

    def of_valid(values: st.SearchStrategy) -> list[Any]:
        return [draw(values) for _ in range(len(ids) - len(errors))]

    pickups = [time.isoformat(timespec="seconds") for time in of_valid(TIMES)]
    predicted = Predictions(
        minutes=np.array(of_valid(st.tuples(MINUTES, MINUTES, MINUTES)), np.float64).reshape(-1, 3),
        miles=np.array(of_valid(MILES), np.float64),
        estimated=np.array(of_valid(st.booleans()), bool),
        basis=np.array(of_valid(st.integers(0, len(BASIS) - 1)), np.uint8),
        basis_trips=np.array(of_valid(st.integers(0, 2**32 - 1)), np.uint32),
    )
    empty = np.empty(0)
    return predicted, Batch(Trips(empty, empty, empty, empty), pickups, ids, errors)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answered())
def test_the_text_is_the_json_of_the_answers(predictor: Predictor, found: tuple[Predictions, Batch]):
    predicted, batch = found
    text = batch_text(predictor, predicted, batch)
    rows = batch_answers(predicted, batch, predictor.bundle.level)
    answer = {"predictions": rows, "model": model_reference(predictor)}
    assert text == orjson.dumps(answer) + b"\n"
    answer = json.loads(text)
    assert BatchAnswerSchema().validate(answer) == {}
    for index, row in enumerate(answer["predictions"]):
        schema = BatchFailureSchema() if index in batch.errors else BatchPredictionSchema()
        assert schema.validate(row) == {}


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(0, 250, exclude_min=True), min_size=1, max_size=20))
@example([hundredth / 100 for hundredth in range(1, 20_101)])
@example([hundredth / 200 for hundredth in range(1, 40_002)])
def test_every_number_is_written_as_orjson_writes_it(predictor: Predictor, miles: list[float]):
    ones = np.ones(len(miles), np.uint8)
    predicted = Predictions(np.ones((len(miles), 3)), np.array(miles), ones.astype(bool), ones, ones.astype(np.uint32))
    empty = np.empty(0)
    times = [(datetime(2024, 1, 1) + timedelta(seconds=second)).isoformat() for second in range(len(miles))]
    batch = Batch(Trips(empty, empty, empty, empty), times, [None] * len(miles), {})
    rows = batch_answers(predicted, batch, predictor.bundle.level)
    answer = {"predictions": rows, "model": model_reference(predictor)}
    assert batch_text(predictor, predicted, batch) == orjson.dumps(answer) + b"\n"


@pytest.mark.parametrize("id", [10**30, "\ud800"])
def test_an_id_that_orjson_cannot_write_comes_back_all_the_same(client: FlaskClient, id: Any):
    rows = [TRIP | {"id": id}, TRIP | {"id": "a"}, TRIP | {"id": id, "DOLocationID": 0}]
    assert [row["id"] for row in post(client, {"trips": rows})] == [id, "a", id]


def test_an_answer_is_counted_once_however_it_is_written(client: FlaskClient):
    def counted() -> float:
        lines = client.get("/metrics").get_data(as_text=True).splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("taxi_predictions_total{"))

    before = counted()
    post(client, {"trips": [TRIP | {"id": 10**30}, TRIP]})
    client.post(BATCH, json={"trips": [TRIP]}, headers={"Accept": "text/csv"})
    post(client, {"trips": [TRIP]})
    assert counted() - before == 4
