"""The duration model's trees as the arrays that explanations walk through."""

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from taxi_api.model.trees import Trees
from training.onnx_export import float32_at_most


def tree_arrays(regressor: HistGradientBoostingRegressor) -> Trees:
    """Return the trees of a fitted model; thresholds are rounded as in the exported graph."""
    trees = [tree.nodes for (tree,) in regressor._predictors]
    nodes = np.concatenate(trees)
    leaf = nodes["is_leaf"].astype(bool)
    return Trees(
        start=np.ravel(regressor._baseline_prediction)[:1].astype(np.float32),
        first=np.cumsum([0, *(len(tree) for tree in trees[:-1])]).astype(np.int32),
        feature=np.where(leaf, 0, nodes["feature_idx"]).astype(np.uint8),
        threshold=float32_at_most(np.where(leaf, 0.0, nodes["num_threshold"])),
        missing_left=np.where(leaf, 0, nodes["missing_go_to_left"]).astype(bool),
        left=np.where(leaf, 0, nodes["left"]).astype(np.uint16),
        right=np.where(leaf, 0, nodes["right"]).astype(np.uint16),
        value=np.concatenate([_means(tree) for tree in trees]).astype(np.float32),
    )


def _means(nodes: np.ndarray) -> np.ndarray:
    """Return the value of each node of a tree, and for inner nodes the mean of the leaves below, by training rows."""
    value = np.where(nodes["is_leaf"], nodes["value"], 0.0)
    # Children come after their parents.
    for node in np.flatnonzero(nodes["is_leaf"] == 0)[::-1]:
        below = [nodes["left"][node], nodes["right"][node]]
        value[node] = np.average(value[below], weights=nodes["count"][below])
    return value
