"""What the service counts: requests, predictions, and the inputs that they are for.

The same observations go to Prometheus, or from Lambda, where nobody can ask for them, to CloudWatch by way of the log.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from flask import Flask, Response, current_app, request

from taxi_api import timing
from taxi_api.metrics.inputs import Inputs
from taxi_api.metrics.observations import Observer, PredictionsMade, RequestAnswered
from taxi_api.model.bundle import Bundle
from taxi_api.model.features import OneTrip, Trips
from taxi_api.model.follower import Outcome
from taxi_api.model.predictor import BASIS, Prediction, Predictions
from taxi_api.settings import Settings

_EXTENSION = "metrics"
# Everything else is one of many that somebody made up; each would be a series of its own.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def init_app(app: Flask, settings: Settings) -> None:
    """Count the requests of the app and, outside of Lambda, serve /metrics."""
    # Each is imported where it is used: a cold start needs no Prometheus.
    if settings.lambda_function:
        from taxi_api.metrics.cloudwatch import CloudWatchLines  # noqa: PLC0415

        app.extensions[_EXTENSION] = Metrics(CloudWatchLines(settings.lambda_function))
    else:
        from taxi_api.metrics.prometheus import Prometheus  # noqa: PLC0415

        prometheus = Prometheus()
        app.extensions[_EXTENSION] = Metrics(prometheus)
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
    metrics_of(current_app).singles([(prediction, trip)])


def observe_predictions(predictions: Predictions, trips: Trips) -> None:
    """Count n answers, given together to one request, and the n trips that they are for."""
    metrics_of(current_app).predictions(predictions, trips)


def metrics_of(app: Flask) -> "Metrics":
    """Return the metrics of an app."""
    found: Metrics = app.extensions[_EXTENSION]
    return found


def _observe_request(response: Response) -> Response:
    metrics_of(current_app).observer.request(
        RequestAnswered(
            method=request.method if request.method in _METHODS else "other",
            route=request.url_rule.rule if request.url_rule else "none",
            status=response.status_code,
            seconds=timing.seconds(),
        )
    )
    return response


class Metrics:
    """The observer of one app, and the reference of the bundle that it serves at the moment."""

    def __init__(self, observer: Observer) -> None:
        self.observer = observer
        self._bundle: Bundle | None = None

    def know(self, bundle: Bundle) -> None:
        """Take the bundle as the one that is served from now on."""
        if bundle is not self._bundle:
            self._bundle = bundle
            self._inputs = Inputs(bundle.manifest["reference"])
            self.observer.model(bundle, self._inputs.shares)

    def singles(self, answered: Sequence[tuple[Prediction, OneTrip]]) -> None:
        """Count answers to n requests of one trip each, and the trips that they are for."""
        self.observer.predictions(
            PredictionsMade(
                batch=None,
                basis=Counter(BASIS[prediction.basis] for prediction, _ in answered),
                inputs=Counter(input_bin for _, trip in answered for input_bin in self._inputs.bins_of(trip)),
            )
        )

    def predictions(self, predictions: Predictions, trips: Trips) -> None:
        """Count n answers, given together to one request, and the n trips that they are for."""
        counts = np.bincount(predictions.basis, minlength=len(BASIS)).tolist()
        self.observer.predictions(
            PredictionsMade(
                batch=len(predictions.basis),
                basis={kind: count for kind, count in zip(BASIS, counts, strict=True) if count},
                inputs=self._inputs.count(trips),
            )
        )
