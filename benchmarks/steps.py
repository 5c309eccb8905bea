"""What each step of a prediction costs: ``python -m benchmarks.steps``.

Requests go as bytes through parser, app and server's answer in this process, with their log lines and counts, but
without sockets. A step costs what is saved when its result is there already. A loop of that step alone would say far
less: between two requests its code and data have left the processor's nearest caches.
"""

import argparse
import os
import tempfile
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, redirect_stderr
from pathlib import Path
from unittest.mock import patch

# Before anything of the service is imported, as gunicorn does it.
os.environ |= {"APP_ENV": "production", "OPENBLAS_NUM_THREADS": "1"}

from flask import Flask

from benchmarks.serving import trips
from benchmarks.serving.apps import constant
from taxi_api import fast_path
from taxi_api.app import create_app
from taxi_api.current_model import PREDICTOR
from taxi_api.metrics import Metrics
from taxi_api.metrics_folder import prepare
from taxi_api.model.features import FeatureBuilder, OneTrip
from taxi_api.model.networks import Networks
from taxi_api.model.predictor import Predictor
from taxi_api.newyork import Moment
from taxi_api.server import LATER, SOON
from taxi_api.server.exchange import WsgiApp, answer
from taxi_api.server.limits import Limits
from taxi_api.server.parser import RequestParser

# As the server does on 16 connections: what is put off until later is done every few requests, the rest each quarter of
# a second.
_TURN, _TICK = 8, 1_000
_SECOND = 1_726_648_200

Step = Callable[[], AbstractContextManager[object]]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2_000, help="of a measurement")
    parser.add_argument("--repeats", type=int, default=15, help="measurements of each step, of which the least counts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        prepare(folder)
        app = create_app()
        steps = _steps(app)
        found: dict[str, list[float]] = {}
        # In turns, so that all meet the same moods of the machine.
        for _ in range(options.repeats):
            for name, (step, served) in steps.items():
                with step():
                    found.setdefault(name, []).append(_microseconds(served or app, options.requests))
    costs = {name: min(times) for name, times in found.items()}
    whole = costs["all of it"]
    print("| | µs of CPU |\n| --- | ---: |")
    for name, (_, served) in steps.items():
        cost = costs[name] if served or name == "all of it" else whole - costs[name]
        print(f"| {name} | {cost:.0f} |")


def _steps(app: Flask) -> dict[str, tuple[Step, WsgiApp | None]]:
    """Return by name what is left out, and the app if it is not the service."""
    predictor: Predictor = app.extensions[PREDICTOR]
    through_flask = app.wsgi_app.flask  # type: ignore[attr-defined]
    trip = OneTrip(161, 132, 17.5, _SECOND)
    features, prediction = predictor.features.row(trip), predictor.predict_one(trip)
    moment = Moment(_SECOND, "2024-09-18T08:30:00-04:00")

    def given(owner: object, name: str, result: object) -> tuple[Step, None]:
        return (lambda: patch.object(owner, name, lambda *_: result)), None

    return {
        "all of it": (nullcontext, None),
        "features": given(FeatureBuilder, "row", features),
        "networks": given(Networks, "row", (30.0, 20.0, 40.0)),
        "features, networks and interval": given(Predictor, "predict_one", prediction),
        "reading the pickup time": given(fast_path, "read_pickup_time", moment),
        "JSON of the answer": given(fast_path, "answer_text", b"{}"),
        "log line": given(fast_path.FastPath, "_log", None),
        "counts": (lambda: patch.multiple(Metrics, request=_nothing, single=_nothing), None),
        "for comparison: the same by Flask and Marshmallow": (nullcontext, through_flask),
        "for comparison: that without what is hooked to each request": (
            lambda: patch.multiple(app, before_request_funcs={}, after_request_funcs={}),
            through_flask,
        ),
        "for comparison: a constant answer by Flask": (nullcontext, constant.flask),
        "for comparison: a constant answer by a WSGI app": (nullcontext, constant.wsgi),
    }


def _microseconds(app: WsgiApp, requests: int) -> float:
    """Return the CPU time of a request."""
    later: deque[Callable[[], object]] = deque()
    soon: deque[Callable[[], object]] = deque()
    base = {"wsgi.url_scheme": "http", "SCRIPT_NAME": "", "SERVER_NAME": "localhost", "SERVER_PORT": "8000"}
    parser = RequestParser(Limits(), base | {"REMOTE_ADDR": "", LATER: later.append, SOON: soon.append})
    began = time.process_time()
    for number in range(1, requests + 1):
        parser.feed(_BODIES[number % len(_BODIES)])
        answer(app, parser.requests.popleft(), _never)
        for work, turn in ((later, _TURN), (soon, _TICK)):
            if number % turn == 0:
                while work:
                    work.popleft()()
    return (time.process_time() - began) / requests * 1e6


def _nothing(*_: object) -> None:
    pass


def _never() -> bool:
    return False


def _request(body: bytes) -> bytes:
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


_BODIES = [_request(trips.as_json(trip)) for trip in trips.made_up(100)]


if __name__ == "__main__":
    main()
