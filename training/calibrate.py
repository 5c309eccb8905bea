"""Conformal corrections: how far the raw interval must move so that it holds what it promises."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxi_api.model.bundle import GROUPS
from taxi_api.model.features import Trips
from taxi_api.model.interval import groups
from training.errors import TrainingError
from training.fit import FittedModel
from training.rows import hide, select

Floats = NDArray[np.float64]

# Fewer trips than this say nothing about the few that an interval leaves out.
ENOUGH_TRIPS = 200
# Below this width in minutes a share of it explodes.
_LEAST_WIDTH = 0.1


class Forecast(NamedTuple):
    """A model and later trips that it has not seen."""

    model: FittedModel
    trips: Trips
    minutes: Floats
    """How long the trips took, shape (n,)."""


def calibrate(forecasts: Sequence[Forecast], level: float) -> Floats:
    """Return corrections by group of GROUPS, shape (4,), as ``interval.corrected`` takes them.

    Split conformal prediction on the pooled forecasts; their trips should be of usual length. Each group is measured
    on the complete trips with the inputs hidden that the group does not have; a correction may be negative. Raises
    TrainingError if there are too few trips.
    """
    whole = [_complete(forecast) for forecast in forecasts]
    count = sum(len(forecast.minutes) for forecast in whole)
    if count < ENOUGH_TRIPS:
        raise TrainingError(
            f"{count} complete trips are too few to calibrate an interval; give months with at least {ENOUGH_TRIPS}"
        )
    scores = [np.concatenate([_scores(forecast, group) for forecast in whole]) for group in range(len(GROUPS))]
    return np.array([_quantile(of_group, level) for of_group in scores])


def _complete(forecast: Forecast) -> Forecast:
    complete = groups(forecast.trips) == len(GROUPS) - 1
    return Forecast(forecast.model, select(forecast.trips, complete), forecast.minutes[complete])


def _shown(trips: Trips, group: int) -> Trips:
    """Return the trips with only the inputs that a group has."""
    everywhere = np.ones(len(trips.miles), bool)
    return hide(trips, distance=everywhere & (group % 2 == 0), time=everywhere & (group < 2))  # noqa: PLR2004


def _scores(forecast: Forecast, group: int) -> Floats:
    """Return by which share of the interval's width each trip lies outside it; negative inside."""
    raw = forecast.model.raw(_shown(forecast.trips, group))
    width = np.maximum(raw[:, 2] - raw[:, 1], _LEAST_WIDTH)
    return np.asarray(np.maximum(raw[:, 1] - forecast.minutes, forecast.minutes - raw[:, 2]) / width)


def _quantile(scores: Floats, level: float) -> float:
    """Return the finite-sample quantile of split conformal prediction: the ceil((n + 1) * level)-th smallest score."""
    rank = min(int(np.ceil((len(scores) + 1) * level)), len(scores)) - 1
    return float(np.partition(scores, rank)[rank])
