"""The networks of a bundle: fitted by scikit-learn, two of them, whose answers are averaged.

The first learns the duration. The second learns it again from another start, and with it how far the first is off: the
spread, which the interval is made of. The weights of a network are the mean of those after each of its last epochs, as
Polyak and Juditsky (1992) proposed: they still move about their place, and the mean is nearer to it.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from taxi_api.model.features import AMOUNTS
from taxi_api.model.zones import ZONE_ROWS
from training.console import progress
from training.metrics import FILTERS
from training.recipe import Recipe
from training.rows import Rows

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

# Networks learn numbers around 1 best. The larger the scale, the less an error counts: the duration comes first.
DURATION_SCALE, SPREAD_SCALE = 10.0, 8.0
# No answer is surer than this, in minutes of mean absolute error.
LEAST_SPREAD = 0.25
# Share of the epochs, and of the learning rate in them: large steps first, then smaller ones.
_STAGES = ((0.5, 1.0), (0.22, 0.5))
_AVERAGED = (0.28, 0.25)
# Few trips are seen more often and in smaller batches, so that there are steps enough.
_FEWEST_STEPS, _SMALLEST_BATCH, _BATCHES = 1500, 64, 200
# Rows predicted at a time.
_PART = 100_000


@dataclass(frozen=True)
class Networks:
    """Two networks, and how to show them features."""

    scaler: StandardScaler
    """Of the amounts; see ``shown``."""
    first: MLPRegressor
    """Gives the duration."""
    second: MLPRegressor
    """Gives the duration and the spread."""
    below: float
    """Spreads from the duration down to the interval's lower end."""
    above: float

    def outputs(self, matrix: Matrix) -> Floats:
        """Return duration and spread in minutes for n rows of features, shape (n, 2)."""
        parts = [self._outputs(matrix[part]) for part in _parts(len(matrix))]
        return np.concatenate(parts) if parts else np.empty((0, 2))

    def raw(self, matrix: Matrix) -> Floats:
        """Return duration, lower and upper end in minutes before correction, shape (n, 3)."""
        duration, spread = self.outputs(matrix).T
        return np.column_stack((duration, duration - self.below * spread, duration + self.above * spread))

    def _outputs(self, matrix: Matrix) -> Floats:
        inputs = shown(matrix, self.scaler)
        second = self.second.predict(inputs).astype(np.float64)
        duration = (self.first.predict(inputs) + second[:, 0]) / 2 * DURATION_SCALE
        return np.column_stack((duration, np.maximum(second[:, 1] * SPREAD_SCALE, LEAST_SPREAD)))


def fit_networks(rows: Rows, recipe: Recipe) -> Networks:
    """Fit both networks on rows of known duration; same rows, same networks."""
    scaler = StandardScaler().fit(rows.matrix[~rows.made_up, :AMOUNTS])
    inputs = shown(rows.matrix, scaler)
    weights = rows.weights(recipe).astype(np.float32)
    duration = (rows.minutes / DURATION_SCALE).astype(np.float32)
    # The order of a sum depends on the number of threads, and with it the last digits.
    with progress() as bar, threadpool_limits(1):
        task = bar.add_task("fitting networks", total=2)
        first = _fit(inputs, duration, weights, recipe, recipe.seed)
        bar.advance(task)
        error = np.abs(rows.minutes - _predict(first, inputs) * DURATION_SCALE)
        targets = np.column_stack((duration, error.astype(np.float32) / SPREAD_SCALE))
        second = _fit(inputs, targets, weights, recipe, recipe.seed + 1)
        bar.advance(task)
    below, above = _ends(Networks(scaler, first, second, 0.0, 0.0), rows, recipe)
    return Networks(scaler, first, second, below, above)


