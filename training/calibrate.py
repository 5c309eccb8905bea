"""Conformal corrections: how far the raw interval must move so that it holds what it promises."""

import numpy as np
from numpy.typing import NDArray

from taxi_api.model.bundle import GROUPS
from taxi_api.model.features import FeatureBuilder, Trips
from taxi_api.model.interval import groups
from training.errors import TrainingError
from training.fit import FittedModel, hide, select

Floats = NDArray[np.float64]

# Fewer trips than this say nothing about the few that an interval leaves out.
ENOUGH_TRIPS = 200
# Below this width in minutes a share of it explodes.
_LEAST_WIDTH = 0.1


def calibrate(model: FittedModel, trips: Trips, minutes: Floats, level: float) -> Floats:
    """Return corrections by group of GROUPS, shape (4,), as ``interval.corrected`` takes them.

    Split conformal prediction: the trips, of usual length and with all inputs, must be later than those of the fit.
    Each group is measured on the same trips with the inputs hidden that the group does not have; a correction may be
    negative. Raises TrainingError if there are too few trips.
    """
    complete = groups(trips) == len(GROUPS) - 1
    if np.count_nonzero(complete) < ENOUGH_TRIPS:
        raise TrainingError(
            f"{np.count_nonzero(complete)} complete trips are too few to calibrate an interval; "
            f"give months with at least {ENOUGH_TRIPS}"
        )
    trips, minutes = select(trips, complete), minutes[complete]
    builder = FeatureBuilder(model.tables)
    return np.array(
        [_share(model.raw(builder.matrix(_shown(trips, group))), minutes, level) for group in range(len(GROUPS))]
    )


def _shown(trips: Trips, group: int) -> Trips:
    """Return the trips with only the inputs that a group has."""
    everywhere = np.ones(len(trips.miles), bool)
    return hide(trips, distance=everywhere & (group % 2 == 0), time=everywhere & (group < 2))  # noqa: PLR2004


def _share(raw: Floats, minutes: Floats, level: float) -> float:
    """Return the share of the width by which the bounds have to move for the level to hold."""
    width = np.maximum(raw[:, 2] - raw[:, 1], _LEAST_WIDTH)
    score = np.maximum(raw[:, 1] - minutes, minutes - raw[:, 2]) / width
    # The finite-sample quantile of split conformal prediction: the ceil((n + 1) * level)-th smallest score.
    rank = min(int(np.ceil((len(minutes) + 1) * level)), len(minutes)) - 1
    return float(np.partition(score, rank)[rank])
