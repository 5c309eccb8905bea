"""Which bin of the training reference a trip falls into, so that one can see when callers ask for other trips."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from taxi_api.metrics.observations import Counts, Shares
from taxi_api.model.features import HOURS_A_WEEK, Trips, hour_of_week, week_part
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
        names = [f"{low:g}-{high:g}" for low, high in zip(miles["edges"], miles["edges"][1:], strict=False)]
        boroughs = sorted({zone.borough for zone in zones()})
        self._borough = np.zeros(ZONE_ROWS, np.int64)
        for zone in zones():
            self._borough[zone.id] = boroughs.index(zone.borough)
        missing = reference["trip_distance_missing"]
        parts = week_part(np.arange(HOURS_A_WEEK))
        self.shares: Shares = {
            "trip_distance_given": dict(zip(_GIVEN, (missing, 1 - missing), strict=True)),
            "trip_distance": dict(zip(names, miles["share"], strict=True)),
            "pickup_time": _sum(reference["hour_of_week"]["share"], parts, _PARTS_OF_WEEK),
            "pickup_borough": _sum(reference["PULocationID"]["share"], self._borough, boroughs),
            "dropoff_borough": _sum(reference["DOLocationID"]["share"], self._borough, boroughs),
        }
        self._bins = {name: [(name, bin_name) for bin_name in shares] for name, shares in self.shares.items()}

    def count(self, trips: Trips) -> Counts:
        """Return how many of n trips fall into each bin of each input; bins without any are left out."""
        given = ~np.isnan(trips.miles)
        mile_bin = np.searchsorted(self._edges, trips.miles[given], side="right") - 1
        timed = trips.pickup[~np.isnat(trips.pickup)]
        bins = {
            "trip_distance_given": given.astype(np.int64),
            "trip_distance": mile_bin.clip(0, len(self._bins["trip_distance"]) - 1),
            "pickup_time": week_part(hour_of_week(timed)),
            "pickup_borough": self._borough[trips.pickup_zone],
            "dropoff_borough": self._borough[trips.dropoff_zone],
        }
        return {
            self._bins[name][index]: count
            for name, of_trips in bins.items()
            for index, count in enumerate(np.bincount(of_trips).tolist())
            if count
        }


def _sum(shares: Sequence[float], bins: NDArray[np.int64], names: Sequence[str]) -> dict[str, float]:
    sums = np.bincount(bins, weights=np.array(shares), minlength=len(names))
    return dict(zip(names, sums.round(5).tolist(), strict=True))
