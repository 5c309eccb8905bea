"""A search on the synthetic city: it can be stopped, goes on, and never looks at the test months."""

import json
from pathlib import Path

import polars as pl
import pytest

from training import tune as tuning
from training.errors import TrainingError
from training.recipe import Recipe
from training.tune import tune


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search among models that fit in no time."""
    monkeypatch.setitem(tuning._SPACE, "units", tuning.IntDistribution(2, 8))
    monkeypatch.setitem(tuning._SPACE, "epochs", tuning.IntDistribution(1, 2))
    monkeypatch.setattr(tuning, "Recipe", SmallRecipe)


class SmallRecipe(Recipe):
    def __init__(self, **given: object) -> None:
        super().__init__(**({"units": 4, "epochs": 1} | given))


def test_a_search_goes_on_where_it_stopped_and_writes_the_best_recipe(
    city: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    study, out = tmp_path / "study.db", tmp_path / "recipe.json"
    tune(city, study, out, seconds=600, trials=2, most_trips=5000)
    assert "2 trials" in capsys.readouterr().out.replace("\n", " ").replace("  ", " ")
    best = tune(city, study, out, seconds=600, trials=2, most_trips=5000)
    shown = capsys.readouterr().out.replace("\n", " ").replace("  ", " ")
    assert "Best recipes" in shown
    assert "4 trials" in shown
    assert Recipe.read(out) == Recipe(**best.described())
    assert json.loads(out.read_text())["units"] <= 8


def test_the_test_months_are_never_looked_at(city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    every, _ = tuning.load_trips(city)
    found = []
    for kept in (every, every.filter(pl.col("month") < "2023-07")):
        # Whatever the test months hold, even nothing but nonsense, the figures are the same.
        ruined = every.with_columns(minutes=pl.when(pl.col("month") >= "2023-07").then(77.0).otherwise("minutes"))
        monkeypatch.setattr(tuning, "load_trips", lambda _, trips=(kept if kept is every else ruined): (trips, None))
        tune(city, tmp_path / f"{len(found)}.db", tmp_path / "recipe.json", seconds=600, trials=1, most_trips=5000)
        study = tuning.optuna.load_study(
            study_name="taxi-duration", storage=tuning.stored(tmp_path / f"{len(found)}.db")
        )
        found.append(study.best_value)
    assert found[0] == found[1]


def test_ctrl_c_keeps_what_was_found(city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = tuning._rmse

    def impatient(trial: tuning.optuna.Trial, forecasts: list) -> float:
        if trial.number == 1:
            raise KeyboardInterrupt
        return whole(trial, forecasts)

    monkeypatch.setattr(tuning, "_rmse", impatient)
    tune(city, tmp_path / "study.db", tmp_path / "recipe.json", seconds=600, trials=5, most_trips=5000)
    assert Recipe.read(tmp_path / "recipe.json")
    monkeypatch.undo()


def test_no_time_is_not_enough(city: Path, tmp_path: Path):
    with pytest.raises(TrainingError, match="no trial was finished"):
        tune(city, tmp_path / "study.db", tmp_path / "recipe.json", seconds=0, trials=None, most_trips=5000)
    assert not (tmp_path / "recipe.json").exists()


def test_a_file_that_is_no_study_is_refused(city: Path, tmp_path: Path):
    (tmp_path / "study.db").write_text("a diary, not a database, and long enough to be told from one" * 20)
    with pytest.raises(TrainingError, match="cannot be used as a study"):
        tune(city, tmp_path / "study.db", tmp_path / "recipe.json", seconds=600, trials=1, most_trips=5000)
    assert "a diary" in (tmp_path / "study.db").read_text()


def test_a_study_of_other_data_is_refused(city: Path, tmp_path: Path):
    tune(city, tmp_path / "study.db", tmp_path / "recipe.json", seconds=600, trials=1, most_trips=5000)
    with pytest.raises(TrainingError, match="other data"):
        tune(city, tmp_path / "study.db", tmp_path / "recipe.json", seconds=600, trials=1, most_trips=6000)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "cannot be read as a recipe"),
        ("[]", "is no recipe"),
        ('{"leafs": 3}', "is no recipe; it may have"),
        ('{"units": "many"}', "units must be a int"),
        ('{"units": true}', "units must be a int"),
    ],
)
def test_a_recipe_that_is_none_is_refused(tmp_path: Path, text: str, reason: str):
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(TrainingError, match=reason):
        Recipe.read(tmp_path / "recipe.json")


def test_a_recipe_may_mention_a_part_only(tmp_path: Path):
    (tmp_path / "recipe.json").write_text('{"units": 7, "penalty": 3}')
    assert Recipe.read(tmp_path / "recipe.json") == Recipe(units=7, penalty=3)
