"""Both networks as the bundle keeps them: side by side in each layer, with the scaling of amounts in the first one."""

import numpy as np
from numpy.typing import NDArray

from taxi_api.model.features import AMOUNTS
from taxi_api.model.networks import Weights
from taxi_api.model.zones import ZONE_ROWS
from training.networks import DURATION_SCALE, LEAST_SPREAD, SPREAD_SCALE, Networks

Floats = NDArray[np.float64]


def weights_of(networks: Networks) -> Weights:
    """Return the weights of fitted networks, worked out in float64 and rounded once."""
    both = (networks.first, networks.second)
    layers = [[np.asarray(layer, np.float64) for layer in network.coefs_] for network in both]
    biases = [[np.asarray(layer, np.float64) for layer in network.intercepts_] for network in both]
    scaler = networks.scaler
    amounts = np.hstack([layer[0][:AMOUNTS] for layer in layers]) / scaler.scale_[:, None]
    zones = np.hstack([layer[0][AMOUNTS:] for layer in layers])
    out, out_bias = _last_layer([layer[2] for layer in layers], [bias[2] for bias in biases])
    exact = {
        # Every trip has one pickup zone, so that the first layer's bias may be added there.
        "pickup": zones[:ZONE_ROWS] + np.hstack([bias[0] for bias in biases]) - scaler.mean_ @ amounts,
        "dropoff": zones[ZONE_ROWS:],
        "amounts": amounts,
        "hidden": _side_by_side(layers[0][1], layers[1][1]),
        "hidden_bias": np.hstack([bias[1] for bias in biases]),
        "out": out,
        "out_bias": out_bias,
        "reach": np.array([-networks.below, networks.above]),
        "least_spread": np.array([LEAST_SPREAD]),
    }
    return Weights(**{name: array.astype(np.float32) for name, array in exact.items()})


def _side_by_side(first: Floats, second: Floats) -> Floats:
    """Return the weights of two layers as those of one, in which neither sees the other."""
    nothing = np.zeros((first.shape[0], second.shape[1]))
    return np.block([[first, nothing], [nothing.T, second]])


def _last_layer(layers: list[Floats], biases: list[Floats]) -> tuple[Floats, Floats]:
    """Return weights and biases for the mean of both durations and the spread of the second network, in minutes."""
    half = DURATION_SCALE / 2
    unknown = np.zeros(len(layers[0]))
    duration = half * np.concatenate((layers[0][:, 0], layers[1][:, 0]))
    spread = SPREAD_SCALE * np.concatenate((unknown, layers[1][:, 1]))
    bias = np.array([half * (biases[0][0] + biases[1][0]), SPREAD_SCALE * biases[1][1]])
    return np.column_stack((duration, spread)), bias
