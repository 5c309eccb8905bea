"""A file in, the same file with answers out: held against the predictor row by row."""

import threading
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

from taxi_api.model.predictor import BASIS, Predictor
from taxi_api.model.store import DEFAULT_BUNDLE
from training import score
from training.errors import TrainingError
from training.score import score_file
from training.trips import columns

COLUMNS = ["duration", "lower", "upper", "miles", "distance_estimated", "basis", "basis_trips", "problem"]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that files of a few thousand rows come in many parts."""
    monkeypatch.setattr(score, "_ROWS", 700)
    monkeypatch.setattr(score, "_CSV_BYTES", 20_000)


@pytest.mark.parametrize("name", ["green/green_tripdata_2023-01.parquet", "yellow/yellow_tripdata_sample_2023-01.csv"])
def test_every_row_gets_the_predictors_answer_in_its_place(city: Path, predictor: Predictor, tmp_path: Path, name: str):
    out = tmp_path / "scored.parquet"
    scored = score_file(DEFAULT_BUNDLE, city / name, out)
    given = pl.read_parquet(city / name) if name.endswith("parquet") else pl.read_csv(city / name, infer_schema=False)
    found = pl.read_parquet(out)
    assert found.columns == given.columns + COLUMNS
    assert found.select(given.columns).equals(given)
    assert scored.rows == len(given)
    assert scored.problems.total() == 0

    pickup, *_ = given.columns
    trips = pl.DataFrame(
        {
            "pickup_zone": found[given.columns[2]].cast(pl.Int64),
            "dropoff_zone": found[given.columns[3]].cast(pl.Int64),
            "miles": found["trip_distance"].cast(pl.Float64),
            "pickup": found[pickup].cast(pl.Datetime("us"))
            if found[pickup].dtype != pl.String
            else found[pickup].str.to_datetime(),
        }
    )
    expected = predictor.predict(columns(trips))
    np.testing.assert_allclose(found.select(COLUMNS[:3]).to_numpy(), expected.minutes, rtol=0, atol=1e-4)
    assert found["miles"].to_list() == expected.miles.tolist()
    assert found["basis"].to_list() == [BASIS[index] for index in expected.basis]
    assert found["basis_trips"].to_list() == expected.basis_trips.tolist()


def test_what_cannot_be_answered_says_why_and_the_rest_is_answered(tmp_path: Path):
    text = """\
