"""Fit the point model and the two quantile models on trips with randomly hidden inputs."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from taxi_api.model.features import NAMES, FeatureBuilder, Tables, Trips
from training.console import progress
from training.metrics import FILTERS
from training.statistics import LEAST_MINUTES, fit_tables

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

# Everything made from the distance given: constrained together, the duration cannot fall when the distance rises.
_OF_DISTANCE = ("miles", "expected_minutes", "detour")


@dataclass(frozen=True)
class Recipe:
    """Every choice of a fit; kept in the bundle's manifest."""

    loss: str = "squared_error"
    """What the model of the duration minimises: ``squared_error`` for the mean, ``absolute_error`` for the median."""
    monotone: bool = False
    """Whether a longer distance may never lower the duration, not even where a detour is the faster way."""
    trees: int = 160
    quantile_trees: int = 80
    leaves: int = 191
    quantile_leaves: int = 159
    learning_rate: float = 0.09
    quantile_learning_rate: float = 0.1
    min_trips_per_leaf: int = 60
    l2: float = 5.0
    bins: int = 255
    folds: int = 5
    """Parts of the training weeks; each gets table features learned from the others."""
    hide_distance: float = 0.25
    """Share of trips that are also shown with their distance hidden."""
    hide_time: float = 0.25
    hidden_weight: float = 0.5
    """Weight of a trip shown with hidden inputs, beside 1 for itself."""
    short_weight: float = 0.1
    """Weight of trips under 1 minute: mostly rides that were called off."""
    long_weight: float = 0.45
    """Weight of trips over 60 minutes: some are meters left running."""
    level: float = 0.9
    """Nominal coverage of the interval."""
    lower_tail: float = 0.03
    """Share of trips meant to be faster than the interval. Durations have a long upper tail, so the narrowest interval
    leaves out fewer of the fast trips than of the slow ones."""
    seed: int = 20240918

    def described(self) -> dict[str, Any]:
        """Return the recipe as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class FittedModel:
    """Tables and three regressors: duration, lower and upper quantile."""

    tables: Tables
    regressors: tuple[HistGradientBoostingRegressor, HistGradientBoostingRegressor, HistGradientBoostingRegressor]

    def raw(self, matrix: Matrix) -> Floats:
        """Return scikit-learn's outputs in minutes before correction, shape (n, 3)."""
        return np.column_stack([regressor.predict(matrix) for regressor in self.regressors])


def fit(trips: Trips, minutes: Floats, recipe: Recipe) -> FittedModel:
    """Fit tables and models on n trips that took ``minutes``, shape (n,); same input, same model."""
    counted = minutes >= LEAST_MINUTES
    trips, minutes = select(trips, counted), minutes[counted]
    matrix, target, weight = _training_rows(trips, minutes, recipe)
    losses: list[dict[str, Any]] = [
        {
            "loss": recipe.loss,
            "max_iter": recipe.trees,
            "max_leaf_nodes": recipe.leaves,
            "learning_rate": recipe.learning_rate,
        },
        *(
            {
                "loss": "quantile",
                "quantile": quantile,
                "max_iter": recipe.quantile_trees,
                "max_leaf_nodes": recipe.quantile_leaves,
                "learning_rate": recipe.quantile_learning_rate,
            }
            for quantile in (recipe.lower_tail, recipe.lower_tail + recipe.level)
        ),
    ]
    with progress() as bar:
        duration, lower, upper = (
            HistGradientBoostingRegressor(
                **loss,
                min_samples_leaf=recipe.min_trips_per_leaf,
                l2_regularization=recipe.l2,
                max_bins=recipe.bins,
                monotonic_cst=[int(name in _OF_DISTANCE) for name in NAMES] if recipe.monotone else None,
                early_stopping=False,
                random_state=recipe.seed,
            ).fit(matrix, target, sample_weight=weight)
            for loss in bar.track(losses, description="fitting models")
        )
    return FittedModel(fit_tables(trips, minutes), (duration, lower, upper))


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


def _training_rows(trips: Trips, minutes: Floats, recipe: Recipe) -> tuple[Matrix, Floats, Floats]:
    """Return features, durations and weights: every trip as it was, then some of them with inputs hidden."""
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

    least, most = FILTERS["1-60"]
    weight = np.where(minutes < least, recipe.short_weight, np.where(minutes > most, recipe.long_weight, 1.0))
    return (
        np.vstack((whole_features, hidden_features[masked])),
        np.concatenate((minutes, minutes[masked])),
        np.concatenate((weight, recipe.hidden_weight * weight[masked])),
    )
