"""Observations as Prometheus metrics, added up over the workers of gunicorn."""

import os
from bisect import bisect_left
from collections import Counter as Counted
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import cast

from flask import Response, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, values
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from taxi_api.apidocs.operation import operation
from taxi_api.metrics.observations import PredictionsMade, Requests, Shares
from taxi_api.metrics_folder import VARIABLE
from taxi_api.model.bundle import Bundle

_REQUEST = ["method", "route", "status"]
# A prediction takes about a millisecond, ten thousand a quarter of a second.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_TRIPS = (1, 10, 100, 1000, 10_000, 100_000)

_EXAMPLE = """\
# HELP taxi_predictions_total Trips predicted, by basis.
# TYPE taxi_predictions_total counter
taxi_predictions_total{basis="zone_pair"} 12.0
"""


class _OfAllWorkers(MultiProcessCollector):
    """Adds up the files of all workers but those with nothing in them: of a worker that starts in this moment."""

    def collect(self) -> Iterable[Metric]:
        files = [str(file) for file in Path(self._path).glob("*.db") if _size(file)]
        return cast("Iterable[Metric]", self.merge(files, accumulate=True))  # type: ignore[no-untyped-call]


def _observe_all(histogram: Histogram, amounts: Sequence[float]) -> None:
    """Do what ``observe`` does with each amount, but write each number once: the files are what costs."""
    histogram._sum.inc(sum(amounts))
    bounds = histogram._upper_bounds
    for place, count in Counted(bisect_left(bounds, amount) for amount in amounts).items():
        histogram._buckets[place].inc(count)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        # Of a worker that ended in this moment.
        return 0


class Prometheus:
    """The metrics of one app.

    Attributes:
        before_scrape: is called before the metrics are read.

    """

    before_scrape: Callable[[], object]

    def __init__(self) -> None:
        self.before_scrape = lambda: None
        if os.environ.get(VARIABLE):
            # The app is made after the fork: no need to ask the system at every count which process this is.
            process = os.getpid()
            values.ValueClass = values.MultiProcessValue(lambda: process)  # type: ignore[no-untyped-call]
        self._registry = mine = CollectorRegistry()
        self._requests = Counter("taxi_http_requests", "Requests answered.", _REQUEST, registry=mine)
        self._seconds = Histogram(
            "taxi_http_request_seconds", "Time to answer a request.", _REQUEST, registry=mine, buckets=_SECONDS
        )
        self._predictions = Counter("taxi_predictions", "Trips predicted, by basis.", ["basis"], registry=mine)
        self._batch = Histogram("taxi_batch_trips", "Trips of a batch or a matrix.", registry=mine, buckets=_TRIPS)
        self._inputs = Counter("taxi_input", "Trips by input and bin.", ["input", "bin"], registry=mine)
        self._reference = Gauge(
            "taxi_input_reference_share",
            "Share of the training trips in a bin.",
            ["input", "bin"],
            registry=mine,
            multiprocess_mode="livemostrecent",
        )
        self._model = Gauge(
            "taxi_model_info",
            "1 for the model that is served, 0 for one that was before.",
            ["name", "version", "digest"],
            registry=mine,
            multiprocess_mode="livemax",
        )
        self._polls = Counter(
            "taxi_model_polls", "Looks for another model, by outcome, of all workers.", ["outcome"], registry=mine
        )
        Gauge("taxi_workers", "Processes that answer.", registry=mine, multiprocess_mode="livesum").set(1)
        self._served: Gauge | None = None
        # Looking up a series by its labels costs more than counting in it, and there are only so many.
        self._of_request = cache(lambda *labels: (self._requests.labels(*labels), self._seconds.labels(*labels)))
        self._of_basis = cache(self._predictions.labels)
        self._of_input = cache(self._inputs.labels)

    def requests(self, observed: Requests, seconds: Sequence[float]) -> None:
        """Count the requests and their times."""
        count, times = self._of_request(observed.method, observed.route, str(observed.status))
        count.inc(len(seconds))
        _observe_all(times, seconds)

    def predictions(self, observed: PredictionsMade) -> None:
        """Count the predictions and the bins of their inputs."""
        if observed.batch is not None:
            self._batch.observe(observed.batch)
        for kind, count in observed.basis.items():
            self._of_basis(kind).inc(count)
        for input_bin, count in observed.inputs.items():
            self._of_input(*input_bin).inc(count)

    def poll(self, outcome: str) -> None:
        """Count the look."""
        self._polls.labels(outcome).inc()

    def model(self, bundle: Bundle, reference: Shares) -> None:
        """Name the model that is served and show its reference."""
        if self._served is not None:
            self._served.set(0)
        self._served = self._model.labels(bundle.name, bundle.version, bundle.digest)
        self._served.set(1)
        for name, bins in reference.items():
            for bin_name, share in bins.items():
                self._reference.labels(name, bin_name).set(share)

    @operation("Show the metrics", answer={"text/plain": _EXAMPLE, "application/openmetrics-text": _EXAMPLE})
    def expose(self) -> Response:
        """Answer with what all workers have counted, for Prometheus."""
        self.before_scrape()
        registry = self._registry
        if os.environ.get(VARIABLE):
            registry = CollectorRegistry()
            _OfAllWorkers(registry)  # type: ignore[no-untyped-call]
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(registry), content_type=content_type)
