"""Why an answer is what it is: the minutes that each input of a trip adds to the duration.

Shapley values (Lundberg and Lee, 2017), exact: an input's part is what the duration changes, on average, when the
input of another trip is replaced by this trip's, over all orders in which inputs can be replaced and over the complete
golden trips as those others. Inputs, not features: many features come from one input and say the same.
"""

from itertools import product
from math import factorial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxi_api.model.features import OneTrip, Trips
from taxi_api.model.predictor import Predictor

INPUTS = {
    "pickup_zone": "where the trip begins",
    "dropoff_zone": "where it ends",
    "trip_distance": "how many miles it is, if that was given",
    "time_of_day": "the time of day at which it begins",
    "date": "the day: its weekday, holidays, the time of the year",
}
_SECONDS_A_DAY = 86_400
_MOST_OTHERS = 64


class Explanation(NamedTuple):
    """Parts of one duration, in minutes; they add up to what the model answers."""

    base: float
    """The mean duration of the other trips."""
    contributions: NDArray[np.float64]
    """What each input adds, shape (len(INPUTS),)."""


def explain(predictor: Predictor, trip: OneTrip) -> Explanation:
    """Return the parts of the duration of a trip, before it is raised to the least that a trip can take.

    Raises:
        ValueError: the trip's pickup time is not known.

    """
    if trip.pickup is None:
        raise ValueError("only a trip with a pickup time can be explained")
    others = _others(predictor.bundle.golden.trips)
    replaced = np.array(list(product((False, True), repeat=len(INPUTS))))
    mixed = _mixed(trip, trip.pickup, others, replaced)
    durations = predictor.raw(predictor.features.matrix(mixed))[:, 0].astype(np.float64)
    means = durations.reshape(len(replaced), -1).mean(axis=1)
    return Explanation(
        base=float(means[0]),
        contributions=np.array([_share(replaced, means, place) for place in range(len(INPUTS))]),
    )


def _others(golden: Trips) -> Trips:
    """Return the complete golden trips, or all if none is complete."""
    complete = np.flatnonzero(~np.isnan(golden.miles) & ~np.isnat(golden.pickup))
    timed = complete if len(complete) else np.flatnonzero(~np.isnat(golden.pickup))
    chosen = timed if len(timed) else np.arange(len(golden.miles))
    few = chosen[:_MOST_OTHERS]
    return Trips(golden.pickup_zone[few], golden.dropoff_zone[few], golden.miles[few], golden.pickup[few])


def _mixed(trip: OneTrip, second: int, others: Trips, replaced: NDArray[np.bool_]) -> Trips:
    """Return each of m other trips with each of k sets of inputs replaced by those of the trip: k * m trips."""
    day, time = divmod(second, _SECONDS_A_DAY)
    days = others.pickup.astype("datetime64[D]").astype("datetime64[s]")
    times = others.pickup - days

    def either(place: int, mine: Any, theirs: NDArray[Any]) -> NDArray[Any]:
        return np.where(replaced[:, place, None], mine, theirs[None, :]).ravel()

    return Trips(
        pickup_zone=either(0, trip.pickup_zone, others.pickup_zone),
        dropoff_zone=either(1, trip.dropoff_zone, others.dropoff_zone),
        miles=either(2, trip.miles, others.miles),
        pickup=either(3, np.timedelta64(time, "s"), times) + either(4, np.datetime64(day * _SECONDS_A_DAY, "s"), days),
    )


def _share(replaced: NDArray[np.bool_], means: NDArray[np.float64], place: int) -> float:
    """Return the Shapley value of one input from the mean duration of every set of replaced inputs."""
    count = replaced.shape[1]
    without, with_it = ~replaced[:, place], replaced[:, place]
    size = replaced[without].sum(axis=1).tolist()
    weight = [factorial(others) * factorial(count - others - 1) / factorial(count) for others in size]
    # Sets that differ in this input alone stand in the same order on both sides.
    return float(np.dot(weight, means[with_it] - means[without]))
