"""Both networks as one ONNX graph that answers as scikit-learn does.

Written straight from the weights rather than through a converter: the two networks lie side by side in each layer, the
encoder's scaling is part of the first one, and the columns of zones, of which two in 532 are not zero, are a look-up.
"""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from taxi_api.model.features import AMOUNTS, NAMES
from taxi_api.model.zones import ZONE_ROWS
from training.networks import DURATION_SCALE, LEAST_SPREAD, SPREAD_SCALE, Networks

Floats = NDArray[np.float64]


def to_onnx(networks: Networks) -> bytes:
    """Return a graph with input ``features`` [n, len(NAMES)] and output ``minutes`` [n, 3]."""
    nodes = [
        # Zones: pickup zones are the first rows of the look-up, dropoff zones the others.
        helper.make_node("Slice", ["features", "zones_from", "zones_to", "columns"], ["zones"]),
        helper.make_node("Cast", ["zones"], ["zone_numbers"], to=TensorProto.INT64),
        helper.make_node("Add", ["zone_numbers", "zone_rows"], ["rows"]),
        helper.make_node("Gather", ["of_zones", "rows"], ["of_both"]),
        helper.make_node("ReduceSum", ["of_both", "columns"], ["from_zones"], keepdims=0),
        helper.make_node("Gemm", ["features", "weights_1", "from_zones"], ["sum_1"]),
        helper.make_node("Relu", ["sum_1"], ["layer_1"]),
        helper.make_node("Gemm", ["layer_1", "weights_2", "bias_2"], ["sum_2"]),
        helper.make_node("Relu", ["sum_2"], ["layer_2"]),
        helper.make_node("Gemm", ["layer_2", "weights_3", "bias_3"], ["duration_and_spread"]),
        helper.make_node("Max", ["duration_and_spread", "least"], ["bounded"]),
        helper.make_node("MatMul", ["bounded", "ends"], ["minutes"]),
    ]
    graph = helper.make_graph(
        nodes,
        "taxi-duration",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", len(NAMES)])],
        [helper.make_tensor_value_info("minutes", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(array, name) for name, array in _constants(networks).items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10, producer_name="taxi-duration"
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _constants(networks: Networks) -> dict[str, NDArray[Any]]:
    both = (networks.first, networks.second)
    weights = [[np.asarray(layer, np.float64) for layer in network.coefs_] for network in both]
    biases = [[np.asarray(layer, np.float64) for layer in network.intercepts_] for network in both]
    scaler = networks.encoder.named_transformers_["amounts"]
    of_amounts = np.hstack([layers[0][:AMOUNTS] for layers in weights]) / scaler.scale_[:, None]
    of_zones = np.hstack([layers[0][AMOUNTS:] for layers in weights])
    # Every trip has one pickup zone, so that the first layer's bias may be added there.
    of_zones[:ZONE_ROWS] += np.hstack([layers[0] for layers in biases]) - scaler.mean_ @ of_amounts
    floats: dict[str, Floats] = {
        "of_zones": of_zones,
        # The zones' columns have no weight of their own.
        "weights_1": np.vstack((of_amounts, np.zeros((len(NAMES) - AMOUNTS, of_amounts.shape[1])))),
        "weights_2": _side_by_side(weights[0][1], weights[1][1]),
        "bias_2": np.hstack([layers[1] for layers in biases]),
        **_last_layer([layers[2] for layers in weights], [layers[2] for layers in biases]),
        "least": np.array([np.finfo(np.float32).min, LEAST_SPREAD]),
        "ends": np.array([[1.0, 1.0, 1.0], [0.0, -networks.below, networks.above]]),
    }
    integers = {"zones_from": [AMOUNTS], "zones_to": [len(NAMES)], "columns": [1], "zone_rows": [0, ZONE_ROWS]}
    return {name: value.astype(np.float32) for name, value in floats.items()} | {
        name: np.array(value, np.int64) for name, value in integers.items()
    }


def _side_by_side(first: Floats, second: Floats) -> Floats:
    """Return the weights of two layers as those of one, in which neither sees the other."""
    nothing = np.zeros((first.shape[0], second.shape[1]))
    return np.block([[first, nothing], [nothing.T, second]])


def _last_layer(weights: list[Floats], biases: list[Floats]) -> dict[str, Floats]:
    """Return the mean of both durations, and the spread of the second network, in minutes."""
    half = DURATION_SCALE / 2
    unknown = np.zeros(len(weights[0]))
    return {
        "weights_3": np.column_stack(
            (
                half * np.concatenate((weights[0][:, 0], weights[1][:, 0])),
                SPREAD_SCALE * np.concatenate((unknown, weights[1][:, 1])),
            )
        ),
        "bias_3": np.array([half * (biases[0][0] + biases[1][0]), SPREAD_SCALE * biases[1][1]]),
    }
