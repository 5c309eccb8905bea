"""Which bin of the training reference a trip falls into, so that one can see when callers ask for other trips."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from taxi_api.metrics.observations import Counts, Shares
from taxi_api.model.features import HOURS_A_WEEK, OneTrip, Trips, hour_of_week, part_of_week, week_part
from taxi_api.model.zones import ZONE_ROWS, zones

_PARTS_OF_DAY = ("night", "morning", "midday", "afternoon", "evening")
_PARTS_OF_WEEK = [f"{days} {part}" for days in ("workday", "weekend") for part in _PARTS_OF_DAY]
_GIVEN = ["no", "yes"]


class Inputs:
    """The inputs of a trip as a few coarse bins each.

    Hours and zones are put together, into parts of the week and boroughs: hundreds of bins would differ from any
    reference by chance alone, and each is a series to keep.
    """

    def __init__(self, reference: Mapping[str, Any]) -> None:
        """Take the bins and shares of a bundle's reference, as training writes it into the manifest."""
        miles = reference["trip_distance"]
        self._edges = np.array(miles["edges"], np.float64)
        self._edge_list: list[float] = self._edges.tolist()
        self._miles = [f"{low:g}-{high:g}" for low, high in zip(miles["edges"], miles["edges"][1:], strict=False)]
        self._boroughs = sorted({zone.borough for zone in zones()})
        self._borough = np.zeros(ZONE_ROWS, np.int64)
        for zone in zones():
            self._borough[zone.id] = self._boroughs.index(zone.borough)
        missing = reference["trip_distance_missing"]
        parts = week_part(np.arange(HOURS_A_WEEK))
        self.shares: Shares = {
            "trip_distance_given": dict(zip(_GIVEN, (missing, 1 - missing), strict=True)),
            "trip_distance": dict(zip(self._miles, miles["share"], strict=True)),
            "pickup_time": _sum(reference["hour_of_week"]["share"], parts, _PARTS_OF_WEEK),
            "pickup_borough": _sum(reference["PULocationID"]["share"], self._borough, self._boroughs),
            "dropoff_borough": _sum(reference["DOLocationID"]["share"], self._borough, self._boroughs),
        }

    def count(self, trips: Trips) -> Counts:
        """Return how many of n trips fall into each bin of each input; bins without any are left out."""
        given = ~np.isnan(trips.miles)
        mile_bin = np.searchsorted(self._edges, trips.miles[given], side="right") - 1
        timed = trips.pickup[~np.isnat(trips.pickup)]
        return {
            "trip_distance_given": _tally(given.astype(np.int64), _GIVEN),
            "trip_distance": _tally(mile_bin.clip(0, len(self._miles) - 1), self._miles),
            "pickup_time": _tally(week_part(hour_of_week(timed)), _PARTS_OF_WEEK),
            "pickup_borough": _tally(self._borough[trips.pickup_zone], self._boroughs),
            "dropoff_borough": _tally(self._borough[trips.dropoff_zone], self._boroughs),
        }

    def count_one(self, trip: OneTrip) -> Counts:
        """Return the same for a single trip, which most requests have, in a fraction of the time."""
        given = not math.isnan(trip.miles)
        counts = {
            "trip_distance_given": {_GIVEN[given]: 1},
            "pickup_borough": {self._boroughs[self._borough[trip.pickup_zone]]: 1},
            "dropoff_borough": {self._boroughs[self._borough[trip.dropoff_zone]]: 1},
        }
        if given:
            mile_bin = bisect_right(self._edge_list, trip.miles) - 1
            counts["trip_distance"] = {self._miles[min(max(mile_bin, 0), len(self._miles) - 1)]: 1}
        if trip.pickup is not None:
            counts["pickup_time"] = {_PARTS_OF_WEEK[part_of_week(trip.pickup)]: 1}
        return counts


def _tally(bins: NDArray[np.int64], names: Sequence[str]) -> dict[str, int]:
    counts = np.bincount(bins, minlength=len(names)).tolist()
    return {name: count for name, count in zip(names, counts, strict=True) if count}


def _sum(shares: Sequence[float], bins: NDArray[np.int64], names: Sequence[str]) -> dict[str, float]:
    sums = np.bincount(bins, weights=np.array(shares), minlength=len(names))
    return dict(zip(names, sums.round(5).tolist(), strict=True))
