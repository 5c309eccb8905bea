"""Answers from a bundle: the whole path from a trip's columns to minutes."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxi_api.model.bundle import GOLDEN, Bundle, BundleError
from taxi_api.model.features import FeatureBuilder, OneTrip, Trips
from taxi_api.model.interval import corrected, corrected_one, group_of, groups
from taxi_api.model.networks import Networks
from taxi_api.model.zones import ZONE_ROWS

# What an answer rests on: trips between just these zones, trips between zones near them, or the city as a whole.
BASIS = ("zone_pair", "nearby_zones", "city")
# From this many trips on, a pair of zones outweighs its surroundings in the tables.
ENOUGH_TRIPS = 10

# Sums in another order than scikit-learn's differ in the last digits of float32; a wrong weight is far more than this.
GOLDEN_TOLERANCE_MINUTES = 0.01


class Predictions(NamedTuple):
    """Columns of n answers."""

    minutes: NDArray[np.float64]
    """Shape (n, 3): expected duration, lower and upper bound of the interval."""
    miles: NDArray[np.float64]
    """The distance the answer is for: as given, or typical for the pair of zones."""
    estimated: NDArray[np.bool_]
    """True where the distance was not given."""
    basis: NDArray[np.uint8]
    """Index into BASIS."""
    basis_trips: NDArray[np.uint32]
    """Training trips of that kind."""


class Prediction(NamedTuple):
    """One answer; see ``Predictions``."""

    duration: float
    lower: float
    upper: float
    miles: float
    estimated: bool
    basis: int
    basis_trips: int


class Predictor:
    """A bundle, ready to answer."""

    def __init__(self, bundle: Bundle) -> None:
        """Prepare look-ups and try the golden answers; raise BundleError if the bundle must not serve."""
        self.bundle = bundle
        self.features = FeatureBuilder(bundle.tables)
        self._networks = Networks(bundle.weights)
        pair_trips = bundle.tables.pair_trips.ravel()
        nearby_trips = bundle.tables.nearby_trips.ravel()
        basis = np.where(pair_trips >= ENOUGH_TRIPS, 0, np.where(nearby_trips >= ENOUGH_TRIPS, 1, 2))
        self._basis_trips = np.choose(basis, (pair_trips, nearby_trips, pair_trips.sum())).astype(np.uint32)
        self._basis = basis.astype(np.uint8)
        self._pair_miles = bundle.tables.pair_miles.ravel()
        self._shares: list[float] = bundle.corrections.tolist()
        self.check()

    def check(self) -> None:
        """Answer the golden trips; raise BundleError if any answer is not what scikit-learn gave."""
        given = self._minutes(self.bundle.golden.trips)
        off = np.abs(given - self.bundle.golden.answers).max(axis=1)
        # Written so that a NaN fails too.
        if not (off <= GOLDEN_TOLERANCE_MINUTES).all():
            worst = int(np.argmax(np.where(np.isnan(off), np.inf, off)))
            raise BundleError(
                f"model bundle {self.bundle.path}: golden answer {worst} of {GOLDEN} is off by {off[worst]:.3f}"
                " minutes; the model or this machine's arithmetic is not what was trained; export the bundle again"
            )

    def predict(self, trips: Trips) -> Predictions:
        """Answer n trips (zones within 1 to 265, see ``Trips``)."""
        pair = trips.pickup_zone * ZONE_ROWS + trips.dropoff_zone
        estimated = np.isnan(trips.miles)
        return Predictions(
            minutes=self._minutes(trips),
            miles=np.where(estimated, self._pair_miles[pair].astype(np.float64), trips.miles),
            estimated=estimated,
            basis=self._basis[pair],
            basis_trips=self._basis_trips[pair],
        )

    def predict_one(self, trip: OneTrip) -> Prediction:
        """Answer a single trip as ``predict`` does, in a third of the time."""
        pair = trip.pickup_zone * ZONE_ROWS + trip.dropoff_zone
        raw = self._networks.row(self.features.row(trip))
        duration, lower, upper = corrected_one(raw, self._shares[group_of(trip)])
        estimated = math.isnan(trip.miles)
        return Prediction(
            duration,
            lower,
            upper,
            self._pair_miles.item(pair) if estimated else trip.miles,
            estimated,
            self._basis.item(pair),
            self._basis_trips.item(pair),
        )

    def _minutes(self, trips: Trips) -> NDArray[np.float64]:
        return corrected(self.raw(self.features.matrix(trips)), groups(trips), self.bundle.corrections)

    def raw(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the networks' outputs for n rows of features, shape (n, 3), before correction."""
        return self._networks.rows(matrix)
