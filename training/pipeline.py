"""From a folder of trip records to a bundle: read, clean, split, fit, calibrate, evaluate, export."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from taxi_api.model.features import hour_of_week
from training.calibrate import Forecast, calibrate
from training.clean import Funnel
from training.console import notes, results
from training.export import Trained, export
from training.fingerprint import combined, fingerprint
from training.fit import FittedModel, fit
from training.metrics import BASELINE, FILTERS, baseline, metrics, table
from training.recipe import Recipe
from training.rows import with_inputs_hidden
from training.split import Split, split
from training.trips import columns, load_trips, minutes

# Marks the metrics of the calibration months, forecast by models that knew only what came before.
FORECAST = "forecast"


def train(data: Path, out: Path, recipe: Recipe) -> Trained:
    """Train on the records in folder ``data`` and write the bundle to ``out``; print funnel, metrics and parity.

    Raises TrainingError, and leaves ``out`` as it was, if there is nothing to learn from or the export fails.
    """
    files = fingerprint(data)
    trips, funnel = load_trips(data)
    results.print(funnel.table())
    parts = split(trips)
    months = parts.months()
    for purpose, by_colour in months.items():
        for colour, names in by_colour.items():
            results.print(f"{purpose:9} {colour:6} {names[0]} to {names[-1]}, {len(names)} months")

    past = [fit(columns(window.earlier), minutes(window.earlier), recipe) for window in parts.windows]
    with notes.status("calibrating the interval on forecasts of the past"):
        corrections = calibrate(
            [_forecast(model, window.later) for model, window in zip(past, parts.windows, strict=True)], recipe.level
        )
        forecasts = _forecast_metrics(past, parts)
    trained = Trained(
        model=fit(columns(parts.train), minutes(parts.train), recipe),
        corrections=corrections,
        recipe=recipe,
        data={
            "months": months,
            "trips": _counts(parts),
            "funnel": _counts_of(funnel),
            "files": files,
            "sha256": combined(files),
        },
        metrics=forecasts,
        reference=_reference(parts.train),
    )
    with notes.status("evaluating, beside the tutorial baseline"):
        trained.metrics.update(_evaluate(trained, parts))
    results.print(table(trained.metrics))

    proof = columns(pl.concat((parts.calibrate, parts.test)))
    with notes.status("exporting, and proving the export trip by trip"):
        folder, difference = export(trained, proof, out)
    size = sum(file.stat().st_size for file in folder.iterdir())
    results.print(
        f"parity: {len(proof.miles):,} trips, largest difference {difference:.6f} minutes\n"
        f"bundle: {folder}, {size / 1e6:.2f} MB"
    )
    return trained


def _forecast(model: FittedModel, later: pl.DataFrame) -> Forecast:
    usual = later.filter(pl.col("minutes").is_between(*FILTERS["1-60"]))
    return Forecast(model, columns(usual), minutes(usual))


def _forecast_metrics(past: list[FittedModel], parts: Split) -> dict[str, Any]:
    """Return the errors of the past's models, by colour over all windows: what choices between recipes are made on.

    Their coverage would say nothing, because the corrections come from these trips.
    """
    later = parts.calibrate
    answers = np.concatenate(
        [model.raw(columns(window.later))[:, :1] for model, window in zip(past, parts.windows, strict=True)]
    )
    found = {}
    for colour in sorted(later["colour"].unique()):
        own = (later["colour"] == colour).to_numpy()
        months = sorted(later.filter(own)["month"].unique())
        found[f"{colour} {' '.join(months)}, {FORECAST}"] = metrics(answers[own], minutes(later)[own])
    return found


def _evaluate(trained: Trained, parts: Split) -> dict[str, Any]:
    """Return metrics by colour and by known inputs on the test months, with the tutorial baseline beside them."""
    found = {}
    for colour, test in sorted(parts.test.partition_by("colour", as_dict=True).items()):
        name = f"{colour[0]} {' '.join(sorted(test['month'].unique()))}"
        trips, truth = columns(test), minutes(test)
        found[name] = metrics(trained.answers(trips), truth)
        for what, shown in with_inputs_hidden(trips).items():
            found[f"{name}, {what}"] = metrics(trained.answers(shown), truth)
        found[f"{name}, {BASELINE}"] = metrics(baseline(parts.train, test), truth)
    return found


def _counts(parts: Split) -> dict[str, dict[str, int]]:
    return {
        purpose: dict(sorted(part.group_by("colour").len().iter_rows()))
        for purpose, part in (("train", parts.train), ("calibrate", parts.calibrate), ("test", parts.test))
    }


def _counts_of(funnel: Funnel) -> dict[str, Any]:
    return {"read": funnel.read, "kept": funnel.kept, "dropped": funnel.dropped, "changed": funnel.changed}


def _reference(train: pl.DataFrame) -> dict[str, Any]:
    """Return how the training inputs are distributed: shares by bin, each summing to 1."""
    trips = columns(train)
    edges = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 200.0]
    known = trips.miles[~np.isnan(trips.miles)]
    hours = hour_of_week(trips.pickup)
    return {
        "trip_distance": {"edges": edges, "share": _share(np.histogram(known, edges)[0])},
        "trip_distance_missing": round(1 - len(known) / len(trips.miles), 5),
        "hour_of_week": {"share": _share(np.bincount(hours, minlength=168))},
        "PULocationID": {"share": _share(np.bincount(trips.pickup_zone, minlength=266))},
        "DOLocationID": {"share": _share(np.bincount(trips.dropoff_zone, minlength=266))},
    }


def _share(counts: NDArray[np.int64]) -> list[float]:
    return [round(float(count), 5) for count in counts / max(counts.sum(), 1)]
