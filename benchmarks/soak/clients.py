"""Clients that check every answer, and clients that hold connections."""

import http.client
import json
import random
import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from benchmarks.serving.trips import Trip, as_json, made_up
from taxi_api.model.features import Trips
from taxi_api.model.predictor import Predictor

SLOW_CLIENTS = 50
_TRIPS = made_up(400)
_BAD: tuple[tuple[str, bytes, int], ...] = (
    ("/predict", b'{"PULocationID": 1, "DOLocationID": 999}', 422),
    ("/predict", b"{", 400),
    ("/predict", b'{"PULocationID": 1, "DOLocationID": 2, "trip_distance": 1e999}', 422),
    ("/v1/predict/batch", b'{"trips": 1}', 422),
    ("/nowhere", b"{}", 404),
)


@dataclass
class Tally:
    """What the clients saw."""

    answered: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)


def ask(url: str, offline: dict[str, Predictor], tally: Tally, stop: threading.Event, seed: int) -> None:
    """Send a mix of requests on one connection and check every answer."""
    pick = random.Random(seed)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    while not stop.is_set():
        kind = pick.choices(("predict", "batch", "matrix", "bad"), (70, 10, 5, 15))[0]
        trips = pick.sample(_TRIPS, 50 if kind == "batch" else 1)
        path, body, expected = _request(kind, trips, pick)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = json.load(response)
        except (OSError, http.client.HTTPException):
            tally.lost.append(time.monotonic())
            connection.close()
            continue
        tally.answered[kind] += 1
        if response.status != expected:
            tally.wrong.append(f"{path}: {response.status}, not {expected}: {answer}")
        elif kind in {"predict", "batch"}:
            version = answer["model"]["version"]
            tally.versions[version] += 1
            found = [answer] if kind == "predict" else answer["predictions"]
            given = [(one["duration"], one["interval"]["lower"], one["interval"]["upper"]) for one in found]
            if np.abs(np.array(given) - _offline(offline[version], trips)).max() > 0.011:
                tally.wrong.append(f"{path}: {given[0]} is not what {version} answers to {trips[0]}")
    connection.close()


def _request(kind: str, trips: list[Trip], pick: random.Random) -> tuple[str, bytes, int]:
    if kind == "bad":
        return pick.choice(_BAD)
    if kind == "batch":
        return "/v1/predict/batch", as_json({"trips": trips}), 200
    if kind == "matrix":
        zones = pick.sample(range(1, 264), 10)
        return "/v1/matrix", as_json({"sources": zones[:5], "destinations": zones[5:]}), 200
    return "/predict", as_json(trips[0]), 200


def _offline(predictor: Predictor, trips: list[Trip]) -> Any:
    columns = [[trip[name] for trip in trips] for name in ("PULocationID", "DOLocationID", "trip_distance")]
    pickup = np.array([trip["pickup_datetime"] for trip in trips], "datetime64[s]")
    return predictor.predict(Trips(*map(np.array, columns), pickup)).minutes


def dawdle(url: str, stop: threading.Event) -> None:
    """Hold connections that send a byte now and then."""
    host, _, port = urlsplit(url).netloc.partition(":")
    held: list[socket.socket] = []
    while not stop.wait(0.2):
        with suppress(OSError):
            held.append(socket.create_connection((host, int(port)), timeout=5))
        for one in held:
            with suppress(OSError):
                one.send(b"P")
        if len(held) > SLOW_CLIENTS:
            held.pop(0).close()
    for one in held:
        one.close()
