"""Fit the point model and the two quantile models on trips with randomly hidden inputs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from taxi_api.model.features import NAMES, Tables, Trips
from training.console import progress
from training.recipe import Recipe
from training.rows import select, training_rows
from training.statistics import LEAST_MINUTES, fit_tables

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

# Everything made from the distance given: constrained together, the duration cannot fall when the distance rises.
_OF_DISTANCE = ("miles", "expected_minutes", "detour")


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
    rows = training_rows(trips, minutes, recipe)
    weights = rows.weights(recipe)
    with progress() as bar:
        duration, lower, upper = (
            regressor.fit(rows.matrix, rows.minutes, sample_weight=weights)
            for regressor in bar.track(
                [duration_regressor(recipe), *quantile_regressors(recipe)], description="fitting models"
            )
        )
    return FittedModel(fit_tables(trips, minutes), (duration, lower, upper))


def duration_regressor(recipe: Recipe) -> HistGradientBoostingRegressor:
    """Return the model of the duration, not fitted yet."""
    return _regressor(recipe, recipe.trees, recipe.leaves, recipe.learning_rate, loss=recipe.loss)


def quantile_regressors(recipe: Recipe) -> list[HistGradientBoostingRegressor]:
    """Return the models of the interval's lower and upper end, not fitted yet."""
    size = (recipe.quantile_trees, recipe.quantile_leaves, recipe.quantile_learning_rate)
    tails = (recipe.lower_tail, recipe.lower_tail + recipe.level)
    return [_regressor(recipe, *size, loss="quantile", quantile=tail) for tail in tails]


def _regressor(
    recipe: Recipe, trees: int, leaves: int, learning_rate: float, **loss: Any
) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(
        **loss,
        max_iter=trees,
        max_leaf_nodes=leaves,
        learning_rate=learning_rate,
        min_samples_leaf=recipe.min_trips_per_leaf,
        l2_regularization=recipe.l2,
        max_bins=recipe.bins,
        monotonic_cst=[int(name in _OF_DISTANCE) for name in NAMES] if recipe.monotone else None,
        early_stopping=False,
        random_state=recipe.seed,
    )
