"""The rows that models learn from: trips as features, and again with inputs hidden."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxi_api.model.features import NAMES, FeatureBuilder, Tables, Trips
from training.console import progress
from training.made_up import Usual, elsewhere, stretched
from training.metrics import FILTERS
from training.recipe import Recipe
from training.statistics import fit_tables

Floats = NDArray[np.float64]


class Rows(NamedTuple):
    """n trips as they were, after them those that are also shown with inputs hidden, and then some made-up ones."""

    matrix: NDArray[np.float32]
    """Features, shape (rows, len(NAMES))."""
    minutes: Floats
    """How long the trips took, shape (rows,)."""
    hidden: NDArray[np.bool_]
    """Whether inputs of a trip are hidden, shape (rows,)."""
    made_up: NDArray[np.bool_]
    """Whether nobody made the trip, see ``training.made_up``, shape (rows,)."""

    def weights(self, recipe: Recipe) -> Floats:
        """Return how much each row counts, shape (rows,)."""
        least, most = FILTERS["1-60"]
        usual = np.where(self.minutes > most, recipe.long_weight, 1.0)
        weight = np.where(self.minutes < least, recipe.short_weight, usual)
        weight = np.where(self.hidden, recipe.hidden_weight * weight, weight)
        return np.where(self.made_up, recipe.made_up_weight, weight)


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


def training_rows(trips: Trips, minutes: Floats, tables: Tables, recipe: Recipe) -> Rows:
    """Return the rows to learn from; same input, same rows.

    Args:
        trips: n trips.
        minutes: how long they took, shape (n,).
        tables: what all of them say, for trips that are made up.
        recipe: how many are hidden and made up.

    """
    random = np.random.default_rng(recipe.seed)
    no_distance = random.random(len(minutes)) < recipe.hide_distance
    no_time = random.random(len(minutes)) < recipe.hide_time
    masked = no_distance | no_time
    hidden = hide(trips, no_distance, no_time)

    usual = Usual.of(trips, minutes, tables)
    made = (
        elsewhere(trips, usual, tables, int(recipe.elsewhere * len(minutes)), random),
        stretched(trips, minutes, usual, int(recipe.stretched * len(minutes)), random),
    )
    pseudo = Trips(*(np.concatenate(columns) for columns in zip(*(trips for trips, _ in made), strict=True)))
    took = np.concatenate([minutes for _, minutes in made])
    # Their distances are what they are made for.
    pseudo = hide(pseudo, np.zeros(len(took), bool), random.random(len(took)) < recipe.hide_time)

    counts = [len(minutes), int(np.count_nonzero(masked)), len(took)]
    matrix = np.empty((sum(counts), len(NAMES)), np.float32)
    whole_features, hidden_features, made_up_features = np.split(matrix, np.cumsum(counts[:-1]))
    made_up_features[:] = FeatureBuilder(tables).matrix(pseudo)
    # A trip must not find its own duration in the tables. Whole months are left out, not single trips, so that
    # neither does the traffic of that very day or season: a forecast does not know these either.
    fold = trips.pickup.astype("datetime64[M]").astype(np.int64) % recipe.folds
    with progress() as bar:
        for part in bar.track(range(recipe.folds), description="features"):
            own, others = fold == part, fold != part
            # A single month of data has only one fold that is not empty.
            source = others if others.any() else own
            builder = FeatureBuilder(fit_tables(select(trips, source), minutes[source]))
            whole_features[own] = builder.matrix(select(trips, own))
            hidden_features[own[masked]] = builder.matrix(select(hidden, own & masked))
    return Rows(
        matrix=matrix,
        minutes=np.concatenate((minutes, minutes[masked], took)),
        hidden=np.repeat([False, True, False], counts),
        made_up=np.repeat([False, False, True], counts),
    )
