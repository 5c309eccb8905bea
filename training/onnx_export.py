"""Three scikit-learn gradient boosting models as one ONNX graph that takes the same branch on every float32 input.

Written straight from the trees rather than through a converter: a ``TreeEnsemble`` node of ai.onnx.ml 5 needs a quarter
of the space of the older ``TreeEnsembleRegressor``. Each model has a node of its own: one for all three, with three
targets, takes twice as long to load and a fifth longer to answer.
"""

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import HistGradientBoostingRegressor

from training.errors import TrainingError

_SUM = 1
_LESS_OR_EQUAL = 0


def float32_at_most(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the greatest float32 that is not above each value.

    For a float32 x, ``x <= threshold`` then decides the same in float32 as it does in scikit-learn's float64.
    """
    nearest = values.astype(np.float32)
    return np.where(nearest > values, np.nextafter(nearest, np.float32(-np.inf)), nearest)


def to_onnx(regressors: Sequence[HistGradientBoostingRegressor], features: int) -> bytes:
    """Return a graph with input ``features`` [n, features] and output ``minutes`` [n, len(regressors)].

    Raises TrainingError for categorical splits, which it does not write.
    """
    nodes: list[onnx.NodeProto] = []
    for regressor in regressors:
        if regressor.is_categorical_ is not None:
            raise TrainingError("the export writes numeric splits only; encode categories as numbers")
        ensemble = _Ensemble()
        # Trees are not part of scikit-learn's public interface; the parity gate notices if they change.
        for (tree,) in regressor._predictors:
            ensemble.add(tree.nodes)
        nodes.append(ensemble.node(f"model_{len(nodes)}"))
    start = np.array([[float(np.ravel(model._baseline_prediction)[0]) for model in regressors]], np.float32)
    outputs = len(regressors)
    graph = helper.make_graph(
        [
            *nodes,
            helper.make_node("Concat", [node.output[0] for node in nodes], ["trees"], axis=1),
            helper.make_node("Add", ["trees", "start"], ["minutes"]),
        ],
        "taxi-duration",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", features])],
        [helper.make_tensor_value_info("minutes", TensorProto.FLOAT, ["n", outputs])],
        [numpy_helper.from_array(start, "start")],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="taxi-duration")
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


class _Ensemble:
    """The node's attributes, growing tree by tree. Inner nodes and leaves are numbered separately."""

    def __init__(self) -> None:
        self.roots: list[int] = []
        self.feature: list[int] = []
        self.threshold: list[float] = []
        self.missing_left: list[int] = []
        self.left: list[int] = []
        self.left_is_leaf: list[int] = []
        self.right: list[int] = []
        self.right_is_leaf: list[int] = []
        self.leaf_value: list[float] = []

    def add(self, nodes: NDArray[np.void]) -> None:
        """Append one tree, given as scikit-learn's array of nodes."""
        is_leaf = nodes["is_leaf"].astype(bool)
        inner, leaves = nodes[~is_leaf], nodes[is_leaf]
        if not len(inner):
            # The format has no tree of one leaf: both sides of any question lead to it.
            inner = np.zeros(1, nodes.dtype)
        position = np.empty(len(nodes), np.int64)
        position[~is_leaf] = len(self.feature) + np.arange(np.count_nonzero(~is_leaf))
        position[is_leaf] = len(self.leaf_value) + np.arange(len(leaves))

        self.roots.append(len(self.feature))
        self.feature += inner["feature_idx"].tolist()
        self.threshold += float32_at_most(inner["num_threshold"]).tolist()
        self.missing_left += inner["missing_go_to_left"].astype(int).tolist()
        self.left += position[inner["left"]].tolist()
        self.left_is_leaf += is_leaf[inner["left"]].astype(int).tolist()
        self.right += position[inner["right"]].tolist()
        self.right_is_leaf += is_leaf[inner["right"]].astype(int).tolist()
        self.leaf_value += leaves["value"].tolist()

    def node(self, output: str) -> onnx.NodeProto:
        """Return the TreeEnsemble node that sums the model's trees."""
        return helper.make_node(
            "TreeEnsemble",
            ["features"],
            [output],
            domain="ai.onnx.ml",
            n_targets=1,
            aggregate_function=_SUM,
            tree_roots=self.roots,
            nodes_featureids=self.feature,
            nodes_splits=numpy_helper.from_array(np.array(self.threshold, np.float32)),
            nodes_modes=numpy_helper.from_array(np.full(len(self.feature), _LESS_OR_EQUAL, np.uint8)),
            nodes_missing_value_tracks_true=self.missing_left,
            nodes_truenodeids=self.left,
            nodes_trueleafs=self.left_is_leaf,
            nodes_falsenodeids=self.right,
            nodes_falseleafs=self.right_is_leaf,
            leaf_targetids=[0] * len(self.leaf_value),
            leaf_weights=numpy_helper.from_array(np.array(self.leaf_value, np.float32)),
        )
