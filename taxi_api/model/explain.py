"""Why an answer is what it is: minutes by feature, along the paths that a trip takes through the trees.

Each step from a node to its child changes the mean duration of the training trips that passed there; the change belongs
to the feature that the node asked for (Saabas, 2014). The start and all changes add up to the model's duration.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxi_api.model.features import NAMES
from taxi_api.model.trees import Trees

MEANINGS = {
    "pickup_east": "how far east the pickup zone is",
    "pickup_north": "how far north the pickup zone is",
    "dropoff_east": "how far east the dropoff zone is",
    "dropoff_north": "how far north the dropoff zone is",
    "east": "miles eastwards from pickup to dropoff zone",
    "north": "miles northwards from pickup to dropoff zone",
    "crow_miles": "straight line between the two zones in miles",
    "pair_miles": "usual distance between the two zones in miles",
    "pair_pace": "usual minutes a mile between the two zones",
    "pair_spread": "how much trips between the two zones differ",
    "pair_trips": "past trips between the two zones",
    "miles": "distance of the trip in miles, if it was given",
    "minute": "time of day in minutes after midnight",
    "weekday": "day of the week, 0 for Monday",
    "holiday": "public holiday",
    "season": "time of the year",
    "new_era": "since June 2020",
    "city_factor": "how slow the city is in this hour of the week",
    "pickup_factor": "how slow the pickup zone is in this hour, compared with the city",
    "dropoff_factor": "how slow the dropoff zone is in this hour, compared with the city",
    "pair_factor": "how slow the way between the two zones is in this part of the day, compared with both",
    "pace_now": "expected minutes a mile between the two zones at this time",
    "typical_minutes": "expected minutes at this time for the usual distance",
    "expected_minutes": "expected minutes at this time for the distance that was given",
    "detour": "the distance that was given, compared with the usual one",
}


class Explanation(NamedTuple):
    """Parts of one duration, in minutes."""

    base: float
    """What the model would say of a trip that it knows nothing of."""
    contributions: NDArray[np.float64]
    """What each feature adds, shape (len(NAMES),)."""


def explain(trees: Trees, row: NDArray[np.float32]) -> Explanation:
    """Return the parts of the duration for one row of features, shape (len(NAMES),); NaN where unknown."""
    contributions = np.zeros(len(NAMES))
    value = trees.value.astype(np.float64)
    first = trees.first.astype(np.int64)
    base = float(trees.start[0]) + float(value[first].sum())
    # The present node of each tree whose path goes on, and where that tree begins.
    node = first
    while (inner := trees.left[node] != 0).any():
        node, first = node[inner], first[inner]
        known = row[trees.feature[node]]
        left = (known <= trees.threshold[node]) | (np.isnan(known) & trees.missing_left[node])
        child = first + np.where(left, trees.left[node], trees.right[node])
        np.add.at(contributions, trees.feature[node], value[child] - value[node])
        node = child
    return Explanation(base, contributions)
