"""Limits: apps that read nothing, do nothing and answer as many bytes as a prediction has."""

import json

from flask import Flask, Response

ANSWER = json.dumps(
    {
        "duration": 12.34,
        "interval": {"lower": 8.76, "upper": 17.65, "level": 0.9},
        "trip_distance": {"miles": 5.0, "source": "request"},
        "pickup_datetime": "2024-09-18T08:30:00-04:00",
        "basis": {"kind": "zone_pair", "trips": 1234},
        "model": {"name": "taxi-duration", "version": "constant"},
    }
).encode()
_HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(ANSWER)))]
_QUICK = {"quick_paths": frozenset({"/predict", "/health"})}


def wsgi(_environ, start_response):
    """Answer as a bare WSGI app."""
    start_response("200 OK", _HEADERS)
    return (ANSWER,)


wsgi.extensions = _QUICK

flask = Flask("constant", static_folder=None)
flask.extensions |= _QUICK


@flask.post("/predict")
@flask.get("/health")
def predict() -> Response:
    """Answer as a Flask app of one route."""
    return Response(ANSWER, content_type="application/json")
