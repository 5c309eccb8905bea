from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from taxi_api.model.explain import MEANINGS, explain
from taxi_api.model.features import NAMES
from taxi_api.model.predictor import Predictor
from taxi_api.model.store import load_predictor
from taxi_api.model.trees import Trees

if TYPE_CHECKING:
    from training.export import Trained


def test_every_feature_has_a_meaning_in_plain_words():
    assert tuple(MEANINGS) == NAMES
    assert len(set(MEANINGS.values())) == len(NAMES)


def test_a_change_belongs_to_the_feature_that_was_asked_for():
    weekday, miles = NAMES.index("weekday"), NAMES.index("miles")
    trees = Trees(
        start=np.array([10], np.float32),
        first=np.array([0, 5], np.int32),
        feature=np.array([miles, 0, weekday, 0, 0, 0], np.uint8),
        threshold=np.array([5, 0, 4, 0, 0, 0], np.float32),
        missing_left=np.array([True, False, False, False, False, False]),
        left=np.array([1, 0, 3, 0, 0, 0], np.uint16),
        right=np.array([2, 0, 4, 0, 0, 0], np.uint16),
        value=np.array([1, -2, 4, 6, 3, 0.5], np.float32),
    )
    row = np.zeros(len(NAMES), np.float32)
    for given, day, by_miles, by_weekday in ((5, 0, -3, 0), (6, 4, 3, 2), (6, 5, 3, -1), (np.nan, 5, -3, 0)):
        row[[miles, weekday]] = given, day
        found = explain(trees, row)
        assert found.base == 11.5
        assert (found.contributions[miles], found.contributions[weekday]) == (by_miles, by_weekday)
        assert np.count_nonzero(found.contributions) == np.count_nonzero([by_miles, by_weekday])


@pytest.mark.parametrize("bundle", ["default", "city"])
def test_the_parts_of_golden_trips_add_up_to_the_models_output(
    predictor: Predictor, trained: "tuple[Trained, Path]", bundle: str
):
    if bundle == "city":
        predictor = load_predictor(str(trained[1]))
    rows = predictor.features.matrix(predictor.bundle.golden.trips)
    raw = predictor.raw(rows)[:, 0]
    for row, duration in zip(rows, raw, strict=True):
        found = explain(predictor.bundle.trees, row)
        assert found.base + found.contributions.sum() == pytest.approx(duration, abs=0.001)
