import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from taxi_api.model.bundle import load_bundle
from taxi_api.model.predictor import Predictor
from training.errors import TrainingError
from training.evaluate import evaluate_bundle
from training.export import Trained
from training.metrics import metrics
from training.months import Month
from training.trips import columns, load_trips, minutes, of_months

LATE = [Month(2023, 7), Month(2023, 8)]


def test_metrics_are_what_one_works_out_by_hand():
    answers = np.array([[10.0, 5.0, 12.0], [20.0, 15.0, 30.0], [50.0, 40.0, 60.0], [5.0, 4.0, 6.0]])
    truth = np.array([13.0, 16.0, 80.0, 0.5])
    found = metrics(answers, truth)
    assert found["1-60"] == {"trips": 2, "rmse": 3.5355, "mae": 3.5, "bias": 0.5, "coverage": 0.5, "width": 11.0}
    assert found["0-90"]["trips"] == 4
    assert found["0-90"]["mae"] == pytest.approx((3 + 4 + 30 + 4.5) / 4)
    assert "coverage" not in metrics(answers[:, :1], truth)["1-60"]
    assert metrics(answers[2:], np.array([95.0, 99.0])) == {}


def test_a_bundle_is_measured_from_every_side(trained: tuple[Trained, Path], city: Path, tmp_path: Path):
    out = tmp_path / "metrics.json"
    found = evaluate_bundle(trained[1], city, LATE, out)
    written = json.loads(out.read_text())
    assert {name: written[name] for name in found} == found

    trips = of_months(load_trips(city)[0], LATE)
    answers = Predictor(load_bundle(trained[1])).predict(columns(trips)).minutes
    assert found["all"] == metrics(answers, minutes(trips))
    assert found["all"]["1-60"]["rmse"] < found["all, neither"]["1-60"]["rmse"]
    assert {"green taxis", "yellow taxis", "from Manhattan", "15-19 h", "2-5 miles"} <= set(found)
    of_zones = [
        [name for name in names if name.startswith("from ") and name.split()[1].isdigit()] for names in (found, written)
    ]
    assert len(of_zones[0]) == 10
    pickups = trips["pickup_zone"].value_counts().filter(pl.col("count") >= 100)
    assert len(of_zones[1]) == len(pickups) > 10
    one = trips["pickup_zone"].to_numpy() == int(of_zones[1][0].split()[1])
    assert written[of_zones[1][0]] == metrics(answers[one], minutes(trips)[one])
    # Boroughs, hours and colours each divide the trips.
    for parts in ([name for name in found if name.endswith(" taxis")], [name for name in found if name.endswith(" h")]):
        assert sum(found[part]["0-90"]["trips"] for part in parts) == found["all"]["0-90"]["trips"]


def test_figures_on_training_months_are_called_flattering(
    trained: tuple[Trained, Path], city: Path, capsys: pytest.CaptureFixture[str]
):
    evaluate_bundle(trained[1], city, [Month(2023, 1)])
    assert "trained on green 2023-01, yellow 2023-01" in capsys.readouterr().err
    evaluate_bundle(trained[1], city, LATE)
    assert "flatter" not in capsys.readouterr().err


def test_months_that_are_not_there_are_refused(trained: tuple[Trained, Path], city: Path):
    with pytest.raises(TrainingError, match=r"no trips in 2030-01; the records hold 2023-01, "):
        evaluate_bundle(trained[1], city, [Month(2030, 1)])


def test_metrics_that_cannot_be_written_and_files_that_cannot_be_read_are_named(
    trained: tuple[Trained, Path], city: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    data = tmp_path / "data"
    shutil.copytree(city, data)
    (data / "green_tripdata_2023-09.parquet").write_bytes(b"half a file")
    with pytest.raises(TrainingError, match=r"cannot be written to .*metrics\.json"):
        evaluate_bundle(trained[1], data, LATE, tmp_path / "nowhere" / "metrics.json")
    assert "skipped: green_tripdata_2023-09.parquet cannot be read" in capsys.readouterr().err


def test_a_folder_without_a_bundle_is_refused(city: Path, tmp_path: Path):
    with pytest.raises(TrainingError, match=r"manifest\.json cannot be read"):
        evaluate_bundle(tmp_path, city, LATE)
