from pathlib import Path

import numpy as np
import polars as pl
import pytest

from taxi_api.model.bundle import load_bundle
from taxi_api.model.features import Trips
from taxi_api.model.predictor import Predictions, Predictor
from training.compare import BETTER, UNDECIDED, WORSE, compare, compare_bundles
from training.errors import TrainingError
from training.export import Trained
from training.months import Month
from training.pipeline import train
from training.recipe import Recipe
from training.trips import load_trips, of_months

LATE = [Month(2023, 7), Month(2023, 8)]


class Skewed(Predictor):
    """The same model, with something added to its answers."""

    def __init__(self, predictor: Predictor, scale: float, seed: int = 5) -> None:
        super().__init__(predictor.bundle)
        self._scale, self._random = scale, np.random.default_rng(seed)

    def predict(self, trips: Trips) -> Predictions:
        found = super().predict(trips)
        return found._replace(minutes=found.minutes + self._random.normal(0, self._scale, (len(found.minutes), 1)))


@pytest.fixture(scope="module")
def champion(trained: tuple[Trained, Path]) -> Predictor:
    return Predictor(load_bundle(trained[1]))


@pytest.fixture(scope="module")
def late(city: Path) -> pl.DataFrame:
    return of_months(load_trips(city)[0], LATE)


def test_a_worse_model_is_called_worse_and_a_better_one_better(champion: Predictor, late: pl.DataFrame):
    worse = Skewed(champion, scale=3.0)
    assert compare(champion, worse, late).verdict == WORSE
    found = compare(worse, champion, late)
    assert found.verdict == BETTER
    assert found.rmse.lower < found.rmse.challenger - found.rmse.champion < found.rmse.upper < 0
    assert found.mae.upper < 0


def test_a_model_is_not_better_than_itself(champion: Predictor, late: pl.DataFrame):
    found = compare(champion, champion, late)
    assert found.verdict == UNDECIDED
    assert (found.rmse.lower, found.rmse.upper) == (0, 0)
    assert found.days == 62


def test_a_difference_that_chance_explains_is_undecided(champion: Predictor, late: pl.DataFrame):
    verdicts = [
        compare(Skewed(champion, 1.0, seed), Skewed(champion, 1.0, seed + 100), late).verdict for seed in range(8)
    ]
    # Each is wrong one time in twenty.
    assert verdicts.count(UNDECIDED) >= 6


def test_the_same_trips_give_the_same_interval(champion: Predictor, late: pl.DataFrame):
    assert compare(champion, Skewed(champion, 1.0), late) == compare(champion, Skewed(champion, 1.0), late)


def test_too_few_days_are_refused(champion: Predictor, late: pl.DataFrame):
    few = late.filter(pl.col("pickup").dt.date() < pl.date(2023, 7, 4))
    with pytest.raises(TrainingError, match="3 days of trips are too few"):
        compare(champion, champion, few)


def test_two_bundles_are_compared_on_months_that_trained_neither(
    trained: tuple[Trained, Path], city: Path, poor_recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    train(city, tmp_path / "poor", poor_recipe)
    capsys.readouterr()
    assert compare_bundles(trained[1], tmp_path / "poor", city, LATE).verdict == WORSE
    assert "is worse" in capsys.readouterr().out
    with pytest.raises(TrainingError, match=r"was trained on green 2023-01, .* no fair comparison"):
        compare_bundles(trained[1], tmp_path / "poor", city, [])
