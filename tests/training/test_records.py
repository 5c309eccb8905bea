import random
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from training.clean import clean
from training.errors import TrainingError
from training.records import SCHEMA, RecordFile, UnreadableFileError, find_files, read

PICKUP, DROPOFF = datetime(2024, 9, 18, 8, 30), datetime(2024, 9, 18, 8, 50, 30)
GREEN = {
    "lpep_pickup_datetime": PICKUP,
    "lpep_dropoff_datetime": DROPOFF,
    "PULocationID": 161,
    "DOLocationID": 132,
    "trip_distance": 17.5,
}
EXPECTED = ("green", PICKUP, DROPOFF, 161, 132, 17.5)


def record_file(path: Path) -> RecordFile:
    return RecordFile(path, "green", "2024-09")


def parquet(path: Path, rows: dict[str, object]) -> RecordFile:
    pl.DataFrame({name: [value] for name, value in rows.items()}).write_parquet(path)
    return record_file(path)


def csv(path: Path, *lines: str) -> RecordFile:
    path.write_text("\n".join(lines) + "\n")
    return record_file(path)


def test_every_era_reads_the_same(tmp_path: Path):
    yellow = {name.replace("lpep", "tpep"): value for name, value in GREEN.items()} | {"cbd_congestion_fee": 0.75}
    files = [
        parquet(tmp_path / "green.parquet", GREEN),
        parquet(tmp_path / "yellow.parquet", yellow),
        csv(
            tmp_path / "sample.csv",
            "vendor_id,pickup_datetime,dropoff_datetime,trip_distance,pickup_location_id,dropoff_location_id",
            "2,2024-09-18 08:30:00,2024-09-18 08:50:30,17.5,161,132",
        ),
        csv(
            tmp_path / "american.csv",
            "ID,tpep_pickup_datetime,tpep_dropoff_datetime,trip_distance,PULocationID,DOLocationID",
            "7,09/18/2024 8:30:00 AM,09/18/2024 8:50:30 AM,17.5,161,132",
        ),
        csv(
            tmp_path / "padded.csv",
            "VendorID,lpep_pickup_datetime, Lpep_dropoff_datetime, PULocationID , DOLocationID,Trip_distance",
            "2,2024-09-18 08:30:00, 2024-09-18 08:50:30 ,161,132,17.5",
        ),
    ]
    for file in files:
        frame = read(file)
        assert dict(frame.schema) == SCHEMA
        assert frame.row(0) == EXPECTED, file.path.name


@pytest.mark.parametrize("kind", [pl.Int32, pl.Int64, pl.Float64, pl.String])
def test_zone_columns_of_any_type_are_read(tmp_path: Path, kind: type[pl.DataType]):
    frame = pl.DataFrame({name: [value] for name, value in GREEN.items()})
    frame.with_columns(pl.col("PULocationID", "DOLocationID").cast(kind)).write_parquet(tmp_path / "green.parquet")
    assert read(record_file(tmp_path / "green.parquet")).row(0) == EXPECTED


def test_values_that_are_not_what_the_column_holds_become_null(tmp_path: Path):
    file = csv(
        tmp_path / "green.csv",
        "pickup_datetime,dropoff_datetime,trip_distance,pickup_location_id,dropoff_location_id",
        "noon,2024-09-18 08:50:30,far,,132",
    )
    assert read(file).row(0) == ("green", None, DROPOFF, None, 132, None)


@pytest.mark.parametrize(
    "text",
    [
        "2024-09-18T08:30",
        "2024-09-18 08:30:00.000",
        "2024-09-18T08:30:00-04:00",
        "2024-09-18T12:30:00Z",
        "2024-09-18 14:30:00.0+0200",
    ],
)
def test_a_time_of_any_iso_spelling_becomes_new_york_time(tmp_path: Path, text: str):
    file = csv(
        tmp_path / "green.csv",
        "pickup_datetime,dropoff_datetime,trip_distance,pickup_location_id,dropoff_location_id",
        f"{text},2024-09-18 08:50:30,17.5,161,132",
    )
    assert read(file).row(0) == EXPECTED


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_a_column_with_a_time_zone_becomes_new_york_time(tmp_path: Path, zone: str, unit: str):
    pickup, dropoff = (time.replace(tzinfo=ZoneInfo("America/New_York")) for time in (PICKUP, DROPOFF))
    aware = GREEN | {"lpep_pickup_datetime": pickup, "lpep_dropoff_datetime": dropoff}
    frame = pl.DataFrame({name: [value] for name, value in aware.items()})
    times = pl.col("lpep_pickup_datetime", "lpep_dropoff_datetime")
    moved = frame.with_columns(times.dt.convert_time_zone(zone).dt.cast_time_unit(unit))
    moved.write_parquet(tmp_path / "green.parquet")
    assert read(record_file(tmp_path / "green.parquet")).row(0) == EXPECTED


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
@pytest.mark.parametrize("moment", [2**62, -(2**62), 2**63 - 1, -(2**63) + 1])
def test_a_time_that_no_calendar_holds_is_missing_and_the_rest_stays(tmp_path: Path, zone: str | None, moment: int):
    damaged = pl.Series([moment, 1_726_648_200_000_000]).cast(pl.Datetime("us", zone))
    rows = pl.DataFrame({name: [value] * 2 for name, value in GREEN.items()})
    rows.with_columns(damaged.alias("lpep_pickup_datetime")).write_parquet(tmp_path / "green.parquet")
    records = read(record_file(tmp_path / "green.parquet"))
    assert records["pickup"].null_count() == 1
    trips, funnel = clean(records.with_columns(dropoff=pl.col("pickup") + timedelta(minutes=5)), "2024-09")
    assert trips.height == 1
    assert funnel.dropped["a time is missing"] == 1


