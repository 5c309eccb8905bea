"""The whole way from records to a bundle, in a city whose truth is known."""

import hashlib
import json
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from taxi_api.model.bundle import load_bundle
from taxi_api.model.features import Trips
from taxi_api.model.interval import corrected
from taxi_api.model.networks import Weights
from taxi_api.model.predictor import Predictor
from training import export as exporting
from training.calibrate import Forecast, calibrate
from training.errors import TrainingError
from training.export import Trained, export
from training.months import Month
from training.onnx_export import to_onnx
from training.pipeline import train
from training.recipe import Recipe
from training.rows import hide
from training.synthetic import NOISE, sample, true_minutes, write_city
from training.weights import weights_of

LATER = Month(2023, 9)


@pytest.fixture(scope="module")
def later() -> tuple[Trips, np.ndarray]:
    """Trips of a month that the model has never seen, and how long they took."""
    return sample(LATER, 5000, seed=9)


def test_the_model_finds_the_truth(trained: tuple[Trained, Path], later: tuple[Trips, np.ndarray]):
    trips, _ = later
    answers = Predictor(load_bundle(trained[1])).predict(trips).minutes[:, 0]
    # The mean of a lognormal is above its median, which the truth is.
    relative = answers / (true_minutes(trips) * np.exp(NOISE**2 / 2)) - 1
    assert np.abs(np.median(relative)) < 0.03
    assert np.median(np.abs(relative)) < 0.08


@pytest.mark.parametrize(("no_distance", "no_time"), [(False, False), (True, False), (False, True), (True, True)])
def test_intervals_hold_what_they_promise(
    trained: tuple[Trained, Path],
    later: tuple[Trips, np.ndarray],
    no_distance: bool,
    no_time: bool,
):
    trips, minutes = later
    usual = (minutes >= 1) & (minutes <= 60)
    every = np.ones(len(minutes), bool)
    found = Predictor(load_bundle(trained[1])).predict(hide(trips, every & no_distance, every & no_time)).minutes
    inside = (found[:, 1] <= minutes) & (minutes <= found[:, 2])
    assert 0.86 < inside[usual].mean() < 0.94


def test_a_hidden_distance_is_answered_for_the_usual_one(
    trained: tuple[Trained, Path], later: tuple[Trips, np.ndarray]
):
    trips, _ = later
    every, none = np.ones(len(trips.miles), bool), np.zeros(len(trips.miles), bool)
    predictor = Predictor(load_bundle(trained[1]))
    hidden = predictor.predict(hide(trips, every, none))
    known = predictor.predict(trips._replace(miles=hidden.miles))
    assert np.median(np.abs(hidden.minutes[:, 0] / known.minutes[:, 0] - 1)) < 0.06


def test_training_beats_the_tutorial_baseline_and_says_so(trained: tuple[Trained, Path]):
    metrics = load_bundle(trained[1]).manifest["metrics"]
    for colour in ("green", "yellow"):
        name = f"{colour} 2023-07 2023-08"
        assert metrics[name]["1-60"]["rmse"] < 0.95 * metrics[f"{name}, tutorial baseline"]["1-60"]["rmse"]
        assert metrics[name]["1-60"]["rmse"] < metrics[f"{name}, neither"]["1-60"]["rmse"]


def test_the_bundle_says_what_it_is_made_of(trained: tuple[Trained, Path], city: Path):
    bundle = load_bundle(trained[1])
    manifest = bundle.manifest
    months = manifest["data"]["months"]
    assert months["train"]["green"] == [f"2023-0{month}" for month in range(1, 7)]
    assert months["calibrate"] == {
        colour: ["2023-03", "2023-04", "2023-05", "2023-06"] for colour in ("green", "yellow")
    }
    assert manifest["data"]["funnel"]["read"] == 8 * (3000 + 1500)
    assert bundle.version.startswith("2023-06-")
    assert sum(manifest["reference"]["hour_of_week"]["share"]) == pytest.approx(1, abs=0.01)
    files = manifest["data"]["files"]
    green = city / "green" / "green_tripdata_2023-01.parquet"
    assert files["green/green_tripdata_2023-01.parquet"] == hashlib.sha256(green.read_bytes()).hexdigest()
    assert len(files) == 16
    assert manifest["parity"]["largest_difference"] < 0.01
    assert manifest["parity"]["trips"] == sum(
        sum(manifest["data"]["trips"][purpose].values()) for purpose in ("calibrate", "test")
    )
    card = (trained[1] / "MODEL_CARD.md").read_text()
    assert bundle.version in card
    assert f"| train | green: 2023 (01 02 03 04 05 06) | {manifest['data']['trips']['train']['green']:,} |" in card


