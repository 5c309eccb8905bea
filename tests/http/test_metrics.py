import json
from collections.abc import Callable
from copy import copy
from dataclasses import replace

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from taxi_api.app import create_app
from taxi_api.metrics import metrics_of, observe_model, observe_predictions
from taxi_api.metrics.observations import Requests
from taxi_api.model.features import Trips
from taxi_api.model.predictor import Predictor
from taxi_api.server import SOON
from taxi_api.settings import Settings
from tests.http.test_errors import assert_problem

TRIP = {"PULocationID": 161, "DOLocationID": 132, "trip_distance": 17.0, "pickup_datetime": "2024-09-18T08:30:00"}
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def counting(served: Callable[[Settings], Flask]) -> Flask:
    return served(Settings())


def parse(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape(app: Flask) -> Samples:
    return parse(app.test_client().get("/metrics").get_data(as_text=True))


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0)


def test_requests_are_counted_by_route_and_status(counting: Flask):
    client = counting.test_client()
    for body in (TRIP, TRIP, {}):
        client.post("/v1/predict", json=body)
    client.get("/apidocs/start.js").close()
    samples = scrape(counting)
    for status, count in (("200", 2), ("422", 1)):
        labels = {"method": "POST", "route": "/v1/predict", "status": status}
        assert value(samples, "taxi_http_requests_total", **labels) == count
        assert value(samples, "taxi_http_request_seconds_count", **labels) == count
        assert value(samples, "taxi_http_request_seconds_bucket", **labels, le="+Inf") == count
        assert value(samples, "taxi_http_request_seconds_sum", **labels) > 0
    labels = {"method": "GET", "route": "/apidocs/<path:file>", "status": "200"}
    assert value(samples, "taxi_http_requests_total", **labels) == 1


@pytest.mark.parametrize(
    "seconds",
    [
        [0.0],
        # The ends of buckets, and what lies just beside them.
        [0.001, 0.0010001, 0.0009999, 0.0025, 0.25, 1.0, 1.0000001, 10.0, 10.1, 99.0],
        [0.0004] * 500 + [0.3] * 3,
    ],
)
def test_times_counted_together_are_those_counted_one_by_one(predictor: Predictor, seconds: list[float]):
    told = Requests("GET", "/", 200)
    found = []
    for together in (True, False):
        app = create_app(Settings(), predictor)
        for times in [seconds] if together else [[one] for one in seconds]:
            metrics_of(app).observer.requests(told, times)
        found.append({name: value for name, value in scrape(app).items() if not name[0].endswith("_created")})
    assert found[0] == pytest.approx(found[1])
    for (name, labels), count in found[0].items():
        if name == "taxi_http_request_seconds_bucket":
            assert count == sum(one <= float(dict(labels)["le"]) for one in seconds)


def test_what_a_server_lets_put_off_is_counted_when_it_says_so_or_somebody_looks(counting: Flask):
    put_off: list[Callable[[], object]] = []
    client = counting.test_client()
    for _ in range(3):
        client.post("/predict", json=TRIP, environ_overrides={SOON: put_off.append})
    assert len(put_off) == 1
    labels = {"method": "POST", "route": "/predict", "status": "200"}
    assert value(scrape(counting), "taxi_http_requests_total", **labels) == 3
    client.get("/v1/model", environ_overrides={SOON: put_off.append})
    for count in put_off:
        count()
    samples = scrape(counting)
    assert value(samples, "taxi_http_requests_total", **labels) == 3
    assert value(samples, "taxi_predictions_total", basis="zone_pair") == 3
    assert value(samples, "taxi_http_requests_total", **labels | {"method": "GET", "route": "/v1/model"}) == 1


def test_a_client_cannot_make_up_series(counting: Flask):
    client = counting.test_client()
    for number in range(20):
        client.open(f"/made-up/{number}", method=f"MADEUP{number}")
    made = [labels for name, labels in scrape(counting) if name == "taxi_http_requests_total"]
    assert made == [frozenset({("method", "other"), ("route", "none"), ("status", "404")})]


def test_predictions_are_counted_by_basis_and_input(counting: Flask):
    client = counting.test_client()
    client.post("/predict", json=TRIP)
    client.post("/predict", json=TRIP | {"PULocationID": 264})
    client.post("/predict", json={name: TRIP[name] for name in TRIP if name != "trip_distance"})
    client.post("/predict", json={})
    samples = scrape(counting)
    assert value(samples, "taxi_predictions_total", basis="zone_pair") == 2
    assert value(samples, "taxi_predictions_total", basis="city") == 1
    # These are no batches: their size would hide that of batches.
    assert value(samples, "taxi_batch_trips_count") == 0
    for name, bins in {
        "trip_distance_given": {"yes": 2, "no": 1},
        "trip_distance": {"16-200": 2},
        "pickup_time": {"workday morning": 3},
        "pickup_borough": {"Manhattan": 2, "Unknown": 1},
        "dropoff_borough": {"Queens": 3},
    }.items():
        for bin_name, count in bins.items():
            assert value(samples, "taxi_input_total", input=name, bin=bin_name) == count


