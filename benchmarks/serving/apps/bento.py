"""BentoML over the same bundle, written as its documentation writes a service."""

from datetime import datetime
from typing import Any

import bentoml

from benchmarks.serving.apps.answers import answers
from taxi_api.model.store import load_predictor


@bentoml.service(workers=1)
class Taxi:
    def __init__(self) -> None:
        self.predictor = load_predictor("")

    @bentoml.api
    def predict(
        self, PULocationID: int, DOLocationID: int, trip_distance: float, pickup_datetime: datetime
    ) -> dict[str, Any]:
        trip = (PULocationID, DOLocationID, trip_distance, pickup_datetime)
        return answers(self.predictor, [trip])[0]

    @bentoml.api
    def batch(self, trips: list[dict[str, Any]]) -> dict[str, Any]:
        read = datetime.fromisoformat
        rows = [
            (trip["PULocationID"], trip["DOLocationID"], trip["trip_distance"], read(trip["pickup_datetime"]))
            for trip in trips
        ]
        return {"predictions": answers(self.predictor, rows)}
