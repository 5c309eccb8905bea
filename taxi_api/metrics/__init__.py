"""What the service counts: requests, predictions, and the inputs that they are for.

The same observations go to Prometheus, or from Lambda, where nobody can ask for them, to CloudWatch by way of the log.
"""

from collections import deque
from contextlib import suppress
from typing import Any, TypeVar

import numpy as np
from flask import Flask, Response, current_app, request
from numpy.typing import NDArray

from taxi_api import timing
from taxi_api.metrics.inputs import Inputs
from taxi_api.metrics.observations import Observer, PredictionsMade, Requests
from taxi_api.model.bundle import Bundle
from taxi_api.model.features import OneTrip, Trips
from taxi_api.model.follower import Outcome
from taxi_api.model.predictor import BASIS, Prediction, Predictions
from taxi_api.server import SOON
from taxi_api.settings import Settings

_EXTENSION = "metrics"
_Noted = TypeVar("_Noted")
# Everything else is one of many that somebody made up; each would be a series of its own.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# So many requests are counted at a time: more would be cheaper, but the others would wait for it.
_MANY = 100


def init_app(app: Flask, settings: Settings) -> None:
    """Count the requests of the app and, outside of Lambda, serve /metrics."""
    # Each is imported where it is used: a cold start needs no Prometheus.
    if settings.lambda_function:
        from taxi_api.metrics.cloudwatch import CloudWatchLines  # noqa: PLC0415

        app.extensions[_EXTENSION] = Metrics(CloudWatchLines(settings.lambda_function))
    else:
        from taxi_api.metrics.prometheus import Prometheus  # noqa: PLC0415

        prometheus = Prometheus()
        app.extensions[_EXTENSION] = metrics = Metrics(prometheus)
        prometheus.before_scrape = metrics.catch_up
        app.add_url_rule("/metrics", "metrics", prometheus.expose)
    app.after_request(_observe_request)


def observe_model(app: Flask, bundle: Bundle) -> None:
    """Take the bundle as the one that the app serves from now on."""
    app.extensions[_EXTENSION].know(bundle)


def observe_poll(app: Flask, outcome: Outcome) -> None:
    """Count a look for another model."""
    app.extensions[_EXTENSION].observer.poll(outcome)


def observe_prediction(prediction: Prediction, trip: OneTrip) -> None:
    """Count an answer, and the trip that it is for."""
    metrics_of(current_app).single(request.environ, prediction, trip)


def observe_predictions(predictions: Predictions, trips: Trips) -> None:
    """Count n answers, given together to one request, and the n trips that they are for."""
    metrics_of(current_app).predictions(predictions, trips)


def metrics_of(app: Flask) -> "Metrics":
    """Return the metrics of an app."""
    found: Metrics = app.extensions[_EXTENSION]
    return found


def _observe_request(response: Response) -> Response:
    told = Requests(
        method=request.method if request.method in _METHODS else "other",
        route=request.url_rule.rule if request.url_rule else "none",
        status=response.status_code,
    )
    metrics_of(current_app).request(request.environ, told, timing.seconds())
    return response


class Metrics:
    """The observer of one app, and the reference of the bundle that it serves at the moment.

    Requests and single trips are counted a little later, many at a time, if the server lets an app put work off:
    counting a trip alone takes as long as predicting it.
    """

    def __init__(self, observer: Observer) -> None:
        self.observer = observer
        self._bundle: Bundle | None = None
        # Both are filled and emptied by several threads.
        self._requests: deque[tuple[Requests, float]] = deque()
        self._singles: deque[tuple[Prediction, OneTrip]] = deque()
        self._awaited = False

    def know(self, bundle: Bundle) -> None:
        """Take the bundle as the one that is served from now on."""
        if bundle is not self._bundle:
            self._bundle = bundle
            self._inputs = Inputs(bundle.manifest["reference"])
            self.observer.model(bundle, self._inputs.shares)

    def request(self, environ: dict[str, Any], answered: Requests, seconds: float) -> None:
        """Count an answered request."""
        self._requests.append((answered, seconds))
        self._put_off(environ)

    def single(self, environ: dict[str, Any], prediction: Prediction, trip: OneTrip) -> None:
        """Count the answer to a request of one trip, and the trip that it is for."""
        self._singles.append((prediction, trip))
        self._put_off(environ)

    def predictions(self, predictions: Predictions, trips: Trips) -> None:
        """Count n answers, given together to one request, and the n trips that they are for."""
        self._count(len(predictions.basis), predictions.basis, trips)

    def catch_up(self) -> None:
        """Count what has been put off."""
        # First, so that what another thread adds meanwhile is put off again rather than forgotten.
        self._awaited = False
        seconds: dict[Requests, list[float]] = {}
        for answered, took in _taken(self._requests):
            seconds.setdefault(answered, []).append(took)
        for answered, times in seconds.items():
            self.observer.requests(answered, times)
        singles = _taken(self._singles)
        if singles:
            pickup, dropoff, miles, time = zip(*(trip for _, trip in singles), strict=True)
            trips = Trips(np.array(pickup), np.array(dropoff), np.array(miles), np.array(time, "datetime64[s]"))
            self._count(None, np.array([prediction.basis for prediction, _ in singles]), trips)

    def _put_off(self, environ: dict[str, Any]) -> None:
        soon = environ.get(SOON)
        if soon is None or len(self._requests) >= _MANY:
            self.catch_up()
        elif not self._awaited:
            self._awaited = True
            soon(self.catch_up)

    def _count(self, batch: int | None, basis: NDArray[np.integer], trips: Trips) -> None:
        counts = np.bincount(basis, minlength=len(BASIS)).tolist()
        self.observer.predictions(
            PredictionsMade(
                batch=batch,
                basis={kind: count for kind, count in zip(BASIS, counts, strict=True) if count},
                inputs=self._inputs.count(trips),
            )
        )


def _taken(noted: "deque[_Noted]") -> list[_Noted]:
    taken = []
    with suppress(IndexError):
        while True:
            taken.append(noted.popleft())
    return taken
