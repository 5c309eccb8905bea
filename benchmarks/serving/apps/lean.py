"""A lean FastAPI app over the same bundle: one validated model in, the same fields out, no metrics and no logs.

``uvicorn benchmarks.serving.apps.lean:app``: with uvloop and httptools, as ``uvicorn[standard]`` installs them.
"""

from datetime import datetime
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel, Field

from taxi_api.model.features import Trips
from taxi_api.model.predictor import BASIS
from taxi_api.model.store import load_predictor

Zone = Annotated[int, Field(ge=1, le=265)]
predictor = load_predictor("")
app = FastAPI()


class Trip(BaseModel):
    PULocationID: Zone
    DOLocationID: Zone
    trip_distance: Annotated[float, Field(gt=0, le=200)] | None = None
    pickup_datetime: datetime | None = None


class Batch(BaseModel):
    trips: Annotated[list[Trip], Field(min_length=1, max_length=100_000)]


def _answers(trips: list[Trip]) -> list[dict[str, Any]]:
    pickups = [trip.pickup_datetime or datetime.now() for trip in trips]
    predicted = predictor.predict(
        Trips(
            np.array([trip.PULocationID for trip in trips]),
            np.array([trip.DOLocationID for trip in trips]),
            np.array([np.nan if trip.trip_distance is None else trip.trip_distance for trip in trips]),
            np.array(pickups, "datetime64[s]"),
        )
    )
    return [
        {
            "duration": duration,
            "interval": {"lower": lower, "upper": upper, "level": predictor.bundle.level},
            "trip_distance": {"miles": miles, "source": "estimate" if estimated else "request"},
            "pickup_datetime": pickup.isoformat(),
            "basis": {"kind": BASIS[basis], "trips": basis_trips},
        }
        for (duration, lower, upper), miles, estimated, pickup, basis, basis_trips in zip(
            predicted.minutes.round(2).tolist(),
            predicted.miles.round(2).tolist(),
            predicted.estimated.tolist(),
            pickups,
            predicted.basis.tolist(),
            predicted.basis_trips.tolist(),
            strict=True,
        )
    ]


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/predict")
async def predict(trip: Trip) -> dict[str, Any]:
    bundle = predictor.bundle
    return _answers([trip])[0] | {"model": {"name": bundle.name, "version": bundle.version}}


@app.post("/batch")
async def batch(batch: Batch) -> dict[str, Any]:
    return {"predictions": _answers(batch.trips)}
