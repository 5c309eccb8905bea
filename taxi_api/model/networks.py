"""The model itself: two small networks, side by side in each layer, as a few matrix products.

In numpy, which looks up the features anyway: a single row costs a third of what a runtime for ONNX takes for it, whose
code is cold between two requests, and many rows cost the same. What such runtimes need is in the bundle, too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxi_api.model.features import AMOUNTS
from taxi_api.model.zones import ZONE_ROWS

Floats = NDArray[np.float32]

# Rows worked on at a time: what lies between the layers stays in the processor's cache.
_PART = 1024


class Weights(NamedTuple):
    """The numbers of the networks, all float32; stored in the bundle as ``networks.npz``."""

    pickup: Floats
    """What each pickup zone adds to the first layer, its bias included, shape (266, units)."""
    dropoff: Floats
    """The same of each dropoff zone, shape (266, units)."""
    amounts: Floats
    """What each of the other features adds, shape (AMOUNTS, units)."""
    hidden: Floats
    """From the first layer to the second, shape (units, units)."""
    hidden_bias: Floats
    """Shape (units,)."""
    out: Floats
    """From the second layer to duration and spread in minutes, shape (units, 2)."""
    out_bias: Floats
    """Shape (2,)."""
    reach: Floats
    """Spreads from the duration to the lower and to the upper end of the interval, the former negative, shape (2,)."""
    least_spread: Floats
    """In minutes, shape (1,); no answer is surer."""

    def mistake(self) -> str | None:
        """Return what is wrong with them; None if they are the weights of networks for these features."""
        # A single number has no shape.
        units = (0, *self.pickup.shape)[-1]
        shapes = [(ZONE_ROWS, units)] * 2 + [(AMOUNTS, units), (units, units), (units,), (units, 2), (2,), (2,), (1,)]
        for name, array, shape in zip(self._fields, self, shapes, strict=True):
            if array.shape != shape or array.dtype != np.float32:
                return f"has {name} as {array.dtype}{array.shape}, not float32{shape}"
            if not np.isfinite(array).all():
                return f"has values in {name} that are not numbers"
        return None


class Networks:
    """Answers from features. Nothing in it changes, so that threads may share it."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._least: float = weights.least_spread.item()
        self._reach: list[float] = weights.reach.tolist()
        self._zeros = np.zeros_like(weights.hidden_bias)

    def rows(self, matrix: Floats) -> NDArray[np.float64]:
        """Return duration, lower and upper end in minutes for n rows of features, shape (n, 3)."""
        out = np.empty((len(matrix), 3))
        # The same memory for all parts: the system clears what it gives out anew.
        layers = np.empty((2, min(len(matrix), _PART), len(self._weights.hidden)), np.float32)
        for first in range(0, len(matrix), _PART):
            part = slice(first, first + _PART)
            self._fill(out[part], matrix[part], layers[:, : len(matrix) - first])
        return out

    def _fill(self, out: NDArray[np.float64], matrix: Floats, layers: Floats) -> None:
        weights = self._weights
        pickup, dropoff = matrix[:, AMOUNTS:].astype(np.intp).T
        first, second = layers
        np.matmul(matrix[:, :AMOUNTS], weights.amounts, out=first)
        # Zones are in range; in this mode numpy writes without a copy in between.
        first += weights.pickup.take(pickup, axis=0, out=second, mode="clip")
        first += weights.dropoff.take(dropoff, axis=0, out=second, mode="clip")
        np.maximum(first, 0, out=first)
        np.matmul(first, weights.hidden, out=second)
        second += weights.hidden_bias
        np.maximum(second, 0, out=second)
        duration, spread = (second @ weights.out + weights.out_bias).T
        out[:] = duration[:, None]
        out[:, 1:] += np.maximum(spread, self._least).astype(np.float64)[:, None] * self._reach

    def row(self, features: Floats) -> Sequence[float]:
        """Return what ``rows`` does for one row, shape (len(NAMES),), as three numbers."""
        weights = self._weights
        layer = features[:AMOUNTS].dot(weights.amounts)
        layer += weights.pickup[int(features.item(AMOUNTS))]
        layer += weights.dropoff[int(features.item(AMOUNTS + 1))]
        # Against an array of zeros: numpy takes as long again to make one of a number.
        np.maximum(layer, self._zeros, out=layer)
        layer = layer.dot(weights.hidden)
        layer += weights.hidden_bias
        np.maximum(layer, self._zeros, out=layer)
        result = layer.dot(weights.out)
        result += weights.out_bias
        duration, spread = result.tolist()
        spread = max(spread, self._least)
        below, above = self._reach
        return duration, duration + spread * below, duration + spread * above