def test_every_trip_has_one_bin_of_each_input_and_each_bin_a_reference(counting: Flask, predictor: Predictor):
    golden = predictor.bundle.golden.trips
    with counting.test_request_context():
        observe_predictions(predictor.predict(golden), golden)
    samples = scrape(counting)
    assert value(samples, "taxi_batch_trips_sum") == len(golden.miles)
    counts: dict[str, dict[str, float]] = {}
    shares: dict[str, dict[str, float]] = {}
    for (name, labels), found in samples.items():
        kept = {"taxi_input_total": counts, "taxi_input_reference_share": shares}.get(name)
        if kept is not None:
            kept.setdefault(dict(labels)["input"], {})[dict(labels)["bin"]] = found
    given = int((~np.isnan(golden.miles)).sum())
    timed = int((~np.isnat(golden.pickup)).sum())
    expected = {name: len(golden.miles) for name in shares} | {"trip_distance": given, "pickup_time": timed}
    assert {name: sum(bins.values()) for name, bins in counts.items()} == expected
    for name, bins in shares.items():
        assert sum(bins.values()) == pytest.approx(1, abs=0.002)
        assert set(counts[name]) <= set(bins)


@pytest.mark.parametrize(("miles", "bin_name"), [(0.01, "0-0.5"), (0.5, "0.5-1"), (199.9, "16-200"), (200, "16-200")])
def test_every_distance_has_a_bin(counting: Flask, predictor: Predictor, miles: float, bin_name: str):
    trip = Trips(np.array([1]), np.array([2]), np.array([miles]), np.array(["2024-01-01"], "M8[s]"))
    with counting.test_request_context():
        observe_predictions(predictor.predict(trip), trip)
    assert value(scrape(counting), "taxi_input_total", input="trip_distance", bin=bin_name) == 1


def test_the_model_is_named_and_a_new_one_takes_its_place(predictor: Predictor):
    app = create_app(Settings(), predictor)
    other = copy(predictor)
    other.bundle = replace(predictor.bundle, digest="0" * 64)
    observe_model(app, other.bundle)
    found = {
        dict(labels)["digest"]: number for (name, labels), number in scrape(app).items() if name == "taxi_model_info"
    }
    assert found == {predictor.bundle.digest: 0, other.bundle.digest: 1}


def test_a_scraper_that_asks_for_openmetrics_gets_it(client: FlaskClient):
    asked = {"Accept": "application/openmetrics-text; version=1.0.0"}
    response = client.get("/metrics", headers=asked)
    assert response.content_type.startswith("application/openmetrics-text")
    assert response.get_data(as_text=True).endswith("# EOF\n")


@pytest.fixture
def in_lambda(predictor: Predictor) -> Flask:
    return create_app(Settings(lambda_function="taxi-prod", log_level="ERROR"), predictor)


def observed(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    """Return the metrics that CloudWatch would read from what was written, with their dimensions."""
    found = []
    for line in capsys.readouterr().out.splitlines():
        entry = json.loads(line)
        for directive in entry.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == "TaxiDuration"
            assert 1_600_000_000_000 < entry["_aws"]["Timestamp"] < 10_000_000_000_000
            (dimensions,) = directive["Dimensions"]
            assert len(directive["Metrics"]) <= 100
            assert all(isinstance(entry[metric["Name"]], int | float) for metric in directive["Metrics"])
            found.append(
                {metric["Name"]: entry[metric["Name"]] for metric in directive["Metrics"]}
                | {name: entry[name] for name in dimensions}
            )
    return found


def test_in_lambda_the_same_leaves_as_lines_for_cloudwatch(in_lambda: Flask, capsys: pytest.CaptureFixture[str]):
    capsys.readouterr()
    in_lambda.test_client().post("/predict", json=TRIP)
    predictions, request = observed(capsys)
    assert predictions == {
        "FunctionName": "taxi-prod",
        "Predictions.zone_pair": 1,
        "Input.trip_distance_given.yes": 1,
        "Input.trip_distance.16-200": 1,
        "Input.pickup_time.workday morning": 1,
        "Input.pickup_borough.Manhattan": 1,
        "Input.dropoff_borough.Queens": 1,
    }
    assert request.pop("Latency") > 0
    assert request == {
        "FunctionName": "taxi-prod",
        "Method": "POST",
        "Route": "/predict",
        "Status": "200",
        "Requests": 1,
    }


def test_in_lambda_there_is_nothing_to_scrape(in_lambda: Flask):
    assert_problem(in_lambda.test_client().get("/metrics"), 404)
