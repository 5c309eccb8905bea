"""What the peers that serve the same bundle have in common: trips in, the fields of this service's answers out."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from taxi_api.model.features import OneTrip, Trips
from taxi_api.model.predictor import BASIS, Predictor

# Pickup zone, dropoff zone, miles if known, New York wall-clock time.
Row = tuple[int, int, float | None, datetime]
_EPOCH = datetime(1970, 1, 1)


def answers(predictor: Predictor, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return an answer for each row, by the way that costs least."""
    if len(rows) == 1:
        pickup_zone, dropoff_zone, miles, pickup = rows[0]
        seconds = int((pickup - _EPOCH).total_seconds())
        found = predictor.predict_one(OneTrip(pickup_zone, dropoff_zone, math.nan if miles is None else miles, seconds))
        minutes = (found.duration, found.lower, found.upper)
        return [_answer(predictor, minutes, found.miles, found.estimated, pickup, found.basis, found.basis_trips)]
    pickup_zones, dropoff_zones, distances, pickups = zip(*rows, strict=True)
    found = predictor.predict(
        Trips(
            np.array(pickup_zones),
            np.array(dropoff_zones),
            np.array([math.nan if miles is None else miles for miles in distances]),
            np.array(pickups, "datetime64[s]"),
        )
    )
    columns = (found.minutes.tolist(), found.miles.tolist(), found.estimated.tolist(), pickups)
    return [
        _answer(predictor, *row) for row in zip(*columns, found.basis.tolist(), found.basis_trips.tolist(), strict=True)
    ]


def _answer(
    predictor: Predictor,
    minutes: Sequence[float],
    miles: float,
    estimated: bool,
    pickup: datetime,
    basis: int,
    basis_trips: int,
) -> dict[str, Any]:
    bundle = predictor.bundle
    duration, lower, upper = minutes
    return {
        "duration": round(duration, 2),
        "interval": {"lower": round(lower, 2), "upper": round(upper, 2), "level": bundle.level},
        "trip_distance": {"miles": round(miles, 2), "source": "estimate" if estimated else "request"},
        "pickup_datetime": pickup.isoformat(),
        "basis": {"kind": BASIS[basis], "trips": basis_trips},
        "model": {"name": bundle.name, "version": bundle.version},
    }
