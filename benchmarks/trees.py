"""What more trees give and cost: ``python -m benchmarks.trees --data data --out docs/benchmarks/trees``.

Models of several sizes learn from the months before the newest calibration window and forecast that window; the test
months have no say. Costs are of onnxruntime alone, one thread, a different trip each time.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from taxi_api.model.features import NAMES, FeatureBuilder
from training.console import progress
from training.fit import duration_regressor, quantile_regressors
from training.metrics import FILTERS
from training.onnx_export import to_onnx
from training.recipe import Recipe
from training.rows import Rows, training_rows
from training.split import split
from training.statistics import LEAST_MINUTES, fit_tables
from training.trips import columns, load_trips, minutes

# Trees and leaves of each; fewer trees learn in longer steps.
DURATION = ((20, 191), (40, 191), (80, 95), (80, 191), (120, 191), (160, 95), (160, 191), (240, 191))
QUANTILES = ((10, 159), (20, 63), (20, 159), (40, 63), (40, 159), (80, 159), (120, 159))
_ROWS = 10_000
_SINGLE = 3_000
_REPEATS = 5


class Data(NamedTuple):
    """What models learn from and what they forecast."""

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
    recipe = Recipe()
    data = _data(options.data, recipe)
    found: dict[str, list[dict[str, Any]]] = {"duration": [], "quantiles": []}
    with progress() as bar:
        for trees, leaves in bar.track(DURATION, description="sizes of the model of the duration"):
            step = recipe.learning_rate * recipe.trees / trees
            found["duration"].append(_duration(data, replace(recipe, trees=trees, leaves=leaves, learning_rate=step)))
        for trees, leaves in bar.track(QUANTILES, description="sizes of the models of the interval"):
            step = recipe.quantile_learning_rate * recipe.quantile_trees / trees
            size = {"quantile_trees": trees, "quantile_leaves": leaves, "quantile_learning_rate": step}
            found["quantiles"].append(_quantiles(data, replace(recipe, **size)))
    options.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    options.out.with_suffix(".md").write_text(_page(found, options.out.name))
    _picture(found).savefig(options.out.with_suffix(".png"), dpi=110)


def _data(folder: Path, recipe: Recipe) -> Data:
    trips, _ = load_trips(folder)
    window = split(trips).windows[-1]
    long_enough = window.earlier.filter(window.earlier["minutes"] >= LEAST_MINUTES)
    usual = window.later.filter(window.later["minutes"].is_between(*FILTERS["1-60"]))
    known, truth = columns(long_enough), minutes(long_enough)
    return Data(
        training_rows(known, truth, recipe),
        FeatureBuilder(fit_tables(known, truth)).matrix(columns(usual)),
        minutes(usual),
    )


def _fitted(
    data: Data, recipe: Recipe, regressors: list[HistGradientBoostingRegressor]
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """Return the forecasts, shape (n, models), and what they cost."""
    weights = data.rows.weights(recipe)
    for regressor in regressors:
        regressor.fit(data.rows.matrix, data.rows.minutes, sample_weight=weights)
    forecast = np.column_stack([regressor.predict(data.later) for regressor in regressors])
    return forecast, _cost(to_onnx(regressors, len(NAMES)), data.later)


def _duration(data: Data, recipe: Recipe) -> dict[str, Any]:
    forecast, cost = _fitted(data, recipe, [duration_regressor(recipe)])
    error = forecast[:, 0] - data.truth
    found = {"rmse": round(float(np.sqrt(np.mean(error**2))), 3), "mae": round(float(np.abs(error).mean()), 3)}
    return {"trees": recipe.trees, "leaves": recipe.leaves} | found | cost


def _quantiles(data: Data, recipe: Recipe) -> dict[str, Any]:
    """Return the mean width of intervals that hold the level on just these trips."""
    forecast, cost = _fitted(data, recipe, quantile_regressors(recipe))
    lower, upper = forecast.T
    width = np.maximum(upper - lower, 0.1)
    outside = np.maximum(lower - data.truth, data.truth - upper) / width
    share = np.quantile(outside, recipe.level)
    found = {"width": round(float(np.mean(width * (1 + 2 * share))), 3)}
    return {"trees": recipe.quantile_trees, "leaves": recipe.quantile_leaves} | found | cost


def _cost(graph: bytes, features: NDArray[np.float32]) -> dict[str, Any]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options)
    many = features[:_ROWS]
    single = [many[row : row + 1] for row in range(_SINGLE)]
    # As the service does: similar trips one after the other.
    ordered = many[np.argsort(many[:, NAMES.index("typical_minutes")])]

    def ask_for_each() -> None:
        for row in single:
            session.run(None, {"features": row})

    return {
        "one_us": round(_best(ask_for_each) / _SINGLE * 1e6, 1),
        "many_ms": round(_best(lambda: session.run(None, {"features": ordered})) * 1e3, 1),
        "megabytes": round(len(graph) / 1e6, 2),
    }


def _best(run: Callable[[], object]) -> float:
    found = []
    for _ in range(_REPEATS):
        began = time.process_time()
        run()
        found.append(time.process_time() - began)
    return min(found)


def _page(found: dict[str, list[dict[str, Any]]], name: str) -> str:
    lines = [
        "# Trees, accuracy and time",
        "",
        "Made by `python -m benchmarks.trees`; do not edit. Forecasts of the newest calibration window, 1 to 60",
        "minutes long, by models that know what came before. Costs: CPU time of onnxruntime, one thread.",
        "",
        f"![error by cost]({name}.png)",
        "",
        "## The duration",
        "| trees | leaves | RMSE | MAE | one trip, µs | 10,000 trips, ms | MB |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {row['trees']} | {row['leaves']} | {row['rmse']} | {row['mae']} | {row['one_us']} | {row['many_ms']}"
        f" | {row['megabytes']} |"
        for row in found["duration"]
    ]
    lines += [
        "",
        "## The interval",
        "Two models of each size; the mean width once nine of ten of these trips are inside.",
        "",
        "| trees | leaves | mean width | one trip, µs | 10,000 trips, ms | MB |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {row['trees']} | {row['leaves']} | {row['width']} | {row['one_us']} | {row['many_ms']}"
        f" | {row['megabytes']} |"
        for row in found["quantiles"]
    ]
    return "\n".join(lines) + "\n"


def _picture(found: dict[str, list[dict[str, Any]]]) -> Figure:
    figure = Figure(figsize=(10, 4), layout="constrained")
    places = figure.subplots(1, 2)
    for axes, part, what, label in zip(
        places, ("duration", "quantiles"), ("rmse", "width"), ("RMSE, minutes", "mean width, minutes"), strict=True
    ):
        for row in found[part]:
            axes.plot(row["one_us"], row[what], "o", color="#1f6feb")
            axes.annotate(f" {row['trees']} x {row['leaves']}", (row["one_us"], row[what]), fontsize=8)
        axes.set_xlabel("one trip, µs")
        axes.set_ylabel(label)
        axes.margins(x=0.2)
        axes.grid(alpha=0.3)
    return figure


if __name__ == "__main__":
    main()