@pytest.mark.parametrize("kind", [pl.Float64, pl.String])
def test_a_fraction_is_no_zone(tmp_path: Path, kind: type[pl.DataType]):
    frame = pl.DataFrame({name: [value] for name, value in (GREEN | {"PULocationID": 161.7}).items()})
    frame.with_columns(pl.col("PULocationID").cast(kind)).write_parquet(tmp_path / "green.parquet")
    assert read(record_file(tmp_path / "green.parquet"))["pickup_zone"].to_list() == [None]


@pytest.mark.parametrize("column", GREEN)
def test_a_missing_column_is_named(tmp_path: Path, column: str):
    file = parquet(tmp_path / "green.parquet", {name: value for name, value in GREEN.items() if name != column})
    with pytest.raises(UnreadableFileError, match=rf"green\.parquet has no column .*{column.lower()}"):
        read(file)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("green.parquet", b""),
        ("green.parquet", b"PAR1 this is not a table PAR1"),
        ("green.parquet", b"<html>404</html>"),
        ("green.csv", b""),
        ("green.csv", b"\x00\xff\xfe"),
    ],
)
def test_a_file_that_is_something_else_is_named(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableFileError, match=name):
        read(record_file(tmp_path / name))


def test_half_a_parquet_file_is_named(tmp_path: Path):
    file = parquet(tmp_path / "green.parquet", GREEN)
    file.path.write_bytes(file.path.read_bytes()[:-20])
    with pytest.raises(UnreadableFileError, match=r"green\.parquet cannot be read"):
        read(file)


def test_a_file_without_rows_is_named(tmp_path: Path):
    pl.DataFrame({name: [value] for name, value in GREEN.items()}).clear().write_parquet(tmp_path / "green.parquet")
    with pytest.raises(UnreadableFileError, match=r"green\.parquet has no rows"):
        read(record_file(tmp_path / "green.parquet"))


def test_files_are_found_by_colour_with_the_period_in_their_name(tmp_path: Path):
    for name in (
        "green/green_tripdata_2024-09.parquet",
        "2017_Yellow_Taxi_Trip_Data.csv",
        "yellow.CSV",
        "zones/taxi_zone_lookup.csv",
        "green_tripdata_2024-10.parquet.part",
        "green_notes.txt",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = {(file.path.name, file.colour, file.period) for file in find_files(tmp_path)}
    assert found == {
        ("green_tripdata_2024-09.parquet", "green", "2024-09"),
        ("2017_Yellow_Taxi_Trip_Data.csv", "yellow", "2017"),
        ("yellow.CSV", "yellow", ""),
    }


def test_a_folder_without_records_says_how_to_get_some(tmp_path: Path):
    with pytest.raises(TrainingError, match="python -m training download"):
        find_files(tmp_path)
    with pytest.raises(TrainingError, match="is not a folder"):
        find_files(tmp_path / "nowhere")


def test_damage_anywhere_in_a_parquet_file_is_a_sentence_or_nothing(tmp_path: Path):
    whole, pick = tmp_path / "whole.parquet", random.Random(1)  # noqa: S311
    frame = pl.DataFrame({name: [value] * 500 for name, value in GREEN.items()})
    frame.with_columns(lpep_pickup_datetime=PICKUP + pl.duration(seconds=pl.int_range(500))).write_parquet(whole)
    content, file = whole.read_bytes(), record_file(tmp_path / "green.parquet")
    refused = []
    for _ in range(200):
        damaged = bytearray(content)
        for _ in range(3):
            damaged[pick.randrange(len(damaged))] ^= 1 << pick.randrange(8)
        file.path.write_bytes(damaged)
        try:
            clean(read(file), file.period)
        except UnreadableFileError as problem:
            refused.append(str(problem))
    assert len(refused) > 50
    assert all("green.parquet" in sentence and "\n" not in sentence for sentence in refused)
