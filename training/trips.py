"""A folder of trip record files as one table of clean trips, and its columns as arrays."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from taxi_api.model.features import Trips
from training.clean import Funnel, clean
from training.console import notes, progress
from training.errors import TrainingError
from training.months import Month
from training.records import UnreadableFileError, find_files, read


def load_trips(folder: Path) -> tuple[pl.DataFrame, Funnel]:
    """Read and clean every file of a folder; a file that cannot be used is skipped, and the console and funnel name it.

    Returns columns ``colour, month, pickup, pickup_zone, dropoff_zone, miles, minutes``.
    Raises TrainingError if no trip is left.
    """
    frames, funnel = [], Funnel()
    with progress() as bar:
        for file in bar.track(find_files(folder), description="reading trip records"):
            try:
                trips, counts = clean(read(file), file.period)
            except UnreadableFileError as problem:
                funnel.skipped_files.append(str(problem))
                continue
            frames.append(trips)
            funnel.add(counts)
    if funnel.kept == 0:
        reasons = funnel.skipped_files or [f"{rule}: {count}" for rule, count in funnel.dropped.items() if count]
        raise TrainingError(f"{folder} has no usable trip; " + "; ".join(reasons))
    for sentence in funnel.skipped_files:
        notes.print(f"skipped: {sentence}", style="yellow")
    return pl.concat(frames), funnel


def of_months(trips: pl.DataFrame, months: Sequence[Month]) -> pl.DataFrame:
    """Return the trips of the given months, or all of them if none are given; raise TrainingError if there are none."""
    if not months:
        return trips
    chosen = trips.filter(pl.col("month").is_in([str(month) for month in months]))
    if chosen.is_empty():
        present = ", ".join(sorted(trips["month"].unique()))
        raise TrainingError(f"no trips in {', '.join(map(str, months))}; the records hold {present}")
    return chosen


def columns(trips: pl.DataFrame) -> Trips:
    """Return the model's input columns of clean trips."""
    return Trips(
        pickup_zone=trips["pickup_zone"].to_numpy(),
        dropoff_zone=trips["dropoff_zone"].to_numpy(),
        miles=trips["miles"].fill_null(float("nan")).to_numpy(),
        pickup=trips["pickup"].to_numpy().astype("datetime64[s]"),
    )


def minutes(trips: pl.DataFrame) -> NDArray[np.float64]:
    """Return how long the trips took."""
    return trips["minutes"].to_numpy()
