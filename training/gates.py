"""What a bundle has to show before it may become the champion, or be deployed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from rich.table import Table

from taxi_api.model.bundle import BundleError
from taxi_api.model.features import Trips
from taxi_api.model.predictor import Predictor
from training.compare import BETTER, WORSE, Comparison, compare
from training.errors import TrainingError
from training.evaluate import by_slice
from training.export import PARITY_MINUTES
from training.metrics import FILTERS

_USUAL = next(iter(FILTERS))
_MANY_ROWS = 10_000


@dataclass(frozen=True)
class Limits:
    """What the gates allow."""

    coverage_apart: float = 0.03
    """How far the measured coverage may be from the nominal level."""
    slice_share: float = 0.03
    """By which share of the champion's RMSE the challenger may be worse on a slice."""
    slice_trips: int = 1000
    """Slices with fewer trips than this say too little to stop a promotion."""
    megabytes: float = 4.0
    row_microseconds: float = 40.0
    many_milliseconds: float = 150.0
    """For 10,000 rows."""


@dataclass(frozen=True)
class Gate:
    """One gate: what was measured, against what, and whether that will do."""

    name: str
    passed: bool
    measured: str
    limit: str
    may_force: bool = True
    """Whether someone may answer for a promotion although this gate failed."""


def gates(challenger: Predictor, champion: Predictor | None, trips: pl.DataFrame, limits: Limits) -> list[Gate]:
    """Try a challenger on trips that are later than what trained either; without a champion nothing is compared.

    Raises TrainingError if there are too few trips to tell.
    """
    mine = by_slice(challenger, trips)
    if _USUAL not in mine["all"]:
        raise TrainingError(f"no trips of {_USUAL} minutes to try the challenger on; give later months")
    found = [_parity(challenger), _golden(challenger), _coverage(challenger, mine, limits)]
    if champion is not None:
        found += [_better(challenger, champion, trips), _slices(mine, by_slice(champion, trips), limits)]
    return [*found, _size(challenger, limits), *_latency(challenger, limits)]


def deployment_gates(
    candidate: Predictor, deployed: Predictor | None, trips: pl.DataFrame, most_rmse: float, limits: Limits
) -> list[Gate]:
    """Try a bundle on trips that are later than what trained it or the one deployed, which it must not fall behind.

    Raises TrainingError if there are too few trips to tell.
    """
    mine = by_slice(candidate, trips)
    if _USUAL not in mine["all"]:
        raise TrainingError(f"no trips of {_USUAL} minutes to try the bundle on; give later months")
    found = [_parity(candidate), _golden(candidate), _coverage(candidate, mine, limits), _rmse(mine, most_rmse)]
    if deployed is not None and deployed.bundle.digest != candidate.bundle.digest:
        found += [_not_worse(candidate, deployed, trips), _slices(mine, by_slice(deployed, trips), limits)]
    return [*found, _size(candidate, limits), *_latency(candidate, limits)]


def table(found: list[Gate]) -> Table:
    """Return the gates as a table to print."""
    shown = Table("gate", "", "measured", "limit", title="Gates")
    for gate in found:
        shown.add_row(gate.name, "pass" if gate.passed else "FAIL", gate.measured, gate.limit)
    return shown


def _parity(challenger: Predictor) -> Gate:
    parity = challenger.bundle.manifest.get("parity", {})
    worst, trips = parity.get("largest_difference", float("inf")), parity.get("trips", 0)
    return Gate(
        "parity",
        worst < PARITY_MINUTES,
        f"{worst:.6f} minutes apart from scikit-learn, on {trips:,} trips when exported",
        f"under {PARITY_MINUTES} minutes",
        may_force=False,
    )


def _golden(challenger: Predictor) -> Gate:
    trips = len(challenger.bundle.golden.answers)
    try:
        challenger.check()
    except BundleError as problem:
        return Gate("golden", passed=False, measured=str(problem), limit=f"all {trips}", may_force=False)
    return Gate("golden", passed=True, measured=f"{trips} answers reproduced here", limit=f"all {trips}")