def test_same_data_and_seed_give_the_same_bundle(
    trained: tuple[Trained, Path], city: Path, recipe: Recipe, tmp_path: Path
):
    train(city, tmp_path / "again", recipe)
    assert load_bundle(tmp_path / "again").digest == load_bundle(trained[1]).digest
    train(city, tmp_path / "other", replace(recipe, seed=1))
    assert load_bundle(tmp_path / "other").version != load_bundle(trained[1]).version


def test_golden_trips_reach_every_kind_of_answer(trained: tuple[Trained, Path]):
    golden = load_bundle(trained[1]).golden
    missing = {
        (bool(np.isnan(miles)), bool(np.isnat(time)))
        for miles, time in zip(golden.trips.miles, golden.trips.pickup, strict=True)
    }
    assert len(missing) == 4
    assert (golden.trips.pickup_zone == 264).any()
    assert len(golden.answers) == exporting.GOLDEN_TRIPS


class TestParityGate:
    """An export that does not answer as scikit-learn does leaves nothing behind."""

    @pytest.fixture
    def proof(self) -> Trips:
        return sample(LATER, 500)[0]

    @pytest.fixture
    def wrong(self, trained: tuple[Trained, Path]) -> Weights:
        """Columns in the wrong order: valid weights with wrong answers."""
        right = weights_of(trained[0].model.networks)
        return right._replace(hidden=np.ascontiguousarray(right.hidden[:, ::-1]))

    def test_wrong_weights_are_not_exported(
        self, trained: tuple[Trained, Path], wrong: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(exporting, "weights_of", lambda _: wrong)
        with pytest.raises(TrainingError, match="golden answer"):
            export(trained[0], sample(LATER, 500)[0], tmp_path / "bundle")
        assert list(tmp_path.iterdir()) == []

    def test_a_wrong_graph_is_not_exported(
        self, trained: tuple[Trained, Path], wrong: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        graph = to_onnx(wrong)
        monkeypatch.setattr(exporting, "to_onnx", lambda _: graph)
        with pytest.raises(TrainingError, match=r"parity gate: model\.onnx differs"):
            export(trained[0], sample(LATER, 500)[0], tmp_path / "bundle")
        assert list(tmp_path.iterdir()) == []

    def test_a_difference_that_the_golden_answers_miss_is_found(
        self, trained: tuple[Trained, Path], proof: Trips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        answers = Trained.answers

        def one_off(self: Trained, trips: Trips) -> np.ndarray:
            found = answers(self, trips)
            if len(found) > exporting.GOLDEN_TRIPS:
                found[123, 0] += 0.02
            return found

        monkeypatch.setattr(Trained, "answers", one_off)
        with pytest.raises(TrainingError, match=r"parity gate: .* by up to 0\.02.* on 1 of 500 trips"):
            export(trained[0], proof, tmp_path / "bundle")
        assert list(tmp_path.iterdir()) == []

    def test_a_failed_export_leaves_the_older_bundle(
        self, trained: tuple[Trained, Path], proof: Trips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        out = tmp_path / "bundle"
        export(trained[0], proof, out)
        before = load_bundle(out).digest
        monkeypatch.setattr(exporting, "PARITY_MINUTES", 0.0)
        with pytest.raises(TrainingError, match="parity gate"):
            export(trained[0], proof, out)
        assert load_bundle(out).digest == before
        assert [path.name for path in tmp_path.iterdir()] == ["bundle"]

    def test_a_new_export_replaces_the_older_bundle(self, trained: tuple[Trained, Path], proof: Trips, tmp_path: Path):
        out = tmp_path / "deep" / "bundle"
        export(trained[0], proof, out)
        export(replace(trained[0], data=trained[0].data | {"note": 1}), proof, out)
        assert json.loads((out / "manifest.json").read_text())["data"]["note"] == 1
        assert [path.name for path in out.parent.iterdir()] == ["bundle"]

    def test_a_disk_that_fills_up_leaves_the_older_bundle(
        self, trained: tuple[Trained, Path], proof: Trips, tmp_path: Path
    ):
        out = tmp_path / "bundle"
        export(trained[0], proof, out)
        before = load_bundle(out).digest
        unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
        # A write beyond the limit fails in the middle, as on a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, unlimited[1]))
        try:
            with pytest.raises(TrainingError, match=r"cannot write the bundle .*bundle: "):
                export(trained[0], proof, out)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        assert load_bundle(out).digest == before
        assert [path.name for path in tmp_path.iterdir()] == ["bundle"]

    def test_a_folder_of_something_else_is_not_touched(
        self, trained: tuple[Trained, Path], proof: Trips, tmp_path: Path
    ):
        (tmp_path / "thesis.txt").write_text("mine")
        with pytest.raises(TrainingError, match="is not a bundle"):
            export(trained[0], proof, tmp_path)
        assert (tmp_path / "thesis.txt").read_text() == "mine"
        with pytest.raises(TrainingError, match="is not a bundle"):
            export(trained[0], proof, tmp_path / "thesis.txt")
        assert (tmp_path / "thesis.txt").read_text() == "mine"

    def test_a_place_that_cannot_be_written_is_named(self, trained: tuple[Trained, Path], proof: Trips, tmp_path: Path):
        (tmp_path / "file").touch()
        with pytest.raises(TrainingError, match="cannot write beside"):
            export(trained[0], proof, tmp_path / "file" / "bundle")


def test_files_that_cannot_be_used_are_skipped_and_named(
    tmp_path: Path, recipe: Recipe, capsys: pytest.CaptureFixture[str]
):
    write_city(tmp_path / "data", [Month(2023, month) for month in range(1, 8)], trips_a_month=1000)
    (tmp_path / "data" / "green_tripdata_2024-01.parquet").write_bytes(b"half a file")
    train(tmp_path / "data", tmp_path / "bundle", recipe)
    printed = capsys.readouterr()
    assert "skipped: green_tripdata_2024-01.parquet cannot be read" in printed.err
    assert "1 files skipped" in printed.out


def test_no_usable_trip_is_refused_with_the_reasons(tmp_path: Path, recipe: Recipe):
    (tmp_path / "green_tripdata_2024-01.parquet").write_bytes(b"")
    with pytest.raises(TrainingError, match=r"no usable trip; green_tripdata_2024-01\.parquet cannot be read"):
        train(tmp_path, tmp_path / "bundle", recipe)
    assert not (tmp_path / "bundle").exists()


def test_trips_that_are_all_filtered_are_refused(tmp_path: Path, recipe: Recipe):
    write_city(tmp_path, [Month(2023, 1)], trips_a_month=20)
    frame = pl.read_parquet(tmp_path / "green" / "green_tripdata_2023-01.parquet")
    frame.with_columns(PULocationID=999).write_parquet(tmp_path / "green" / "green_tripdata_2023-01.parquet")
    (tmp_path / "yellow" / "yellow_tripdata_sample_2023-01.csv").unlink()
    with pytest.raises(TrainingError, match="a zone is missing or unknown to TLC: 20"):
        train(tmp_path, tmp_path / "bundle", recipe)


def test_too_few_trips_cannot_calibrate(trained: tuple[Trained, Path]):
    trips, minutes = sample(LATER, 50)
    with pytest.raises(TrainingError, match="50 complete trips are too few"):
        calibrate([Forecast(trained[0].model, trips, minutes)], 0.9)


def test_corrected_answers_keep_their_order_and_floor():
    raw = np.array([[10.0, 12.0, 9.0], [-3.0, -5.0, -1.0], [10.0, 8.0, 14.0]])
    shares = np.array([0.0, 0.5])
    found = corrected(raw, np.array([0, 0, 1]), shares)
    np.testing.assert_allclose(found, [[10.0, 10.0, 10.0], [0.5, 0.5, 0.5], [10.0, 5.0, 17.0]])
