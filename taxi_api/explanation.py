"""An answer and its parts: between the contract and the model, without HTTP."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from taxi_api.answers import answer, one_trip
from taxi_api.model.explain import MEANINGS, explain
from taxi_api.model.features import NAMES
from taxi_api.model.interval import LEAST_MINUTES
from taxi_api.model.predictor import Predictor
from taxi_api.newyork import now
from taxi_api.schemas.trip import Trip


def explained_answer(predictor: Predictor, trip: Trip) -> dict[str, Any]:
    """Return the answer and its parts, as ``ExplanationSchema`` describes them, for a trip that has been loaded."""
    trip = trip | {"pickup_datetime": trip.get("pickup_datetime") or now()}
    answered = answer(predictor, trip)
    row = predictor.features.row(one_trip(trip, trip["pickup_datetime"]))[0]
    base, contributions = explain(predictor.bundle.trees, row)
    # Below the least that a trip can take, the answer is that least, whatever the trees say.
    raised = max(0.0, LEAST_MINUTES - base - float(contributions.sum()))
    minutes = _hundredths(np.array([base, raised, *contributions]), answered["duration"])
    parts = [
        {
            "feature": name,
            "meaning": MEANINGS[name],
            "value": None if np.isnan(value) else round(value, 3),
            "minutes": part,
        }
        for name, value, part in zip(NAMES, row.tolist(), minutes[2:], strict=True)
    ]
    parts.append(
        {"feature": "least", "meaning": "the least that a trip can take", "value": LEAST_MINUTES, "minutes": minutes[1]}
    )
    return {
        "duration": answered["duration"],
        "base": minutes[0],
        "contributions": sorted((part for part in parts if part["minutes"]), key=lambda part: -abs(part["minutes"])),
        **{name: answered[name] for name in ("trip_distance", "pickup_datetime", "basis", "model")},
    }


def _hundredths(parts: NDArray[np.float64], total: float) -> list[float]:
    """Return the parts rounded up or down to hundredths, so that these add up to the rounded total."""
    scaled = parts * 100
    whole = np.floor(scaled)
    missing = round(total * 100 - whole.sum())
    # Those that lose most by rounding down are rounded up.
    whole[np.argsort(whole - scaled, kind="stable")[:missing]] += 1
    rounded: list[float] = (whole / 100).tolist()
    return rounded
