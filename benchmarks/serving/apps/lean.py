"""A lean FastAPI app over the same bundle: one validated model in, the same fields out, no metrics and no logs.

``uvicorn benchmarks.serving.apps.lean:app``, with uvloop and httptools, as ``uvicorn[standard]`` installs them.
"""

from datetime import datetime
from typing import Annotated, Any

from fastapi import FastAPI
from pydantic import BaseModel, Field

from benchmarks.serving.apps.answers import Row, answers
from taxi_api.model.store import load_predictor

Zone = Annotated[int, Field(ge=1, le=265)]
predictor = load_predictor("")
app = FastAPI()


class Trip(BaseModel):
    PULocationID: Zone
    DOLocationID: Zone
    trip_distance: Annotated[float, Field(gt=0, le=200)] | None = None
    pickup_datetime: datetime | None = None

    def row(self) -> Row:
        return self.PULocationID, self.DOLocationID, self.trip_distance, self.pickup_datetime or datetime.now()


class Batch(BaseModel):
    trips: Annotated[list[Trip], Field(min_length=1, max_length=100_000)]


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/predict")
async def predict(trip: Trip) -> dict[str, Any]:
    return answers(predictor, [trip.row()])[0]


@app.post("/batch")
async def batch(batch: Batch) -> dict[str, Any]:
    return {"predictions": answers(predictor, [trip.row() for trip in batch.trips])}
