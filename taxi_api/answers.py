"""Trips in, answers out: between the contract and the model, without HTTP."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from taxi_api.metrics import observe_predictions
from taxi_api.model.features import Trips
from taxi_api.model.predictor import BASIS, Predictions, Predictor
from taxi_api.newyork import now, wall_clock
from taxi_api.schemas.trip import Trip


def answer(predictor: Predictor, trip: Trip) -> dict[str, Any]:
    """Return the answer, as ``PredictionSchema`` describes it, for a trip that ``TripSchema`` has loaded."""
    pickup = trip.get("pickup_datetime") or now()
    trips = one_trip(trip | {"pickup_datetime": pickup})
    return answers(predictor, trips, [pickup.isoformat()])[0] | {"model": model_reference(predictor)}


def one_trip(trip: Trip) -> Trips:
    """Return a loaded trip with a pickup time as columns of one row."""
    return Trips(
        pickup_zone=np.array([trip["PULocationID"]]),
        dropoff_zone=np.array([trip["DOLocationID"]]),
        miles=np.array([trip.get("trip_distance", np.nan)]),
        pickup=wall_clock([trip["pickup_datetime"]]),
    )


def answers(predictor: Predictor, trips: Trips, pickups: Sequence[str]) -> list[dict[str, Any]]:
    """Return an answer for each trip, as ``PredictionSchema`` describes it but without the model.

    Args:
        predictor: answers the trips.
        trips: n trips.
        pickups: the pickup times of ``trips``, as ISO 8601 with New York's offset.

    """
    return described(predictor, predict(predictor, trips), pickups)


def described(predictor: Predictor, predicted: Predictions, pickups: Sequence[str]) -> list[dict[str, Any]]:
    """Return n predictions of the predictor as ``answers`` does."""
    level = predictor.bundle.level
    return [
        {
            "duration": duration,
            "interval": {"lower": lower, "upper": upper, "level": level},
            "trip_distance": {"miles": miles, "source": "estimate" if estimated else "request"},
            "pickup_datetime": pickup,
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


def predict(predictor: Predictor, trips: Trips) -> Predictions:
    """Return the predictions for n trips of one request, after counting them."""
    predictions = predictor.predict(trips)
    observe_predictions(predictions, trips)
    return predictions


def model_reference(predictor: Predictor) -> dict[str, str]:
    """Return the name and version of the model, as ``ModelRefSchema`` describes it."""
    return {"name": predictor.bundle.name, "version": predictor.bundle.version}
