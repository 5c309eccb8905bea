"""TLC trip record files of every colour and era, read into one set of columns."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl
from polars.exceptions import PanicException, PolarsError

from training.errors import TrainingError

COLOURS = ("green", "yellow")

# TLC renamed its columns several times; early files also padded them with blanks and changed their case.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "pickup": ("lpep_pickup_datetime", "tpep_pickup_datetime", "pickup_datetime"),
    "dropoff": ("lpep_dropoff_datetime", "tpep_dropoff_datetime", "dropoff_datetime"),
    "pickup_zone": ("pulocationid", "pickup_location_id"),
    "dropoff_zone": ("dolocationid", "dropoff_location_id"),
    "miles": ("trip_distance",),
}
SCHEMA = {
    "colour": pl.String(),
    "pickup": pl.Datetime("us"),
    "dropoff": pl.Datetime("us"),
    "pickup_zone": pl.Int64(),
    "dropoff_zone": pl.Int64(),
    "miles": pl.Float64(),
}
_TIME_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
)
_TIME_FORMATS_WITH_OFFSET = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z")
# Damaged files claim times that no calendar holds; polars cannot compute with them.
_FIRST_TIME, _LAST_TIME = datetime(1, 1, 1), datetime(9999, 12, 31)
_MONTH_IN_NAME = re.compile(r"(?<!\d)(20\d{2})-(\d{2})(?!\d)")
_YEAR_IN_NAME = re.compile(r"(?<!\d)(20\d{2})(?!\d)")


@dataclass(frozen=True)
class RecordFile:
    """One file of trip records: where it is, the taxis' colour, and the period its name promises."""

    path: Path
    colour: str
    period: str
    """``2024-09``, ``2017``, or empty where the name has no date."""


class UnreadableFileError(TrainingError):
    """A file that cannot be used; the message names it and says why."""


def find_files(folder: Path) -> list[RecordFile]:
    """Return all parquet and CSV files under a folder that have a colour in their name, sorted by name.

    Raises TrainingError if the folder does not exist or has no such file.
    """
    if not folder.is_dir():
        raise TrainingError(f"{folder} is not a folder; give --data the folder that holds TLC's files")
    found = [
        RecordFile(path, colour, _period(path.name))
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in {".parquet", ".csv"}
        for colour in COLOURS
        if colour in path.name.lower()
    ]
    if not found:
        raise TrainingError(
            f"{folder} holds no .parquet or .csv file with green or yellow in its name; "
            "fetch some with: python -m training download --from 2024-01 --to 2024-03 --colour green"
        )
    return found


def read(file: RecordFile) -> pl.DataFrame:
    """Return the records of one file in the columns of SCHEMA; raise UnreadableFileError if that cannot be done.

    Values that are not what the column should hold become null, for the cleaning to count.
    """
    try:
        raw = _open(file.path)
        names = own_names(raw.collect_schema().names())
        for ours, spellings in SPELLINGS.items():
            if ours not in names:
                raise UnreadableFileError(f"{file.path.name} has no column {' or '.join(spellings)}")
        frame = raw.select(
            pl.lit(file.colour).alias("colour"),
            *(typed(raw, theirs, ours).alias(ours) for ours, theirs in names.items()),
        ).collect()
    except (PolarsError, PanicException, OSError) as problem:  # polars panics over some damaged parquet files
        reason = str(problem).strip().splitlines()[0]
        raise UnreadableFileError(f"{file.path.name} cannot be read: {reason}") from problem
    if frame.is_empty():
        raise UnreadableFileError(f"{file.path.name} has no rows")
    return frame


def _open(path: Path) -> pl.LazyFrame:
    if path.suffix.lower() == ".parquet":
        return pl.scan_parquet(path)
    # Everything as text: a CSV column's type is decided by SCHEMA, not guessed from its first rows.
    return pl.scan_csv(path, infer_schema=False)


def own_names(names: Iterable[str]) -> dict[str, str]:
    """Return a file's own name for each of our columns, as far as it has them, in the order of SPELLINGS."""
    by_spelling = {name.strip().lower(): name for name in names}
    found = {
        ours: [by_spelling[spelling] for spelling in spellings if spelling in by_spelling]
        for ours, spellings in SPELLINGS.items()
    }
    return {ours: theirs[0] for ours, theirs in found.items() if theirs}


def typed(frame: pl.LazyFrame, theirs: str, ours: str) -> pl.Expr:
    """Return a file's column as the type that SCHEMA gives to ours; values that are none of it become null.

    Times with a time zone or an offset become New York wall-clock time, which those without already are.
    """
    column, given, kind = pl.col(theirs), frame.collect_schema()[theirs], SCHEMA[ours]
    if isinstance(kind, pl.Datetime):
        return _time(column, given)
    if given == pl.String:
        column, given = column.str.strip_chars().cast(pl.Float64, strict=False), pl.Float64()
    if given.is_float() and kind.is_integer():
        column = pl.when(column == column.floor()).then(column)
    return column.cast(kind, strict=False)


def _time(column: pl.Expr, given: pl.DataType) -> pl.Expr:
    if given == pl.String:
        return column.str.strip_chars().map_batches(_read_times, return_dtype=pl.Datetime("us"))
    if isinstance(given, pl.Datetime) and given.time_zone is not None:
        return _in_new_york(column.cast(pl.Datetime("us", given.time_zone), strict=False))
    return _possible(column.cast(pl.Datetime("us"), strict=False))


def _read_times(text: pl.Series) -> pl.Series:
    """Return what the formats make of a column, tried one after the other until nothing is left to read."""
    frame = pl.DataFrame({"text": text}).with_columns(time=pl.lit(None, pl.Datetime("us")))
    for form in (*_TIME_FORMATS, *_TIME_FORMATS_WITH_OFFSET):
        if frame["time"].null_count() == text.null_count():
            break
        time = pl.col("text").str.to_datetime(form, time_unit="us", strict=False)
        time = _in_new_york(time) if form in _TIME_FORMATS_WITH_OFFSET else _possible(time)
        frame = frame.with_columns(time=pl.coalesce("time", time))
    return frame["time"]


def _in_new_york(time: pl.Expr) -> pl.Expr:
    utc = _possible(time.dt.convert_time_zone("UTC").dt.replace_time_zone(None))
    return utc.dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York").dt.replace_time_zone(None)


def _possible(time: pl.Expr) -> pl.Expr:
    return pl.when(time.is_between(_FIRST_TIME, _LAST_TIME)).then(time)


def _period(name: str) -> str:
    month = _MONTH_IN_NAME.search(name)
    if month:
        return f"{month[1]}-{month[2]}"
    year = _YEAR_IN_NAME.search(name)
    return year[1] if year else ""
