"""Trips in, answers out: between the contract and the model, without HTTP."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from taxi_api.metrics import observe_prediction, observe_predictions
from taxi_api.model.features import OneTrip, Trips
from taxi_api.model.predictor import BASIS, Prediction, Predictions, Predictor
from taxi_api.newyork import now, wall_clock_seconds
from taxi_api.schemas.trip import Trip


def answer(predictor: Predictor, trip: Trip) -> dict[str, Any]:
    """Return the answer, as ``PredictionSchema`` describes it, for a trip that ``TripSchema`` has loaded."""
    pickup = trip.get("pickup_datetime") or now()
    one = one_trip(trip, pickup)
    prediction = predictor.predict_one(one)
    observe_prediction(prediction, one)
    return described(predictor, prediction, pickup)


def one_trip(trip: Trip, pickup: datetime) -> OneTrip:
    """Return a loaded trip as the model takes it."""
    miles = float(trip.get("trip_distance", math.nan))
    return OneTrip(trip["PULocationID"], trip["DOLocationID"], miles, wall_clock_seconds(pickup))


def described(predictor: Predictor, prediction: Prediction, pickup: datetime) -> dict[str, Any]:
    """Return a prediction as ``PredictionSchema`` describes it."""
    return {
        "duration": _hundredths(prediction.duration),
        "interval": {
            "lower": _hundredths(prediction.lower),
            "upper": _hundredths(prediction.upper),
            "level": predictor.bundle.level,
        },
        "trip_distance": {
            "miles": _hundredths(prediction.miles),
            "source": "estimate" if prediction.estimated else "request",
        },
        "pickup_datetime": pickup.isoformat(),
        "basis": {"kind": BASIS[prediction.basis], "trips": prediction.basis_trips},
        "model": model_reference(predictor),
    }


def _hundredths(value: float) -> float:
    # As numpy does it for a batch; Python's own rounding has another answer at 2.675.
    return round(value * 100) / 100


def answer_rows(predicted: Predictions, pickups: Sequence[str], level: float) -> list[dict[str, Any]]:
    """Return each prediction as ``PredictionSchema`` describes it but without the model.

    Args:
        predicted: n predictions.
        pickups: the pickup times of the trips, as ISO 8601 with New York's offset.
        level: the share of trips that the intervals are to hold.

    """
    return [
        answer_row(
            duration=duration,
            lower=lower,
            upper=upper,
            level=level,
            miles=miles,
            source="estimate" if estimated else "request",
            pickup=pickup,
            kind=BASIS[basis],
            trips=basis_trips,
        )
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


def answer_row(
    *, duration: Any, lower: Any, upper: Any, level: float, miles: Any, source: Any, pickup: Any, kind: Any, trips: Any
) -> dict[str, Any]:
    """Return an answer of these values, or a template of places for them: the names and their order are the same."""
    return {
        "duration": duration,
        "interval": {"lower": lower, "upper": upper, "level": level},
        "trip_distance": {"miles": miles, "source": source},
        "pickup_datetime": pickup,
        "basis": {"kind": kind, "trips": trips},
    }


def predict(predictor: Predictor, trips: Trips) -> Predictions:
    """Return the predictions for n trips of one request, after counting them."""
    predictions = predictor.predict(trips)
    observe_predictions(predictions, trips)
    return predictions


def model_reference(predictor: Predictor) -> dict[str, str]:
    """Return the name and version of the model, as ``ModelRefSchema`` describes it."""
    return {"name": predictor.bundle.name, "version": predictor.bundle.version}
