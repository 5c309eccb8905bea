"""What larger networks give and cost: ``python -m benchmarks.sizes --data data --out docs/benchmarks/sizes``.

Networks of several sizes learn from the months before the newest calibration window and forecast that window; the test
months have no say. Costs are of the service's own arithmetic alone, one thread, a different trip each time.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from taxi_api.model.features import FeatureBuilder
from taxi_api.model.networks import Networks, Weights
from training.console import progress
from training.metrics import FILTERS
from training.networks import fit_networks
from training.recipe import Recipe
from training.rows import Rows, training_rows
from training.split import split
from training.statistics import LEAST_MINUTES, fit_tables
from training.trips import columns, load_trips, minutes
from training.weights import weights_of

# Units of each layer of each network.
SIZES = (16, 32, 64, 96)
_ROWS = 10_000
_SINGLE = 3_000
_REPEATS = 5


class Data(NamedTuple):
    """What networks learn from and what they forecast."""

    rows: Rows
    later: NDArray[np.float32]
    """Features of the trips to forecast, shape (n, len(NAMES))."""
    truth: NDArray[np.float64]


def main() -> None:
    """Measure and write a page, a picture and the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of trip records")
    parser.add_argument("--out", type=Path, required=True, help="name of the files to write, without a suffix")
    options = parser.parse_args()
    data = _data(options.data, Recipe())
    with progress() as bar:
        found = [
            _measured(data, replace(Recipe(), units=units))
            for units in bar.track(SIZES, description="sizes of networks")
        ]
    options.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    options.out.with_suffix(".md").write_text(_page(found, options.out.name))
    _picture(found).savefig(options.out.with_suffix(".png"), dpi=110)


def _data(folder: Path, recipe: Recipe) -> Data:
    trips, _ = load_trips(folder)
    window = split(trips).windows[-1]
    long_enough = window.earlier.filter(window.earlier["minutes"] >= LEAST_MINUTES)
    usual = window.later.filter(window.later["minutes"].is_between(*FILTERS["1-60"]))
    known, truth = columns(long_enough), minutes(long_enough)
    tables = fit_tables(known, truth)
    return Data(
        training_rows(known, truth, tables, recipe), FeatureBuilder(tables).matrix(columns(usual)), minutes(usual)
    )


def _measured(data: Data, recipe: Recipe) -> dict[str, Any]:
    """Return errors, the mean width of intervals that hold the level on just these trips, and costs."""
    began = time.perf_counter()
    networks = fit_networks(data.rows, recipe)
    seconds = time.perf_counter() - began
    duration, lower, upper = networks.raw(data.later).T
    error = duration - data.truth
    width = upper - lower
    outside = np.maximum(lower - data.truth, data.truth - upper) / width
    return {
        "units": recipe.units,
        "rmse": round(float(np.sqrt(np.mean(error**2))), 3),
        "mae": round(float(np.abs(error).mean()), 3),
        "width": round(float(np.mean(width * (1 + 2 * np.quantile(outside, recipe.level)))), 2),
        "fit_seconds": round(seconds),
        **_cost(weights_of(networks), data.later),
    }


def _cost(weights: Weights, features: NDArray[np.float32]) -> dict[str, Any]:
    networks, many = Networks(weights), features[:_ROWS]

    def each() -> None:
        for row in many[:_SINGLE]:
            networks.row(row)

    return {
        "one_us": round(_best(each) / _SINGLE * 1e6, 1),
        "many_ms": round(_best(lambda: networks.rows(many)) * 1e3, 1),
        "megabytes": round(sum(array.nbytes for array in weights) / 1e6, 2),
    }


def _best(run: Callable[[], object]) -> float:
    found = []
    for _ in range(_REPEATS):
        began = time.process_time()
        run()
        found.append(time.process_time() - began)
    return min(found)


def _page(found: list[dict[str, Any]], name: str) -> str:
    lines = [
        "# Size, accuracy and time",
        "",
        "Made by `python -m benchmarks.sizes`; do not edit. Forecasts of the newest calibration window, 1 to 60",
        "minutes long, by networks that know what came before. The width is that of intervals that hold nine of",
        "ten of these trips. Costs: CPU time of the networks, one thread; fitting: one thread, both networks.",
        "",
        f"![error by cost]({name}.png)",
        "",
        "| units a layer | RMSE | MAE | mean width | one trip, µs | 10,000 trips, ms | MB | fitting, s |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    names = ("units", "rmse", "mae", "width", "one_us", "many_ms", "megabytes", "fit_seconds")
    lines += ["| " + " | ".join(str(row[name]) for name in names) + " |" for row in found]
    return "\n".join(lines) + "\n"


def _picture(found: list[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, what, label in zip(
        figure.subplots(1, 2), ("rmse", "width"), ("RMSE, minutes", "mean width, minutes"), strict=True
    ):
        for row in found:
            axes.plot(row["many_ms"], row[what], "o", color="#1f6feb")
            axes.annotate(f" {row['units']}", (row["many_ms"], row[what]), fontsize=8)
        axes.set_xlabel("10,000 trips, ms")
        axes.set_ylabel(label)
        axes.margins(x=0.2)
        axes.grid(alpha=0.3)
    return figure


if __name__ == "__main__":
    main()
