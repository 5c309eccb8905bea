"""The fast path answers as Flask does: the same requests to both, whatever they are."""

import json
from copy import copy
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client, TestResponse

from taxi_api.app import create_app
from taxi_api.fast_path import FastPath
from taxi_api.model.predictor import Predictor
from taxi_api.newyork import now
from taxi_api.settings import Settings
from tests.http.test_metrics import scrape

_OWN = {"Server-Timing", "X-Request-ID", "Content-Length"}
_ZONES = st.integers(-1, 267) | st.sampled_from([True, 1.0, "1", None, 10**30])
_MILES = st.floats(allow_nan=True) | st.integers(-1, 201) | st.sampled_from([True, "5", None])
_TIMES = (
    st.datetimes().map(str)
    | st.datetimes(timezones=st.timezones()).map(lambda time: time.isoformat())
    | st.text(max_size=25)
    | st.none()
)
_TRIPS = st.fixed_dictionaries(
    {},
    optional={
        "PULocationID": _ZONES,
        "DOLocationID": _ZONES,
        "pickup_location_id": _ZONES,
        "trip_distance": _MILES,
        "pickup_datetime": _TIMES,
        "more": st.none(),
    },
)
_PLAIN = st.fixed_dictionaries(
    {"PULocationID": st.integers(1, 265), "DOLocationID": st.integers(1, 265), "pickup_datetime": _TIMES},
    optional={"trip_distance": st.floats(0.01, 200)},
)


@pytest.fixture(scope="module")
def plain_app(predictor: Predictor) -> Flask:
    return create_app(Settings(), predictor)


def both(app: Flask, body: str | bytes, **more: Any) -> tuple[TestResponse, TestResponse]:
    arguments = {"method": "POST", "path": "/predict", "content_type": "application/json", "data": body} | more
    while True:
        minute = now().minute
        fast, flask = (Client(wsgi).open(**arguments) for wsgi in (app.wsgi_app, app.wsgi_app.flask))  # type: ignore[attr-defined]
        # A trip without a time is for now: both have to be of one minute.
        if now().minute == minute:
            return fast, flask


def assert_alike(fast: TestResponse, flask: TestResponse) -> None:
    assert fast.status == flask.status
    assert sorted(fast.headers.keys()) == sorted(flask.headers.keys())
    shown = [{name: value for name, value in answer.headers.items() if name not in _OWN} for answer in (fast, flask)]
    assert shown[0] == shown[1]
    one, other = (json.loads(answer.data or b"{}") for answer in (fast, flask))
    # An answer for now says the second, a problem the request's id.
    for own in ("pickup_datetime", "request_id"):
        assert (own in one) == (own in other)
        one.pop(own, None), other.pop(own, None)
    assert one == other


@given(trip=_PLAIN | _TRIPS)
def test_any_trip_has_the_same_answer(plain_app: Flask, trip: dict[str, Any]):
    fast, flask = both(plain_app, json.dumps(trip))
    assert_alike(fast, flask)
    if fast.status_code == HTTPStatus.OK and "pickup_datetime" in trip:
        assert fast.data == flask.data


def test_a_model_may_have_any_name(predictor: Predictor):
    other = copy(predictor)
    other.bundle = replace(predictor.bundle, name='100 %s "taxi" \u2713 %', version="%r")
    trip = {"PULocationID": 1, "DOLocationID": 2, "trip_distance": 5, "pickup_datetime": "2024-09-18T08:30:00"}
    fast, flask = both(create_app(Settings(), other), json.dumps(trip))
    assert fast.data == flask.data
    assert fast.get_json()["model"] == {"name": other.bundle.name, "version": "%r"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"null",
        b'\xef\xbb\xbf{"PULocationID": 1, "DOLocationID": 2, "trip_distance": 5}',
        b'{"PULocationID": 1, "PULocationID": 3, "DOLocationID": 2, "trip_distance": 5}',
        b'{"PULocationID": 1, "DOLocationID": 2, "trip_distance": 5.' + b"0" * 100 + b"}",
        b'{"PULocationID": 1, "DOLocationID": 2, "trip_distance": 5' + b" " * 1000 + b"}",
        b'{"PULocationID": 1, "DOLocationID": 2, "trip_distance": NaN}',
        b'{"PULocationID": 1, "DOLocationID": 2, "trip_distance": 5, "pickup_datetime": "\\ud800"}',
        b"[" * 400,
    ],
)
def test_any_body_has_the_same_answer(plain_app: Flask, body: bytes):
    assert_alike(*both(plain_app, body))


@pytest.mark.parametrize(
    "more",
    [
        {"method": "PUT"},
        {"method": "GET", "path": "/health"},
        {"method": "GET", "path": "/health", "query_string": "a=b", "headers": {"X-API-Key": "unknown"}},
        {"method": "HEAD", "path": "/health"},
        {"method": "POST", "path": "/health"},
        {"path": "/v1/predict"},
        {"path": "/predict/"},
        {"content_type": "text/plain"},
        {"content_type": "application/json; charset=utf-8"},
        {"headers": {"X-Request-ID": "not usable"}},
        {"headers": {"X-Request-ID": "mine"}},
        {"environ_overrides": {"CONTENT_LENGTH": "9999999"}},
    ],
)
def test_any_request_has_the_same_answer(plain_app: Flask, more: dict[str, Any]):
    assert_alike(*both(plain_app, '{"PULocationID": 1, "DOLocationID": 2, "trip_distance": 5}', **more))


def test_the_log_and_the_metrics_say_the_same(predictor: Predictor, caplog: pytest.LogCaptureFixture):
    trip = '{"PULocationID": 1, "DOLocationID": 2, "trip_distance": 5, "pickup_datetime": "2024-09-18T08:30:00"}'
    samples, entries = [], []
    for position in (0, 1):
        app = create_app(Settings(), predictor)
        with caplog.at_level("INFO"):
            wsgi = (app.wsgi_app, app.wsgi_app.flask)[position]  # type: ignore[attr-defined]
            Client(wsgi).post("/predict", content_type="application/json", data=trip)
        entry = caplog.records[-1].__dict__
        entries.append({name: entry[name] for name in ("method", "path", "route", "status", "key_label", "client")})
        found = scrape(app)
        samples.append(
            {
                key: number
                for key, number in found.items()
                if not key[0].endswith(("_created", "_seconds_sum", "_seconds_bucket"))
            }
        )
        assert entry["model_version"] == predictor.bundle.version
    assert entries[0] == entries[1]
    assert samples[0] == samples[1]


def test_a_limit_or_an_origin_leaves_everything_to_flask(predictor: Predictor):
    for settings in (Settings(rate_limit="1/minute"), Settings(cors_origins=("*",))):
        assert not isinstance(create_app(settings, predictor).wsgi_app, FastPath)
