"""The loader of MLflow's pyfunc flavour over a bundle; MLflow finds it by name and passes it the bundle's folder.

Nothing of MLflow or pandas is imported: a scoring server or Spark brings both, and what is needed to answer is numpy.
"""

from pathlib import Path
from typing import Any

import numpy as np

from taxi_api.model.bundle import OUTPUTS, load_bundle
from taxi_api.model.calendar import FIRST_YEAR, LAST_YEAR
from taxi_api.model.features import Trips
from taxi_api.model.predictor import Predictor
from taxi_api.model.zones import FIRST_ZONE, LAST_ZONE

FARTHEST_MILES = 200.0


class Durations:
    """What MLflow calls: a data frame of trips in, a data frame of minutes out."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:  # noqa: ARG002 - MLflow's interface
        """Return columns duration, lower and upper in minutes, in the kind of data frame that was given.

        Columns ``PULocationID`` and ``DOLocationID`` (1 to 265) are needed; ``trip_distance`` (miles, above 0 to 200)
        and ``pickup_datetime`` (New York wall-clock time) may be missing, as columns or as single values. Raises
        ValueError for values outside these ranges.
        """
        minutes = self._predictor.predict(_trips(model_input)).minutes
        return type(model_input)(dict(zip(OUTPUTS, minutes.T, strict=True)))


def _load_pyfunc(path: str) -> Durations:
    return Durations(Predictor(load_bundle(Path(path))))


def _trips(frame: Any) -> Trips:
    count = len(frame)
    zones = [np.asarray(frame[name].to_numpy(), np.int64) for name in ("PULocationID", "DOLocationID")]
    if any(((zone < FIRST_ZONE) | (zone > LAST_ZONE)).any() for zone in zones):
        raise ValueError(f"PULocationID and DOLocationID must be {FIRST_ZONE} to {LAST_ZONE}")
    miles = np.full(count, np.nan)
    if "trip_distance" in frame:
        miles = np.array(frame["trip_distance"].to_numpy(), np.float64)
        if ((miles <= 0) | (miles > FARTHEST_MILES)).any():
            raise ValueError(f"trip_distance must be above 0 and at most {FARTHEST_MILES:.0f} miles, or missing")
    pickup = np.full(count, np.datetime64("NaT"), "datetime64[s]")
    if "pickup_datetime" in frame:
        given = frame["pickup_datetime"]
        pickup = np.array(given.where(given.notna(), None).to_numpy(), "datetime64[s]")
        years = pickup.astype("datetime64[Y]").astype(np.int64) + 1970
        if ((years < FIRST_YEAR) | (years > LAST_YEAR))[~np.isnat(pickup)].any():
            raise ValueError(f"pickup_datetime must be in the years {FIRST_YEAR} to {LAST_YEAR}, or missing")
    return Trips(zones[0], zones[1], miles, pickup)
