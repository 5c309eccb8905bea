"""Limits: apps that read nothing, do nothing and answer as many bytes as a prediction has."""

from pathlib import Path

from flask import Flask, Response

ANSWER = (Path(__file__).parent / "answer.json").read_bytes()
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
