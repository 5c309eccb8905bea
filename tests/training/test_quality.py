"""The gate before a deployment."""

from datetime import date
from pathlib import Path

import pytest

from tests.training.test_registry import PATIENT
from training.errors import TrainingError
from training.export import Trained
from training.months import Month, newest_months
from training.pipeline import train
from training.quality import check_bundle
from training.recipe import Recipe


@pytest.fixture(scope="module")
def poor(city: Path, poor_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("poor") / "bundle"
    train(city, out, poor_recipe)
    return out


def failed(bundle: Path, data: Path, **given: object) -> list[str]:
    return [gate.name for gate in check_bundle(bundle, data, limits=PATIENT, **({"most_rmse": 30.0} | given))]


def test_a_good_bundle_may_follow_itself_and_a_poor_one(trained: tuple[Trained, Path], poor: Path, city: Path):
    assert failed(trained[1], city) == []
    assert failed(trained[1], city, deployed=trained[1]) == []
    assert failed(trained[1], city, deployed=poor) == []


def test_a_worse_bundle_or_one_beyond_the_threshold_may_not(trained: tuple[Trained, Path], poor: Path, city: Path):
    assert "no worse than what is deployed" in failed(poor, city, deployed=trained[1])
    assert failed(trained[1], city, most_rmse=0.1) == ["RMSE"]


def test_months_that_trained_it_do_not_judge_it(trained: tuple[Trained, Path], city: Path):
    with pytest.raises(TrainingError, match="no months later"):
        check_bundle(trained[1], city, [Month(2023, 1)], most_rmse=30.0)


@pytest.mark.parametrize(
    ("today", "count", "expected"),
    [
        (date(2026, 11, 23), 2, (Month(2026, 7), Month(2026, 8))),
        (date(2026, 3, 1), 1, (Month(2025, 12), Month(2025, 12))),
        (date(2026, 2, 28), 13, (Month(2024, 11), Month(2025, 11))),
    ],
)
def test_the_newest_months_are_those_that_tlc_has_by_then(today: date, count: int, expected: tuple[Month, Month]):
    assert newest_months(count, today) == expected
