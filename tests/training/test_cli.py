"""The commands as a person runs them: exit codes, messages, files."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from taxi_api.model.bundle import load_bundle
from training.export import Trained
from training.pipeline import train
from training.recipe import Recipe

ROOT = Path(__file__).parents[2]


def run(*arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "training", *arguments],
        cwd=ROOT,
        # Where this is set, Typer colours its help although nobody looks, in the middle of words.
        env=os.environ | {"GITHUB_ACTIONS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    return done


def test_help_names_the_commands():
    shown = run("--help").stdout
    commands = ("download", "train", "tune", "evaluate", "compare", "gate", "register", "promote", "rollback", "export")
    assert all(command in shown for command in (*commands, "card", "score", "zones"))


def test_train_prints_what_it_did_and_writes_a_bundle(city: Path, recipe: Recipe, tmp_path: Path):
    out = tmp_path / "bundle"
    recipe.write(tmp_path / "recipe.json")
    small = ["--recipe", str(tmp_path / "recipe.json"), "--epochs", "3", "--no-track"]
    shown = run("train", "--data", str(city), "--out", str(out), *small).stdout
    for expected in (
        "Cleaning funnel",
        "Evaluation, minutes",
        "tutorial",
        "parity: ",
        "largest difference 0.00",
        "bundle: ",
    ):
        assert expected in shown
    assert load_bundle(out).manifest["recipe"] == replace(recipe, epochs=3).described()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--data", "/nowhere", "--out", "{tmp}/b", "--no-track"], "error: /nowhere is not a folder"),
        (["train", "--data", "{tmp}", "--out", "{tmp}/b", "--no-track"], "holds no .parquet or .csv file"),
        (["download", "--from", "2024-13", "--to", "2024-14"], "error: '2024-13' is not a month"),
        (["download", "--from", "2024-03", "--to", "2024-01"], "before it begins"),
        (["download", "--from", "2024-01", "--to", "2024-01", "--colour", "blue"], "blue"),
        (["download", "--from", "2024-01"], "either --from and --to, or --last"),
        (["download", "--last", "2", "--to", "2024-01"], "either --from and --to, or --last"),
        (["zones", "--lookup", "{tmp}/none.csv", "--polygons", "{tmp}/none.zip"], "none.csv"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_1(arguments: list[str], message: str, tmp_path: Path):
    done = run(*(argument.format(tmp=tmp_path) for argument in arguments), status=1)
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_evaluate_and_compare_tell_by_their_exit_code(
    city: Path, poor_recipe: Recipe, trained: tuple[Trained, Path], tmp_path: Path
):
    late = ["--data", str(city), "--months", "2023-07,2023-08"]
    shown = run("evaluate", "--bundle", str(trained[1]), *late).stdout
    assert "from Manhattan" in shown
    train(city, tmp_path / "poor", poor_recipe)
    good, poor = str(trained[1]), str(tmp_path / "poor")
    assert "is worse" in run("compare", "--champion", good, "--challenger", poor, *late, status=3).stdout
    assert "is better" in run("compare", "--champion", poor, "--challenger", good, *late).stdout
    gate = ["gate", "--data", str(city), "--most-rmse"]
    assert "RMSE failed" in run(*gate, "0.1", "--bundle", good, status=4).stderr


def test_a_missing_option_is_explained():
    assert "--data" in run("train", status=2).stderr