def _coverage(challenger: Predictor, mine: dict[str, Any], limits: Limits) -> Gate:
    level, coverage = challenger.bundle.level, mine["all"][_USUAL]["coverage"]
    return Gate(
        "coverage",
        abs(coverage - level) <= limits.coverage_apart,
        f"{coverage:.1%} of {mine['all'][_USUAL]['trips']:,.0f} trips inside the interval",
        f"{level - limits.coverage_apart:.0%} to {level + limits.coverage_apart:.0%}",
        may_force=False,
    )


def _better(challenger: Predictor, champion: Predictor, trips: pl.DataFrame) -> Gate:
    found = compare(champion, challenger, trips)
    return Gate("better than the champion", found.verdict == BETTER, _difference(found), "interval below 0")


def _not_worse(candidate: Predictor, deployed: Predictor, trips: pl.DataFrame) -> Gate:
    found = compare(deployed, candidate, trips)
    return Gate("no worse than what is deployed", found.verdict != WORSE, _difference(found), "interval reaches 0")


def _difference(found: Comparison) -> str:
    rmse = found.rmse
    return (
        f"RMSE {rmse.challenger:.3f} against {rmse.champion:.3f}, 95 % interval of the difference "
        f"{rmse.lower:+.3f} to {rmse.upper:+.3f} ({found.trips:,} trips, {found.days} days)"
    )


def _rmse(mine: dict[str, Any], most: float) -> Gate:
    rmse = mine["all"][_USUAL]["rmse"]
    return Gate("RMSE", rmse <= most, f"{rmse:.3f} minutes", f"at most {most:g} minutes")


def _slices(mine: dict[str, Any], theirs: dict[str, Any], limits: Limits) -> Gate:
    """Hold the RMSE of every slice against the champion's; the filter is that of the usual benchmark."""
    worse = {
        name: found[_USUAL]["rmse"] / theirs[name][_USUAL]["rmse"] - 1
        for name, found in mine.items()
        if _USUAL in found and found[_USUAL]["trips"] >= limits.slice_trips
    }
    if not worse:
        return Gate("slices", passed=True, measured="no slice with enough trips", limit=f"{limits.slice_trips} trips")
    name = max(worse, key=lambda slice_: worse[slice_])
    return Gate(
        "slices",
        worse[name] <= limits.slice_share,
        f"worst of {len(worse)}: {name}, RMSE {worse[name]:+.1%} against the champion",
        f"at most {limits.slice_share:+.0%}",
    )


def _size(challenger: Predictor, limits: Limits) -> Gate:
    size = sum(file.stat().st_size for file in challenger.bundle.path.iterdir()) / 1e6
    return Gate("size", size < limits.megabytes, f"{size:.2f} MB", f"under {limits.megabytes:g} MB")


def _latency(challenger: Predictor, limits: Limits) -> list[Gate]:
    """Time the networks alone: the fastest of many runs, because the others hold what else the machine did."""
    golden = challenger.bundle.golden.trips
    # Each column drawn by itself: the same trips over and over would let the processor learn the way.
    draw = np.random.default_rng(0)
    many = challenger.features.matrix(Trips(*(draw.choice(column, _MANY_ROWS) for column in golden)))
    row = _fastest(lambda: challenger.raw(many[:1]), 500) * 1e6
    all_rows = _fastest(lambda: challenger.raw(many), 7) * 1e3
    return [
        Gate(
            "latency of a row", row < limits.row_microseconds, f"{row:.0f} µs", f"under {limits.row_microseconds:g} µs"
        ),
        Gate(
            f"latency of {_MANY_ROWS:,} rows",
            all_rows < limits.many_milliseconds,
            f"{all_rows:.0f} ms",
            f"under {limits.many_milliseconds:g} ms",
        ),
    ]


def _fastest(call: Callable[[], object], runs: int) -> float:
    """Return the shortest time of a call in seconds."""
    best = float("inf")
    for _ in range(runs):
        begin = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begin)
    return best
