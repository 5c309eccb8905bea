"""The trees of the duration model, node by node: what it takes to say why an answer is what it is."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Trees(NamedTuple):
    """The nodes of all trees, one after the other; stored in the bundle as ``trees.npz``.

    A trip goes left at a node if its feature is not above the threshold, or is missing and ``missing_left`` is set.
    ``start`` and the values of the leaves it ends in add up to the model's duration.
    """

    start: NDArray[np.float32]
    """Minutes before the first tree, shape (1,)."""
    first: NDArray[np.int32]
    """Where each tree begins, shape (trees,); its root is its first node."""
    feature: NDArray[np.uint8]
    """Index into features.NAMES, shape (nodes,)."""
    threshold: NDArray[np.float32]
    missing_left: NDArray[np.bool_]
    left: NDArray[np.uint16]
    """Position of the left child within the tree; 0 for a leaf, since no child is a root."""
    right: NDArray[np.uint16]
    value: NDArray[np.float32]
    """Minutes. Of a leaf, what it adds; of an inner node, the mean over the training trips that passed through it."""


def check(trees: Trees, features: int) -> None:
    """Raise ValueError unless every path through the trees ends at a leaf and asks only for known features."""
    size = np.diff(np.append(trees.first, len(trees.feature)))
    if trees.first[0] != 0 or (size < 1).any():
        raise ValueError("a tree has no nodes")
    position = np.arange(len(trees.feature)) - np.repeat(trees.first, size)
    leaf = trees.left == 0
    for child in (trees.left, trees.right):
        # Children come after their parents, so no path can turn in circles.
        inside = (child > position) & (child < np.repeat(size, size))
        if not (inside | leaf).all():
            raise ValueError("a node leads out of its tree")
    if (trees.feature >= features).any():
        raise ValueError("a node asks for a feature that is not known")
