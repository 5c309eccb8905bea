"""The command ``score``: a file of trips in, the same file with durations out, however large it is."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from taxi_api.model.calendar import FIRST_YEAR, LAST_YEAR
from taxi_api.model.features import Trips
from taxi_api.model.predictor import BASIS, Predictor
from taxi_api.model.zones import FIRST_ZONE, LAST_ZONE
from training.bundles import open_bundle
from training.clean import FARTHEST_MILES
from training.console import progress, results
from training.errors import TrainingError
from training.records import SPELLINGS, own_names, typed

# What is in memory at a time.
_ROWS = 50_000
_CSV_BYTES = 8 << 20
_BUFFER_BYTES = 1 << 20

_ANSWERS = pa.schema(
    {
        "duration": pa.float64(),
        "lower": pa.float64(),
        "upper": pa.float64(),
        "miles": pa.float64(),
        "distance_estimated": pa.bool_(),
        "basis": pa.string(),
        "basis_trips": pa.int64(),
        "problem": pa.string(),
    }
)
_NEEDED = ("pickup_zone", "dropoff_zone")


@dataclass
class Scored:
    """How many rows there were, and why some of them have no answer."""

    rows: int = 0
    problems: Counter[str] = field(default_factory=Counter)


def score_file(bundle: Path, data: Path, out: Path) -> Scored:
    """Write ``data`` (parquet or CSV) to ``out`` (parquet) with the columns of answers beside its own, in its order.

    Zones are needed. Distance and pickup time may be missing, as columns or as values, and a distance that is not
    believable (0, as TLC writes where it has none, or above 200 miles) counts as missing. A row without a usable zone,
    or with a value that is no time or number, gets nulls and says why in ``problem``. Raises TrainingError, and leaves
    no file behind, if bundle, input or output cannot be used.
    """
    predictor = open_bundle(bundle)
    draft = out.with_name(f".{out.name}.part")
    scored = Scored()
    try:
        schema, total, parts = _open(data)
        _check(data, schema.names)
        written = pa.schema([*schema, *_ANSWERS])
        with progress() as bar, pyarrow.parquet.ParquetWriter(draft, written) as writer:
            task = bar.add_task("scoring", total=total)
            for part in parts:
                answers = _answers(predictor, pl.DataFrame(part))
                writer.write_table(pa.table([*part.columns, *answers.columns], written))
                scored.rows += part.num_rows
                scored.problems.update(why for why in answers["problem"].to_pylist() if why is not None)
                bar.advance(task, part.num_rows)
        draft.replace(out)
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as problem:
        reason = str(problem).strip().splitlines()[0]
        raise TrainingError(f"{data} cannot be scored into {out}: {reason}") from problem
    finally:
        draft.unlink(missing_ok=True)
    results.print(f"{out}: {scored.rows:,} rows, {scored.rows - scored.problems.total():,} with an answer")
    for why, count in scored.problems.most_common():
        results.print(f"without one, {why}: {count:,}")
    return scored


def _open(data: Path) -> tuple[pa.Schema, int | None, Iterator[pa.Table]]:
    """Return the file's columns, its rows if it tells how many, and its content in parts."""
    if data.suffix.lower() == ".parquet":
        # Read ahead, what was read would stay in memory until the end of the file; and without a buffer of its own a
        # column is read as a whole for each row group, which may be the whole file.
        file = pyarrow.parquet.ParquetFile(data, pre_buffer=False, buffer_size=_BUFFER_BYTES)
        parts = (pa.Table.from_batches([batch]) for batch in file.iter_batches(_ROWS))
        return file.schema_arrow.remove_metadata(), file.metadata.num_rows, parts
    # A CSV column is text: its type is decided by what we need of it, not guessed from its first rows.
    block = pyarrow.csv.ReadOptions(block_size=_CSV_BYTES)
    with pyarrow.csv.open_csv(data, block) as reader:
        text = {name: pa.string() for name in reader.schema.names}
    convert = pyarrow.csv.ConvertOptions(column_types=text, strings_can_be_null=True)
    reader = pyarrow.csv.open_csv(data, block, convert_options=convert)
    return reader.schema, None, (pa.Table.from_batches([batch]) for batch in reader)


def _check(data: Path, names: list[str]) -> None:
    """Raise TrainingError if the file lacks a column that is needed, or has one that would be written twice."""
    known = own_names(names)
    for needed in _NEEDED:
        if needed not in known:
            raise TrainingError(f"{data} has no column {' or '.join(SPELLINGS[needed])}; zones are needed")
    taken = [name for name in _ANSWERS.names if name in names]
    if taken:
        raise TrainingError(f"{data} has a column {', '.join(taken)} already; rename it, or score the original file")


def _answers(predictor: Predictor, part: pl.DataFrame) -> pa.Table:
    """Return the columns of _ANSWERS for the rows of one part."""
    lazy, names = part.lazy(), own_names(part.columns)
    read = {ours: lazy.select(typed(lazy, theirs, ours)).collect().to_series() for ours, theirs in names.items()}

    problem = np.full(part.height, None, object)
    year = read["pickup"].dt.year() if "pickup" in read else None
    if year is not None:
        ill = ~year.is_between(FIRST_YEAR, LAST_YEAR).fill_null(value=True) | _unreadable(part, names, read, "pickup")
        problem[ill.to_numpy()] = f"the pickup time is none of the years {FIRST_YEAR} to {LAST_YEAR}"
    if "miles" in read:
        problem[_unreadable(part, names, read, "miles").to_numpy()] = "the distance is no number"
    for zone in _NEEDED:
        ill = ~read[zone].is_between(FIRST_ZONE, LAST_ZONE).fill_null(value=False)
        problem[ill.to_numpy()] = f"the {zone.replace('_', ' ')} is not {FIRST_ZONE} to {LAST_ZONE}"

    fine = np.array([why is None for why in problem], bool)
    found = predictor.predict(_trips({ours: column.filter(fine) for ours, column in read.items()}))
    columns = {
        **dict(zip(("duration", "lower", "upper"), found.minutes.T, strict=True)),
        "miles": found.miles,
        "distance_estimated": found.estimated,
        "basis": np.array(BASIS)[found.basis],
        "basis_trips": found.basis_trips,
    }
    # Rows without an answer take nulls: each answer goes to the place of its row.
    place = pa.array(np.where(fine, np.cumsum(fine) - 1, 0), mask=~fine)
    taken = [pa.array(columns[name], _ANSWERS.field(name).type).take(place) for name in columns]
    return pa.table([*taken, pa.array(problem, pa.string())], _ANSWERS)


def _unreadable(part: pl.DataFrame, names: dict[str, str], read: dict[str, pl.Series], ours: str) -> pl.Series:
    """Return which values are there but could not be read as what they should be."""
    return read[ours].is_null() & part[names[ours]].is_not_null()


def _trips(read: dict[str, pl.Series]) -> Trips:
    """Return trips whose zones and times are usable."""
    count = len(read["pickup_zone"])
    miles = np.full(count, np.nan)
    if "miles" in read:
        given = read["miles"].fill_null(np.nan).to_numpy()
        miles = np.where((given > 0) & (given <= FARTHEST_MILES), given, np.nan)
    pickup = np.full(count, np.datetime64("NaT"), "datetime64[s]")
    if "pickup" in read:
        pickup = read["pickup"].to_numpy().astype("datetime64[s]")
    return Trips(read["pickup_zone"].to_numpy(), read["dropoff_zone"].to_numpy(), miles, pickup)
