"""The same trips for every server, in the form that each of them reads."""

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

Trip = dict[str, Any]
NAMES = ("PULocationID", "DOLocationID", "trip_distance", "pickup_datetime")


def made_up(count: int) -> list[Trip]:
    """Return trips between any zones in September 2024, hardly two alike; the same at every call."""
    pick = random.Random(1)
    start = datetime(2024, 9, 1)
    return [
        {
            "PULocationID": pick.randint(1, 263),
            "DOLocationID": pick.randint(1, 263),
            "trip_distance": round(pick.uniform(0.3, 20), 2),
            "pickup_datetime": (start + timedelta(seconds=pick.randrange(30 * 86_400))).isoformat(),
        }
        for _ in range(count)
    ]


def every_pair(side: int) -> list[Trip]:
    """Return the trips from each of so many zones to each of so many others, all at one time."""
    pairs = [(pickup, dropoff) for pickup in range(1, side + 1) for dropoff in range(101, 101 + side)]
    one_time = {"pickup_datetime": "2024-09-18T08:30:00"}
    return [
        trip | {"PULocationID": pickup, "DOLocationID": dropoff} | one_time
        for trip, (pickup, dropoff) in zip(made_up(side * side), pairs, strict=True)
    ]


def as_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def one(trips: list[Trip]) -> bytes:
    """Return the first trip as the body of ``POST /predict``."""
    return as_json(trips[0])


def rows(trips: list[Trip]) -> bytes:
    return as_json({"trips": trips})


def columns(trips: list[Trip]) -> bytes:
    return as_json({name: [trip[name] for trip in trips] for name in NAMES})


def matrix(trips: list[Trip]) -> bytes:
    """Return trips made by ``every_pair`` as the body of ``POST /v1/matrix``."""
    zones = [list(dict.fromkeys(trip[name] for trip in trips)) for name in NAMES[:2]]
    side = len(zones[1])
    miles = [trip["trip_distance"] for trip in trips]
    distances = [miles[first : first + side] for first in range(0, len(miles), side)]
    return as_json(
        {
            "sources": zones[0],
            "destinations": zones[1],
            "distances": distances,
            "pickup_datetime": trips[0]["pickup_datetime"],
        }
    )


def dataframe_split(trips: list[Trip]) -> bytes:
    """Return what MLflow's scoring servers read."""
    return as_json({"dataframe_split": {"columns": NAMES, "data": [[trip[name] for name in NAMES] for trip in trips]}})


def tensors(trips: list[Trip]) -> bytes:
    """Return what servers of the Open Inference Protocol read."""
    kinds = ("INT64", "INT64", "FP64", "BYTES")
    return as_json(
        {
            "inputs": [
                {"name": name, "shape": [len(trips)], "datatype": kind, "data": [trip[name] for trip in trips]}
                for name, kind in zip(NAMES, kinds, strict=True)
            ]
        }
    )


def courses(trips: list[Trip]) -> bytes:
    """Return the first trip without its time, as tutorials have it."""
    return as_json({name: trips[0][name] for name in NAMES[:3]})


Body = Callable[[list[Trip]], bytes]
