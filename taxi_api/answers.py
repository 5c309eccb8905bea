"""Trips in, answers out: between the contract and the model, without HTTP."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson

from taxi_api.metrics import observe_prediction, observe_predictions
from taxi_api.model.features import OneTrip, Trips
from taxi_api.model.predictor import BASIS, Prediction, Predictions, Predictor
from taxi_api.newyork import Moment, now
from taxi_api.schemas.trip import Trip


def answer(predictor: Predictor, trip: Trip) -> dict[str, Any]:
    """Return the answer, as ``PredictionSchema`` describes it, for a trip that ``TripSchema`` has loaded."""
    pickup = Moment.of(trip.get("pickup_datetime") or now())
    one = one_trip(trip, pickup)
    prediction = predictor.predict_one(one)
    observe_prediction(prediction, one)
    row = answer_row(level=predictor.bundle.level, **dict(zip(DIFFERING, _values(prediction, pickup), strict=True)))
    return row | {"model": model_reference(predictor)}


def answer_text(predictor: Predictor, prediction: Prediction, pickup: Moment) -> bytes:
    """Return the JSON of what ``answer`` does, byte for byte as orjson writes it."""
    bundle = predictor.bundle
    return (_template(bundle.level, bundle.name, bundle.version) % _values(prediction, pickup)).encode()


def one_trip(trip: Trip, pickup: Moment) -> OneTrip:
    """Return a loaded trip as the model takes it."""
    miles = float(trip.get("trip_distance", math.nan))
    return OneTrip(trip["PULocationID"], trip["DOLocationID"], miles, pickup.seconds)


# What differs between the answers of a model, in their order.
DIFFERING = ("duration", "lower", "upper", "miles", "source", "pickup", "kind", "trips")


def _values(prediction: Prediction, pickup: Moment) -> tuple[Any, ...]:
    duration, lower, upper, miles, estimated, basis, trips = prediction
    return (
        # As numpy rounds for a batch; Python's own rounding has another answer at 2.675.
        *(round(duration * 100) / 100, round(lower * 100) / 100, round(upper * 100) / 100, round(miles * 100) / 100),
        *("estimate" if estimated else "request", pickup.text, BASIS[basis], trips),
    )


@lru_cache(maxsize=2)
def _template(level: float, name: str, version: str) -> str:
    """Return the text of an answer with a place for each value that differs."""
    texts = {"source", "pickup", "kind"}
    row = answer_row(level=level, **{name: f"%{'s' if name in texts else 'r'}" for name in DIFFERING})
    model = orjson.dumps({"model": {"name": name, "version": version}}).decode().replace("%", "%%")
    return orjson.dumps(row).decode().replace('"%r"', "%r")[:-1] + "," + model[1:] + "\n"


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
