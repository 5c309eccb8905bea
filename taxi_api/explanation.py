"""An answer and its parts: between the contract and the model, without HTTP."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from taxi_api.answers import answer, one_trip
from taxi_api.model.explain import INPUTS, explain
from taxi_api.model.features import OneTrip
from taxi_api.model.interval import LEAST_MINUTES
from taxi_api.model.predictor import Predictor
from taxi_api.newyork import Moment, now
from taxi_api.schemas.trip import Trip

_LEAST = ("least", "the least that a trip can take")


def explained_answer(predictor: Predictor, trip: Trip) -> dict[str, Any]:
    """Return the answer and its parts, as ``ExplanationSchema`` describes them, for a trip that has been loaded."""
    pickup = trip.get("pickup_datetime") or now()
    answered = answer(predictor, trip | {"pickup_datetime": pickup})
    moment = Moment.of(pickup)
    one = one_trip(trip, moment)
    base, contributions = explain(predictor, one)
    # Below the least that a trip can take, the answer is that least, whatever the model says.
    raised = max(0.0, LEAST_MINUTES - base - float(contributions.sum()))
    first, *others = _hundredths(np.array([base, *contributions, raised]), answered["duration"])
    parts = [
        {"feature": name, "meaning": meaning, "value": value, "minutes": minutes}
        for (name, meaning), value, minutes in zip(
            (*INPUTS.items(), _LEAST), (*_values(one, moment), LEAST_MINUTES), others, strict=True
        )
    ]
    return {
        "duration": answered["duration"],
        "base": first,
        "contributions": sorted((part for part in parts if part["minutes"]), key=lambda part: -abs(part["minutes"])),
        **{name: answered[name] for name in ("trip_distance", "pickup_datetime", "basis", "model")},
    }


def _values(trip: OneTrip, pickup: Moment) -> tuple[int | float | str | None, ...]:
    """Return what each of INPUTS is for the trip."""
    miles = None if math.isnan(trip.miles) else trip.miles
    day, time = pickup.text[: len("0000-00-00T00:00:00")].split("T")
    return trip.pickup_zone, trip.dropoff_zone, miles, time, day


def _hundredths(parts: NDArray[np.float64], total: float) -> list[float]:
    """Return the parts rounded up or down to hundredths, so that these add up to the rounded total."""
    scaled = parts * 100
    # What rounding the total has moved is spread over the parts.
    scaled += (total * 100 - scaled.sum()) / len(parts)
    whole = np.floor(scaled)
    missing = round(total * 100 - whole.sum())
    # Those that lose most by rounding down are rounded up.
    whole[np.argsort(whole - scaled, kind="stable")[:missing]] += 1
    rounded: list[float] = (whole / 100).tolist()
    return rounded
