"""Answers from a bundle: the whole path from a trip's columns to minutes."""

import math
import os
from typing import NamedTuple

# The runtime's maker would otherwise be told of every start, by a thread of its own; it is asked at the import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from taxi_api.model.bundle import GOLDEN, MODEL, Bundle, BundleError
from taxi_api.model.features import NAMES, FeatureBuilder, OneTrip, Trips
from taxi_api.model.interval import corrected, corrected_one, group_of, groups
from taxi_api.model.zones import ZONE_ROWS

# What an answer rests on: trips between just these zones, trips between zones near them, or the city as a whole.
BASIS = ("zone_pair", "nearby_zones", "city")
# From this many trips on, a pair of zones outweighs its surroundings in the tables.
ENOUGH_TRIPS = 10

# Sums in another order than scikit-learn's differ in the last digits of float32; a wrong weight is far more than this.
GOLDEN_TOLERANCE_MINUTES = 0.01

# Rows of a run of the session: what lies between its layers stays in the processor's cache.
_PART = 1024


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
    """A bundle, ready to answer. Make one in each process: its session must not cross a fork."""

    def __init__(self, bundle: Bundle) -> None:
        """Prepare the session and try the golden answers; raise BundleError if the bundle must not serve."""
        self.bundle = bundle
        self.features = FeatureBuilder(bundle.tables)
        self._session = _session(bundle)
        self._input = self._session.get_inputs()[0].name
        self._outputs = [self._session.get_outputs()[0].name]
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
        raw = self._run(self.features.row(trip))[0].tolist()
        duration, lower, upper = corrected_one(raw, self._shares[group_of(trip)])
        estimated = math.isnan(trip.miles)
        return Prediction(
            duration,
            lower,
            upper,
            float(self._pair_miles[pair]) if estimated else trip.miles,
            estimated,
            int(self._basis[pair]),
            int(self._basis_trips[pair]),
        )

    def _minutes(self, trips: Trips) -> NDArray[np.float64]:
        return corrected(self.raw(self.features.matrix(trips)), groups(trips), self.bundle.corrections)

    def raw(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the session's outputs for n rows of features, shape (n, 3), before correction."""
        if len(matrix) <= _PART:
            return self._run(matrix)
        return np.concatenate([self._run(matrix[first : first + _PART]) for first in range(0, len(matrix), _PART)])

    def _run(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(self._session.run(self._outputs, {self._input: matrix})[0])


def _session(bundle: Bundle) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # One row takes microseconds: handing it to another thread costs more than it saves, and workers share the cores.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(bundle.model, options, providers=["CPUExecutionProvider"])
    except Exception as problem:
        # onnxruntime raises a class of its own for each status, none of them public.
        reason = str(problem).strip().splitlines()[0]
        raise BundleError(f"model bundle {bundle.path}: {MODEL} cannot be loaded ({reason})") from problem
    shapes = [node.shape[-1] for node in (*session.get_inputs(), *session.get_outputs())]
    if shapes != [len(NAMES), 3]:
        raise BundleError(f"model bundle {bundle.path}: {MODEL} does not map {len(NAMES)} features to 3 outputs")
    return session
