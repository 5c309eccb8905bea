"""The command ``compare``: champion and challenger on the same trips, with the chance that it was chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.table import Table

from taxi_api.model.predictor import Predictor
from training.bundles import open_bundle, trained_on
from training.console import notes, results
from training.errors import TrainingError
from training.metrics import FILTERS
from training.months import Month
from training.trips import columns, load_trips, minutes, of_months

Floats = NDArray[np.float64]

BETTER, WORSE, UNDECIDED = "better", "worse", "undecided"
RESAMPLES = 2000
# Under this many days there is nothing to resample.
FEWEST_DAYS = 5


@dataclass(frozen=True)
class Difference:
    """One metric of both, in minutes, and the 95 % interval of challenger minus champion."""

    champion: float
    challenger: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Comparison:
    """What the same trips say about two bundles, on trips of 1 to 60 minutes."""

    trips: int
    days: int
    rmse: Difference
    mae: Difference

    @property
    def verdict(self) -> str:
        """``better`` or ``worse`` if the interval of the RMSE's difference says so, else ``undecided``."""
        if self.rmse.upper < 0:
            return BETTER
        return WORSE if self.rmse.lower > 0 else UNDECIDED


def compare_bundles(champion: Path, challenger: Path, data: Path, months: Sequence[Month]) -> Comparison:
    """Compare two bundles on months that trained neither; print and return the result.

    Raises TrainingError if a bundle must not be used, if one was trained on such a month, or if there are too few days.
    """
    both = open_bundle(champion), open_bundle(challenger)
    every, _ = load_trips(data)
    trips = of_months(every, months)
    for predictor in both:
        seen = trained_on(predictor, trips)
        if seen:
            raise TrainingError(
                f"{predictor.bundle.version} was trained on {', '.join(seen)}: that is no fair comparison; "
                "give --months later than both"
            )
    with notes.status("comparing"):
        found = compare(*both, trips)
    results.print(_table(found, *both))
    results.print(f"challenger {both[1].bundle.version} is {found.verdict} ({found.trips:,} trips, {found.days} days)")
    return found


def compare(champion: Predictor, challenger: Predictor, trips: pl.DataFrame, seed: int = 0) -> Comparison:
    """Return the paired comparison by a bootstrap of whole days.

    Trips of one day share its traffic and weather, so days are drawn, not trips: drawing trips would call differences
    certain that another month would not show (cluster bootstrap; Cameron, Gelbach and Miller, 2008).
    """
    least, most = FILTERS["1-60"]
    usual = trips.filter(pl.col("minutes").is_between(least, most))
    day = usual.select(pl.col("pickup").dt.date().rank("dense").cast(pl.Int64) - 1).to_series().to_numpy()
    days = int(day.max()) + 1 if len(day) else 0
    if days < FEWEST_DAYS:
        raise TrainingError(f"{days} days of trips are too few to compare on; give months with at least {FEWEST_DAYS}")
    known, truth = columns(usual), minutes(usual)
    errors = [predictor.predict(known).minutes[:, 0] - truth for predictor in (champion, challenger)]
    squares = [np.bincount(day, error**2).astype(np.float64) for error in errors]
    sizes = [np.bincount(day, np.abs(error)).astype(np.float64) for error in errors]
    count = np.bincount(day).astype(np.float64)
    # How often each day is drawn, shape (resamples, days).
    draws = np.random.default_rng(seed).multinomial(days, np.full(days, 1 / days), RESAMPLES).astype(np.float64)
    return Comparison(
        trips=len(truth),
        days=days,
        rmse=_difference([np.sqrt(_means(sums, count, draws)) for sums in squares]),
        mae=_difference([_means(sums, count, draws) for sums in sizes]),
    )


def _means(sums: Floats, count: Floats, draws: Floats) -> Floats:
    """Return the mean over all trips, and after it the mean in every resample."""
    return np.concatenate(([sums.sum() / count.sum()], draws @ sums / (draws @ count)))


def _difference(values: list[Floats]) -> Difference:
    champion, challenger = values
    lower, upper = np.quantile(challenger[1:] - champion[1:], (0.025, 0.975))
    return Difference(float(champion[0]), float(challenger[0]), float(lower), float(upper))


def _table(found: Comparison, champion: Predictor, challenger: Predictor) -> Table:
    shown = Table("minutes", title="Trips of 1 to 60 minutes")
    for heading in (champion.bundle.version, challenger.bundle.version, "difference", "95 % interval"):
        shown.add_column(heading, justify="right")
    for name, row in (("RMSE", found.rmse), ("MAE", found.mae)):
        shown.add_row(
            name,
            f"{row.champion:.3f}",
            f"{row.challenger:.3f}",
            f"{row.challenger - row.champion:+.3f}",
            f"{row.lower:+.3f} to {row.upper:+.3f}",
        )
    return shown
