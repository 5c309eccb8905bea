"""The short way for the most frequent requests, in front of Flask: plain ``POST /predict``, ``GET /health``.

Flask's own work, twice that of the answer, is spared. Whatever is unusual, and every error, goes on to Flask
as it came, so that the contract has one home; a plain request gets the same answer, log line and metrics on both ways.
"""

import io
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

import orjson
from flask import Flask

from taxi_api import api_keys, logs, request_id, security_headers, timing
from taxi_api.answers import answer_text, one_trip
from taxi_api.current_model import PREDICTOR
from taxi_api.metrics import metrics_of
from taxi_api.metrics.observations import Requests
from taxi_api.model.features import OneTrip
from taxi_api.model.predictor import Prediction, Predictor
from taxi_api.model.zones import FIRST_ZONE, LAST_ZONE
from taxi_api.newyork import Moment, now
from taxi_api.pickup_times import read_pickup_time
from taxi_api.schemas.trip import FARTHEST_MILES, TripSchema
from taxi_api.server import LATER
from taxi_api.settings import Settings

PATHS = frozenset({"/predict", "/v1/predict"})
HEALTH = "/health"
_ALIVE = b'{"status":"alive"}\n'
_OK = HTTPStatus.OK
_HEADERS = (("Content-Type", "application/json"), *security_headers.DATA.items())
# A plain trip has some 130 bytes.
_MOST_BYTES = 512

_FIELDS = TripSchema().fields.keys()
_NUMBERS = (int, float)

Single = tuple[Prediction, OneTrip]
Environ = dict[str, Any]
StartResponse = Callable[..., Any]


def _plain_trip(given: Any) -> tuple[OneTrip, Moment] | None:
    """Return what ``answers`` makes of a trip as most are; None for any other, right or wrong.

    Raises:
        ValueError: the pickup time is not usable.

    """
    if type(given) is not dict or not given.keys() <= _FIELDS:
        return None
    pickup, dropoff = given.get("PULocationID"), given.get("DOLocationID")
    if type(pickup) is not int or type(dropoff) is not int:
        return None
    if not (FIRST_ZONE <= pickup <= LAST_ZONE and FIRST_ZONE <= dropoff <= LAST_ZONE):
        return None
    miles = given.get("trip_distance", FARTHEST_MILES)
    if type(miles) not in _NUMBERS or not 0 < miles <= FARTHEST_MILES:
        return None
    moment = read_pickup_time(given["pickup_datetime"]) if "pickup_datetime" in given else Moment.of(now())
    return one_trip(given, moment), moment


def _predict(predictor: Predictor, body: bytes) -> tuple[bytes, Single] | None:
    """Return the answer to a body, and what it is of; None if there is something to say that only Flask says."""
    try:
        plain = _plain_trip(orjson.loads(body))
    except ValueError:
        return None
    if plain is None:
        return None
    one, pickup = plain
    prediction = predictor.predict_one(one)
    return answer_text(predictor, prediction, pickup), (prediction, one)


class FastPath:
    """A WSGI app that answers what is plain and hands on the rest."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        """Stand in front of the app, which has its extensions by now."""
        self.flask = app.wsgi_app
        self._app = app
        self._metrics = metrics_of(app)
        self._keys = settings.api_keys
        self._unlogged: list[logs.RequestLine] = []
        self._most_bytes = min(_MOST_BYTES, settings.max_body_bytes)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        started = time.perf_counter()
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        # One for the whole request, whatever replaces it meanwhile.
        predictor = self._app.extensions[PREDICTOR]
        content = single = None
        if path == HEALTH and method == "GET":
            content = _ALIVE
        elif path in PATHS and method == "POST" and predictor is not None and self._is_plain(environ):
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            answered = _predict(predictor, body)
            if answered:
                content, single = answered
            else:
                environ["wsgi.input"] = io.BytesIO(body)
        if content is None:
            return self.flask(environ, start_response)
        line = logs.RequestLine(
            request_id=request_id.id_of(environ),
            method=method,
            path=path,
            route=path,
            status=_OK,
            seconds=time.perf_counter() - started,
            model_version=predictor.bundle.version if predictor else None,
            key_label=api_keys.label_of(environ, self._keys),
            client=environ.get("REMOTE_ADDR"),
        )
        if single:
            self._metrics.single(environ, *single)
        self._metrics.request(environ, Requests(method, path, _OK), line.seconds)
        self._log(environ, line)
        headers = [
            *_HEADERS,
            ("Content-Length", str(len(content))),
            (timing.HEADER, timing.header(line.seconds)),
            (request_id.HEADER, line.request_id),
        ]
        start_response("200 OK", headers)
        return (content,)

    def _log(self, environ: Environ, line: logs.RequestLine) -> None:
        """Have a line written: with others when this turn's answers are sent, or at once on another server."""
        later = environ.get(LATER)
        if later is None:
            logs.log_requests([line])
            return
        self._unlogged.append(line)
        if len(self._unlogged) == 1:
            later(self._catch_up)

    def _catch_up(self) -> None:
        lines, self._unlogged = self._unlogged, []
        logs.log_requests(lines)

    def _is_plain(self, environ: Environ) -> bool:
        length = environ.get("CONTENT_LENGTH", "")
        return (
            environ.get("CONTENT_TYPE") == "application/json"
            and length.isdecimal()
            and len(length) <= len(str(_MOST_BYTES))
            and int(length) <= self._most_bytes
            and (not self._keys or api_keys.label_of(environ, self._keys) is not None)
        )
