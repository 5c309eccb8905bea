"""One trip in, one answer out: between the contract and the model, without HTTP."""

from typing import Any

import numpy as np

from taxi_api.metrics import observe_predictions
from taxi_api.model.features import Trips
from taxi_api.model.predictor import BASIS, Predictor
from taxi_api.newyork import now, wall_clock_seconds
from taxi_api.schemas.trip import Trip


def answer(predictor: Predictor, trip: Trip) -> dict[str, Any]:
    """Return the answer, as ``PredictionSchema`` describes it, for a trip that ``TripSchema`` has loaded."""
    pickup = trip.get("pickup_datetime") or now()
    trips = Trips(
        pickup_zone=np.array([trip["PULocationID"]]),
        dropoff_zone=np.array([trip["DOLocationID"]]),
        miles=np.array([trip.get("trip_distance", np.nan)]),
        pickup=np.array([wall_clock_seconds(pickup)]).view("datetime64[s]"),
    )
    predicted = predictor.predict(trips)
    observe_predictions(predicted, trips)
    duration, lower, upper = predicted.minutes[0].tolist()
    return {
        "duration": round(duration, 2),
        "interval": {"lower": round(lower, 2), "upper": round(upper, 2), "level": predictor.bundle.level},
        "trip_distance": {
            "miles": round(float(predicted.miles[0]), 2),
            "source": "estimate" if predicted.estimated[0] else "request",
        },
        "pickup_datetime": pickup.isoformat(),
        "basis": {"kind": BASIS[predicted.basis[0]], "trips": int(predicted.basis_trips[0])},
        "model": model_reference(predictor),
    }


def model_reference(predictor: Predictor) -> dict[str, str]:
    """Return the name and version of the model, as ``ModelRefSchema`` describes it."""
    return {"name": predictor.bundle.name, "version": predictor.bundle.version}
