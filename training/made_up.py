"""Trips that nobody made: what the networks hold to where they have seen little.

Networks bend at will where there are no trips, such as at a distance that is less than the straight line. A few trips
between zones that taxis hardly connect have the usual duration of their distance and hour; a few others are real ones
by a longer or a shorter way. They weigh so little that they change hardly anything where there are trips.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxi_api.model.features import Tables, Trips, era_of, hour_of_week
from taxi_api.model.predictor import ENOUGH_TRIPS
from taxi_api.model.zones import FIRST_ZONE, LAST_ZONE, ZONE_ROWS

Floats = NDArray[np.float64]

# Distances in miles; trips of another length do not teach what is usual.
_SHORTEST, _FARTHEST = 0.3, 30.0
# How much longer a way may be, or shorter.
_STRETCH = 2.5


class Usual(NamedTuple):
    """How long trips take by their distance: minutes are exp(start) * miles ** slope * the hour's factor."""

    slope: float
    start: float
    scatter: float
    """Standard deviation of the logarithm."""

    @classmethod
    def of(cls, trips: Trips, minutes: Floats, tables: Tables) -> "Usual":
        """Return what is usual for trips of known duration, shape (n,)."""
        known = (trips.miles >= _SHORTEST) & (trips.miles <= _FARTHEST)
        lengths = np.log(trips.miles[known])
        took = np.log(minutes[known]) - _log_city(tables, trips.pickup[known])
        slope, start = np.polyfit(lengths, took, 1)
        return cls(float(slope), float(start), float(np.std(took - slope * lengths - start)))


def elsewhere(
    trips: Trips, usual: Usual, tables: Tables, count: int, random: np.random.Generator
) -> tuple[Trips, Floats]:
    """Return ``count`` trips between zones that taxis hardly connect, at times of given ones, and their minutes.

    There are none if every pair of zones has trips enough.
    """
    zones = slice(FIRST_ZONE, LAST_ZONE + 1)
    rare = np.zeros((ZONE_ROWS, ZONE_ROWS), bool)
    rare[zones, zones] = tables.pair_trips[zones, zones] < ENOUGH_TRIPS
    pairs = np.flatnonzero(rare)
    count = count if len(pairs) else 0
    pickup_zone, dropoff_zone = np.divmod(random.choice(pairs, count), ZONE_ROWS)
    miles = np.exp(random.uniform(np.log(_SHORTEST), np.log(_FARTHEST), count))
    made = Trips(pickup_zone, dropoff_zone, miles, random.choice(trips.pickup, count))
    log_minutes = usual.slope * np.log(miles) + usual.start + _log_city(tables, made.pickup)
    # The last part makes the mean, not the median, what is usual.
    return made, np.exp(log_minutes + random.normal(0, usual.scatter, count) - usual.scatter**2 / 2)


def stretched(
    trips: Trips, minutes: Floats, usual: Usual, count: int, random: np.random.Generator
) -> tuple[Trips, Floats]:
    """Return ``count`` of the trips by ways of another length, and their minutes."""
    known = np.flatnonzero(~np.isnan(trips.miles))
    chosen = random.choice(known, count if len(known) else 0)
    factor = np.exp(random.uniform(-np.log(_STRETCH), np.log(_STRETCH), len(chosen)))
    made = Trips(
        trips.pickup_zone[chosen], trips.dropoff_zone[chosen], trips.miles[chosen] * factor, trips.pickup[chosen]
    )
    return made, minutes[chosen] * factor**usual.slope


def _log_city(tables: Tables, pickup: NDArray[np.datetime64]) -> Floats:
    return np.asarray(np.log(tables.city_factor[era_of(pickup), hour_of_week(pickup)].astype(np.float64)))
