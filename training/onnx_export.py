"""The networks of a bundle as an ONNX graph, for runtimes other than this project's own.

Written straight from the weights rather than through a converter: the columns of zones, of which two in 532 are not
zero, are a look-up.
"""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from taxi_api.model.features import AMOUNTS, NAMES
from taxi_api.model.networks import Weights
from taxi_api.model.zones import ZONE_ROWS


def to_onnx(weights: Weights) -> bytes:
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
        [numpy_helper.from_array(array, name) for name, array in _constants(weights).items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10, producer_name="taxi-duration"
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _constants(weights: Weights) -> dict[str, NDArray[Any]]:
    # The zones' columns have no weight of their own.
    nothing = np.zeros((len(NAMES) - AMOUNTS, weights.amounts.shape[1]), np.float32)
    below, above = weights.reach
    return {
        "of_zones": np.vstack((weights.pickup, weights.dropoff)),
        "weights_1": np.vstack((weights.amounts, nothing)),
        "weights_2": weights.hidden,
        "bias_2": weights.hidden_bias,
        "weights_3": weights.out,
        "bias_3": weights.out_bias,
        "least": np.array([np.finfo(np.float32).min, weights.least_spread[0]], np.float32),
        "ends": np.array([[1.0, 1.0, 1.0], [0.0, below, above]], np.float32),
        "zones_from": np.array([AMOUNTS]),
        "zones_to": np.array([len(NAMES)]),
        "columns": np.array([1]),
        "zone_rows": np.array([0, ZONE_ROWS]),
    }
