"""Pictures of how good a bundle's answers are, for MLflow and the model card."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from taxi_api.model.predictor import Predictor
from taxi_api.model.zones import ZONE_ROWS
from training.importance import importance
from training.metrics import FILTERS
from training.trips import columns, minutes
from training.zones import outlines

Floats = NDArray[np.float64]

POLYGONS = "taxi_zones.zip"
# A place with fewer trips says more about chance than about the model.
_FEWEST_TRIPS = 30
_MILES = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 25])


def draw(predictor: Predictor, trips: pl.DataFrame, data: Path) -> dict[str, Figure]:
    """Return name -> figure for the answers to trips of 1 to 60 minutes; the zone map only if TLC's polygons are there.

    The polygons are looked for under ``data`` by their published name, taxi_zones.zip.
    """
    usual = trips.filter(pl.col("minutes").is_between(*FILTERS["1-60"]))
    answers, truth = predictor.predict(columns(usual)).minutes, minutes(usual)
    error = answers[:, 0] - truth
    figures = {
        "predicted_against_actual": _against(answers[:, 0], truth),
        "error_by_hour": _by_hour(usual["pickup"].dt.hour().to_numpy(), error),
        "error_by_distance": _by_distance(usual["miles"].fill_null(float("nan")).to_numpy(), error),
        "coverage": _coverage(answers, truth, predictor.bundle.level),
        "permutation_importance": _importance(importance(predictor, usual)),
    }
    polygons = next(iter(sorted(data.rglob(POLYGONS))), None)
    if polygons is not None:
        figures["error_by_zone"] = _map(outlines(polygons), usual["pickup_zone"].to_numpy(), error)
    return figures


def _axes(title: str, x: str, y: str, size: tuple[float, float] = (7, 4.5)) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.set(title=title, xlabel=x, ylabel=y)
    return figure, axes


def _against(duration: Floats, truth: Floats) -> Figure:
    figure, axes = _axes("Predicted against actual duration", "actual minutes", "predicted minutes", (6, 5.5))
    cells = axes.hexbin(truth, duration, gridsize=60, bins="log", mincnt=1, extent=(0, 60, 0, 60))
    axes.plot([0, 60], [0, 60], color="black", linewidth=1)
    figure.colorbar(cells, label="trips")
    return figure


def _by_hour(hour: NDArray[np.int64], error: Floats) -> Figure:
    figure, axes = _axes("Error by hour of pickup", "hour", "minutes")
    _bars(axes, hour, error, [f"{number}" for number in range(24)])
    return figure


def _by_distance(miles: Floats, error: Floats) -> Figure:
    figure, axes = _axes("Error by distance", "miles", "minutes")
    known = ~np.isnan(miles)
    part = np.clip(np.digitize(miles[known], _MILES) - 1, 0, len(_MILES) - 2)
    labels = [f"{least:g}-{most:g}" for least, most in pairwise(_MILES)]
    _bars(axes, part, error[known], labels)
    axes.tick_params(axis="x", labelrotation=45)
    return figure


def _bars(axes: Axes, group: NDArray[np.int64], error: Floats, labels: list[str]) -> None:
    """Draw the mean absolute error and the bias of each group."""
    count = np.maximum(np.bincount(group, minlength=len(labels)), 1)
    axes.bar(labels, np.bincount(group, np.abs(error), len(labels)) / count, label="mean absolute error")
    axes.plot(labels, np.bincount(group, error, len(labels)) / count, "o-", color="black", label="bias")
    axes.axhline(0, color="black", linewidth=0.5)
    axes.legend()


def _coverage(answers: Floats, truth: Floats, level: float) -> Figure:
    """Draw the share of trips inside the interval, in ten groups of equal size by its width."""
    figure, axes = _axes("Coverage by width of the interval", "mean width in minutes", "share of trips inside")
    width = answers[:, 2] - answers[:, 1]
    inside = (truth >= answers[:, 1]) & (truth <= answers[:, 2])
    groups = np.array_split(np.argsort(width, kind="stable"), 10)
    axes.plot([width[rows].mean() for rows in groups], [inside[rows].mean() for rows in groups], "o-", label="measured")
    axes.axhline(level, color="black", linewidth=1, linestyle="--", label="nominal")
    axes.set_ylim(0.7, 1)
    axes.legend()
    return figure


def _importance(loss: Mapping[str, float]) -> Figure:
    figure, axes = _axes("Permutation importance", "minutes of RMSE lost when the input is shuffled", "", (7, 3))
    names = sorted(loss, key=lambda name: loss[name])
    axes.barh(names, [loss[name] for name in names])
    return figure


def _map(rings: Mapping[int, list[Floats]], zone: NDArray[np.int64], error: Floats) -> Figure:
    figure, axes = _axes("Mean absolute error by pickup zone", "", "", (7, 7))
    trips = np.bincount(zone, minlength=ZONE_ROWS)
    mean = np.bincount(zone, np.abs(error), ZONE_ROWS) / np.maximum(trips, 1)
    mean = np.where(trips >= _FEWEST_TRIPS, mean, np.nan)
    shapes = [(ring, mean[number]) for number in rings for ring in rings[number]]
    colours = colormaps["viridis"].with_extremes(bad="whitesmoke")
    drawn = PolyCollection([ring for ring, _ in shapes], array=np.array([value for _, value in shapes]), cmap=colours)
    drawn.set(edgecolor="grey", linewidth=0.3)
    axes.add_collection(drawn)
    axes.autoscale()
    axes.set_aspect("equal")
    axes.set_axis_off()
    figure.colorbar(drawn, label=f"minutes; pale: fewer than {_FEWEST_TRIPS} trips", shrink=0.7)
    return figure
