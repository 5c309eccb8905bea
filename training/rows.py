"""The rows that models learn from: trips as features, and again with inputs hidden."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxi_api.model.features import NAMES, FeatureBuilder, Trips
from training.console import progress
from training.metrics import FILTERS
from training.recipe import Recipe
from training.statistics import fit_tables

Floats = NDArray[np.float64]


class Rows(NamedTuple):
    """n trips as they were, and after them those that are also shown with inputs hidden."""

    matrix: NDArray[np.float32]
    """Features, shape (rows, len(NAMES))."""
    minutes: Floats
    """How long the trips took, shape (rows,)."""
    hidden: NDArray[np.bool_]
    """Whether inputs are hidden, shape (rows,)."""

    def weights(self, recipe: Recipe) -> Floats:
        """Return how much each row counts, shape (rows,)."""
        least, most = FILTERS["1-60"]
        usual = np.where(self.minutes > most, recipe.long_weight, 1.0)
        weight = np.where(self.minutes < least, recipe.short_weight, usual)
        return np.where(self.hidden, recipe.hidden_weight * weight, weight)


def select(trips: Trips, rows: NDArray[Any]) -> Trips:
    """Return the given rows (mask or indices) of all columns."""
    return Trips(*(column[rows] for column in trips))


def hide(trips: Trips, distance: NDArray[np.bool_], time: NDArray[np.bool_]) -> Trips:
    """Return the trips as if the distance or the time of the marked ones had not been given."""
    return trips._replace(
        miles=np.where(distance, np.nan, trips.miles), pickup=np.where(time, np.datetime64("NaT", "s"), trips.pickup)
    )


def with_inputs_hidden(trips: Trips) -> dict[str, Trips]:
    """Return the same trips without the distance, without the time, and without either, by name."""
    every, none = np.ones(len(trips.miles), bool), np.zeros(len(trips.miles), bool)
    return {
        "no distance": hide(trips, every, none),
        "no time": hide(trips, none, every),
        "neither": hide(trips, every, every),
    }


def training_rows(trips: Trips, minutes: Floats, recipe: Recipe) -> Rows:
    """Return the rows to learn from for n trips of known duration, shape (n,); same input, same rows."""
    random = np.random.default_rng(recipe.seed)
    no_distance = random.random(len(minutes)) < recipe.hide_distance
    no_time = random.random(len(minutes)) < recipe.hide_time
    masked = no_distance | no_time
    hidden = hide(trips, no_distance, no_time)

    whole_features = np.empty((len(minutes), len(NAMES)), np.float32)
    hidden_features = np.empty_like(whole_features)
    # A trip must not find its own duration in the tables. Whole weeks are left out, not single trips, so that
    # neither does the traffic of that very day.
    fold = trips.pickup.astype("datetime64[W]").astype(np.int64) % recipe.folds
    with progress() as bar:
        for part in bar.track(range(recipe.folds), description="features"):
            own, others = fold == part, fold != part
            # A single week of data has only one fold that is not empty.
            source = others if others.any() else own
            builder = FeatureBuilder(fit_tables(select(trips, source), minutes[source]))
            whole_features[own] = builder.matrix(select(trips, own))
            hidden_features[own] = builder.matrix(select(hidden, own))

    return Rows(
        matrix=np.vstack((whole_features, hidden_features[masked])),
        minutes=np.concatenate((minutes, minutes[masked])),
        hidden=np.arange(len(minutes) + np.count_nonzero(masked)) >= len(minutes),
    )