def shown(matrix: Matrix, scaler: StandardScaler) -> csr_matrix:
    """Return features as networks take them, shape (n, AMOUNTS + 2 * ZONE_ROWS).

    Amounts are standardised; then follows one column for each pickup and each dropoff zone, of which one each is 1.
    Written in place: scikit-learn's encoders for columns take several times the memory of what they return.
    """
    count, features = matrix.shape
    values = np.ones((count, features), np.float32)
    np.subtract(matrix[:, :AMOUNTS], scaler.mean_.astype(np.float32), out=values[:, :AMOUNTS])
    values[:, :AMOUNTS] /= scaler.scale_.astype(np.float32)
    places = np.empty((count, features), np.int32)
    places[:, :AMOUNTS] = np.arange(AMOUNTS)
    places[:, AMOUNTS:] = matrix[:, AMOUNTS:]
    places[:, AMOUNTS:] += np.array([AMOUNTS, AMOUNTS + ZONE_ROWS], np.int32)
    ends = np.arange(0, values.size + 1, features, dtype=np.int32)
    return csr_matrix((values.ravel(), places.ravel(), ends), shape=(count, AMOUNTS + 2 * ZONE_ROWS), copy=False)


def _fit(inputs: csr_matrix, targets: Matrix, weights: Matrix, recipe: Recipe, seed: int) -> MLPRegressor:
    count = len(targets)
    batch = int(np.clip(count // _BATCHES, _SMALLEST_BATCH, recipe.batch))
    epochs = max(recipe.epochs, -(-_FEWEST_STEPS * batch // count))
    batch = min(batch, count)
    network = MLPRegressor(
        hidden_layer_sizes=(recipe.units, recipe.units),
        alpha=recipe.penalty,
        batch_size=batch,
        n_iter_no_change=epochs + 1,
        warm_start=True,
        random_state=seed,
    )
    with warnings.catch_warnings():
        # Each stage ends when its epochs are over, which is what scikit-learn warns of.
        warnings.simplefilter("ignore", ConvergenceWarning)
        # All zones begin alike, at zero, so that those with few or no trips stay near it instead of at a random start.
        network.set_params(max_iter=1, learning_rate_init=1e-9)
        network.fit(inputs[:batch], targets[:batch], sample_weight=weights[:batch])
        network.coefs_[0][AMOUNTS:] = 0.0
        for share, rate in _STAGES:
            network.set_params(max_iter=max(round(share * epochs), 1), learning_rate_init=rate * recipe.learning_rate)
            network.fit(inputs, targets, sample_weight=weights)
        share, rate = _AVERAGED
        network.set_params(max_iter=1, learning_rate_init=rate * recipe.learning_rate)
        after = []
        for _ in range(max(round(share * epochs), 1)):
            network.fit(inputs, targets, sample_weight=weights)
            after.append([array.astype(np.float64) for array in _arrays(network)])
    for array, *epoch_by_epoch in zip(_arrays(network), *after, strict=True):
        array[:] = np.mean(epoch_by_epoch, axis=0)
    return network


def _arrays(network: MLPRegressor) -> list[Matrix]:
    """Return all weights and biases of a network, to read or to change."""
    return [*network.coefs_, *network.intercepts_]


def _predict(network: MLPRegressor, inputs: csr_matrix) -> Floats:
    return np.concatenate([network.predict(inputs[part]).astype(np.float64) for part in _parts(inputs.shape[0])])


def _ends(networks: Networks, rows: Rows, recipe: Recipe) -> tuple[float, float]:
    """Return how many spreads the interval reaches below and above the duration, on complete trips of usual length."""
    least, most = FILTERS["1-60"]
    usual = (rows.minutes >= least) & (rows.minutes <= most) & ~rows.hidden & ~rows.made_up
    duration, spread = networks.outputs(rows.matrix[usual]).T
    apart = (rows.minutes[usual] - duration) / spread
    below, above = np.quantile(apart, (recipe.lower_tail, recipe.lower_tail + recipe.level))
    return -float(below), float(above)


def _parts(count: int) -> Iterator[slice]:
    return (slice(first, first + _PART) for first in range(0, count, _PART))
