"""From the model's raw outputs to an answer: conformal correction, order and floor, the same everywhere."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from taxi_api.model.features import OneTrip, Trips

# No trip takes less than this many minutes, and no bound is below it.
LEAST_MINUTES = 0.5


def groups(trips: Trips) -> NDArray[np.int64]:
    """Return the row of the corrections for each trip: 2 if the time is known, plus 1 if the distance is."""
    return np.asarray(2 * ~np.isnat(trips.pickup) + ~np.isnan(trips.miles))


def group_of(trip: OneTrip) -> int:
    """Return what ``groups`` does for a single trip."""
    return 2 * (trip.pickup is not None) + (not math.isnan(trip.miles))


def corrected(
    raw: NDArray[np.floating], group: NDArray[np.int64], corrections: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return duration, lower and upper bound in minutes, shape (n, 3).

    Both bounds move outwards by a share of the raw interval's width: split conformal prediction (Lei, G'Sell, Rinaldo,
    Tibshirani and Wasserman, 2018) with scores scaled by that width (Kivaranovic, Johnson and Leeb, 2020). A duration
    outside its bounds widens them.

    Args:
        raw: the model's outputs, shape (n, 3).
        group: row of ``corrections`` for each trip, shape (n,).
        corrections: shares of the width, shape (groups,); negative ones move the bounds inwards.

    """
    raw = raw.astype(np.float64)
    out = np.maximum(raw, LEAST_MINUTES)
    duration = out[:, 0]
    shift = corrections[group] * np.maximum(raw[:, 2] - raw[:, 1], 0.0)
    out[:, 1] = np.clip(raw[:, 1] - shift, LEAST_MINUTES, duration)
    out[:, 2] = np.maximum(raw[:, 2] + shift, duration)
    return np.asarray(out)


def corrected_one(raw: Sequence[float], share: float) -> tuple[float, float, float]:
    """Return what ``corrected`` does for a single trip: raw outputs and a share in, minutes out."""
    middle, low, high = raw
    duration = max(middle, LEAST_MINUTES)
    shift = share * max(high - low, 0.0)
    return duration, min(max(low - shift, LEAST_MINUTES), duration), max(high + shift, duration)
