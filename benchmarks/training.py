"""How long each step of training takes, and what memory it needs: ``python -m benchmarks.training``.

Rows are drawn from the real months in ``TAXI_DATA_DIR``, or from the synthetic city without them. Every step runs in a
process of its own, so that its peak memory is its own, and all but fitting three times: the median counts. Beside them,
the way of most tutorials to read, clean and encode the same file: pandas and DictVectorizer.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from taxi_api.model.bundle import load_bundle
from taxi_api.model.features import FeatureBuilder
from taxi_api.model.store import DEFAULT_BUNDLE
from training.console import results
from training.fit import fit
from training.months import Month, month_range
from training.recipe import Recipe
from training.records import find_files, read
from training.score import score_file
from training.statistics import fit_tables
from training.synthetic import write_city
from training.trips import columns, load_trips, minutes

# Its name has no month: rows of all months may be in it.
FILE = "green_benchmark.parquet"
ROWS_A_GROUP = 200_000
_REPEATS = 3
# From so many rows on, reading, cleaning and features have to be so many times as fast as the tutorials' way.
MANY_ROWS, LEAST_TIMES = 1_000_000, 5.0


def read_and_clean(folder: Path) -> None:
    """Read the records into clean trips."""
    load_trips(folder)


def read_clean_features(folder: Path) -> None:
    """Read the records into the model's input matrix."""
    trips, _ = load_trips(folder)
    FeatureBuilder(load_bundle(DEFAULT_BUNDLE).tables).matrix(columns(trips))


def tables(folder: Path) -> None:
    """Learn the tables that features look up."""
    trips, _ = load_trips(folder)
    fit_tables(columns(trips), minutes(trips))


def fitting(folder: Path) -> None:
    """Fit tables and networks, everything that ``train`` does once for each window."""
    trips, _ = load_trips(folder)
    fit(columns(trips), minutes(trips), Recipe())


def scoring(folder: Path) -> None:
    """Write the file again with answers."""
    score_file(DEFAULT_BUNDLE, folder / FILE, folder / "scored.parquet")


def tutorial(folder: Path) -> None:
    """Read, clean and encode as most tutorials do: pandas, string pairs, one dictionary a row."""
    import pandas as pd  # noqa: PLC0415 - not our way, so not in the memory of our steps
    from sklearn.feature_extraction import DictVectorizer  # noqa: PLC0415

    frame = pd.read_parquet(folder / FILE)
    took = (frame.lpep_dropoff_datetime - frame.lpep_pickup_datetime).dt.total_seconds() / 60
    frame = frame[(took >= 1) & (took <= 60)].copy()
    frame["PU_DO"] = frame.PULocationID.astype(str) + "_" + frame.DOLocationID.astype(str)
    DictVectorizer().fit_transform(frame[["PU_DO", "trip_distance"]].to_dict(orient="records"))


STEPS: dict[str, Callable[[Path], None]] = {
    "read, clean": read_and_clean,
    "read, clean, features": read_clean_features,
    "read, clean, encode as tutorials do": tutorial,
    "read, clean, tables": tables,
    "read, clean, fit": fitting,
    "score a file": scoring,
}


def main() -> int:
    """Run every step at every size, print a line for each, and then how much faster ours is than the tutorials'.

    Return 1 if it is not as much faster as it has to be.
    """
    options = _options()
    if options.step:
        _one(options.step, options.folder)
        return 0
    found: dict[tuple[int, str], dict[str, float]] = {}
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as scratch:
            _write(Path(scratch), rows)
            for step in STEPS:
                if step == "read, clean, fit" and rows > options.fit_up_to:
                    continue
                repeats = 1 if step == "read, clean, fit" else _REPEATS
                runs = [_measured(step, Path(scratch)) for _ in range(repeats)]
                found[rows, step] = run = sorted(runs, key=lambda one: one["seconds"])[repeats // 2]
                results.print(f"{rows:>10,} rows  {step:36} {run['seconds']:8.2f} s  peak {run['megabytes']:6.0f} MB")
    too_slow = False
    for rows in options.rows:
        ours, theirs = (found[rows, step]["seconds"] for step in list(STEPS)[1:3])
        results.print(f"{rows:>10,} rows: {theirs / ours:.1f} times as fast as pandas and DictVectorizer")
        too_slow |= rows >= MANY_ROWS and theirs < LEAST_TIMES * ours
    if options.json:
        lines = [{"rows": rows, "step": step, **run} for (rows, step), run in found.items()]
        options.json.write_text(json.dumps(lines, indent=1) + "\n")
    return int(too_slow)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--fit-up-to", type=int, default=1_000_000, help="rows up to which models are fitted")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _one(step: str, folder: Path) -> None:
    """Run one step in this process and print what it took."""
    begin = time.perf_counter()
    STEPS[step](folder)
    seconds = time.perf_counter() - begin
    # Not getrusage's: on Linux that is never less than what the parent had, which wrote the file.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) * 1024 / 1e6
    print(json.dumps({"seconds": round(seconds, 3), "megabytes": round(peak)}))


def _measured(step: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.training", "--step", step, "--folder", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _write(folder: Path, rows: int) -> None:
    """Write a file of so many rows under TLC's names of today, drawn with replacement."""
    months = _months()
    drawn = np.random.default_rng(0).integers(0, months.height, rows)
    months[drawn].select(
        lpep_pickup_datetime="pickup",
        lpep_dropoff_datetime="dropoff",
        PULocationID=pl.col("pickup_zone").cast(pl.Int32),
        DOLocationID=pl.col("dropoff_zone").cast(pl.Int32),
        trip_distance="miles",
    ).write_parquet(folder / FILE, row_group_size=ROWS_A_GROUP)


def _months() -> pl.DataFrame:
    """Return all green records of TAXI_DATA_DIR, or of the synthetic city if it is not set."""
    real = os.environ.get("TAXI_DATA_DIR")
    if real:
        return _green(Path(real))
    with tempfile.TemporaryDirectory() as city:
        write_city(Path(city), month_range(Month(2023, 1), Month(2023, 6)), 50_000)
        return _green(Path(city))


def _green(folder: Path) -> pl.DataFrame:
    return pl.concat([read(file) for file in find_files(folder) if file.colour == "green"])


if __name__ == "__main__":
    sys.exit(main())