PULocationID,DOLocationID,trip_distance,pickup_datetime
161,132,17.5,2024-09-18 08:30:00
0,132,17.5,2024-09-18 08:30:00
161,266,17.5,2024-09-18 08:30:00
161,,17.5,2024-09-18 08:30:00
161,132,far,2024-09-18 08:30:00
161,132,17.5,yesterday
161,132,17.5,1999-12-31 23:59:59
161,132,0,
161,132,,2024-09-18T08:30:00
"""
    (tmp_path / "trips.csv").write_text(text)
    scored = score_file(DEFAULT_BUNDLE, tmp_path / "trips.csv", tmp_path / "out.parquet")
    found = pl.read_parquet(tmp_path / "out.parquet")
    assert found["problem"].to_list() == [
        None,
        "the pickup zone is not 1 to 265",
        *["the dropoff zone is not 1 to 265"] * 2,
        "the distance is no number",
        *["the pickup time is none of the years 2000 to 2099"] * 2,
        None,
        None,
    ]
    assert scored.rows == 9
    assert scored.problems.total() == 6
    ill = found.filter(pl.col("problem").is_not_null())
    assert all(ill[name].null_count() == len(ill) for name in COLUMNS[:-1])
    well = found.filter(pl.col("problem").is_null())
    assert well["distance_estimated"].to_list() == [False, True, True]
    assert (well["lower"] <= well["duration"]).all()
    assert (well["duration"] <= well["upper"]).all()


def test_zones_alone_suffice(tmp_path: Path):
    pl.DataFrame({"DOLocationID": [132], "PULocationID": [161], "note": ["mine"]}).write_parquet(tmp_path / "a.parquet")
    score_file(DEFAULT_BUNDLE, tmp_path / "a.parquet", tmp_path / "b.parquet")
    assert pl.read_parquet(tmp_path / "b.parquet")["distance_estimated"].to_list() == [True]


def _truncated(folder: Path) -> Path:
    whole = folder / "whole.parquet"
    pl.DataFrame({"PULocationID": [161] * 5000, "DOLocationID": range(5000)}).write_parquet(whole)
    half = folder / "half.parquet"
    half.write_bytes(whole.read_bytes()[:2000])
    return half


def _without_zones(folder: Path) -> Path:
    pl.DataFrame({"PULocationID": [161], "fare": [7.5]}).write_parquet(folder / "fares.parquet")
    return folder / "fares.parquet"


def _scored_before(folder: Path) -> Path:
    pl.DataFrame({"PULocationID": [1], "DOLocationID": [2], "duration": [7.5]}).write_parquet(folder / "old.parquet")
    return folder / "old.parquet"


def _ragged(folder: Path) -> Path:
    (folder / "ragged.csv").write_text("PULocationID,DOLocationID\n161,132\n161\n")
    return folder / "ragged.csv"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_truncated, "half.parquet"),
        (_without_zones, "has no column dolocationid or dropoff_location_id"),
        (_scored_before, "has a column duration already"),
        (_ragged, "Expected 2 columns"),
        (lambda folder: folder / "none.parquet", "No such file"),
    ],
)
def test_a_file_that_cannot_be_scored_is_refused_and_leaves_nothing(tmp_path: Path, make, reason: str):
    data = make(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(TrainingError) as refused:
        score_file(DEFAULT_BUNDLE, data, tmp_path / "out.parquet")
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)
    assert sorted(tmp_path.iterdir()) == before


def test_an_older_result_stays_when_the_disk_is_full(city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    out = tmp_path / "scored.parquet"
    out.write_text("older")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.ParquetWriter.write_table", full)
    with pytest.raises(TrainingError, match="No space left on device"):
        score_file(DEFAULT_BUNDLE, city / "green" / "green_tripdata_2023-01.parquet", out)
    assert [path.name for path in tmp_path.iterdir()] == ["scored.parquet"]
    assert out.read_text() == "older"


def test_a_time_that_no_calendar_holds_has_no_answer_and_the_rest_has(tmp_path: Path):
    pickup = pl.Series([2**63 - 1, -(2**63) + 1, 1_726_648_200_000_000]).cast(pl.Datetime("us"))
    trips = pl.DataFrame({"PULocationID": [161] * 3, "DOLocationID": [132] * 3, "pickup_datetime": pickup})
    trips.write_parquet(tmp_path / "a.parquet")
    score_file(DEFAULT_BUNDLE, tmp_path / "a.parquet", tmp_path / "b.parquet")
    found = pl.read_parquet(tmp_path / "b.parquet")
    assert found["problem"].to_list() == [*["the pickup time is none of the years 2000 to 2099"] * 2, None]
    assert found["duration"].is_not_null().to_list() == [False, False, True]


def test_a_time_with_an_offset_is_answered_as_new_york_time(tmp_path: Path):
    lines = ["2024-09-18 08:30:00", "2024-09-18T08:30", "2024-09-18T08:30:00-04:00", "2024-09-18T12:30:00Z"]
    text = "".join(f"161,132,17.5,{time}\n" for time in lines)
    (tmp_path / "a.csv").write_text("PULocationID,DOLocationID,trip_distance,pickup_datetime\n" + text)
    score_file(DEFAULT_BUNDLE, tmp_path / "a.csv", tmp_path / "b.parquet")
    found = pl.read_parquet(tmp_path / "b.parquet")
    assert found["problem"].null_count() == len(lines)
    assert found["duration"].n_unique() == 1


@pytest.mark.parametrize("groups", [30, 1])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, groups: int):
    monkeypatch.setattr("training.score._ROWS", 700)
    rows, payload = 21_000 // groups, 5_000
    random = np.random.default_rng(1)
    schema = pa.schema({"PULocationID": pa.int64(), "DOLocationID": pa.int64(), "payload": pa.binary()})
    with pyarrow.parquet.ParquetWriter(tmp_path / "big.parquet", schema) as writer:
        for _ in range(groups):
            zones = [pa.array(random.integers(1, 264, rows)) for _ in range(2)]
            writer.write_table(pa.table([*zones, pa.array([random.bytes(payload) for _ in range(rows)])], schema))
    most, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            most[0] = max(most[0], pa.default_memory_pool().bytes_allocated())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        assert score_file(DEFAULT_BUNDLE, tmp_path / "big.parquet", tmp_path / "out.parquet").rows == rows * groups
    finally:
        done.set()
        watcher.join()
    assert 0 < most[0] < 21_000 / 2 * payload
