"""The command ``evaluate``: a finished bundle on months of one's choice, seen from every side."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from taxi_api.model.predictor import Predictor
from taxi_api.model.zones import zones
from training.bundles import open_bundle, trained_on
from training.console import notes, results
from training.errors import TrainingError
from training.metrics import metrics, table
from training.months import Month
from training.rows import with_inputs_hidden
from training.trips import columns, load_trips, minutes, of_months

# A slice with fewer trips than this says more about chance than about the model.
FEWEST_TRIPS = 100
_BUSIEST_ZONES = 10
_HOURS = {"0-5 h": (0, 6), "6-9 h": (6, 10), "10-14 h": (10, 15), "15-19 h": (15, 20), "20-23 h": (20, 24)}
_MILES = {"under 1 mile": (0, 1), "1-2 miles": (1, 2), "2-5 miles": (2, 5), "5-10 miles": (5, 10), "10+": (10, 201)}


def evaluate_bundle(bundle: Path, data: Path, months: Sequence[Month], out: Path | None = None) -> dict[str, Any]:
    """Print the metrics by slice of the bundle in a folder, on months of TLC's files (all if empty), and return them.

    The metrics are also written to ``out`` as JSON, there with those of every pickup zone.
    Raises TrainingError if the bundle must not be used, or there are no such trips.
    """
    predictor = open_bundle(bundle)
    every, _ = load_trips(data)
    trips = of_months(every, months)
    seen = trained_on(predictor, trips)
    if seen:
        notes.print(f"the bundle was trained on {', '.join(seen)}: these figures flatter it", style="yellow")
    with notes.status("evaluating"):
        found = by_slice(predictor, trips)
    results.print(table(found))
    if out is not None:
        try:
            out.write_text(json.dumps(_by_pickup_zone(predictor, trips) | found, indent=1) + "\n")
        except OSError as problem:
            raise TrainingError(f"the metrics cannot be written to {out}: {problem.strerror}") from problem
    return found


def by_slice(predictor: Predictor, trips: pl.DataFrame) -> dict[str, Any]:
    """Return slice -> filter -> metric of a predictor; slices with few trips are left out, the whole is always in."""
    truth, known = minutes(trips), columns(trips)
    answers = predictor.predict(known).minutes
    found = {"all": metrics(answers, truth)}
    for what, shown in with_inputs_hidden(known).items():
        found[f"all, {what}"] = metrics(predictor.predict(shown).minutes, truth)
    for name, rows in _slices(trips).items():
        if np.count_nonzero(rows) >= FEWEST_TRIPS:
            found[name] = metrics(answers[rows], truth[rows])
    return found


def _by_pickup_zone(predictor: Predictor, trips: pl.DataFrame) -> dict[str, Any]:
    """Return slice -> filter -> metric for all pickup zones with trips enough."""
    truth, answers, zone = minutes(trips), predictor.predict(columns(trips)).minutes, trips["pickup_zone"].to_numpy()
    known, counts = np.unique(zone, return_counts=True)
    return {
        _from(number): metrics(answers[zone == number], truth[zone == number])
        for number in known[counts >= FEWEST_TRIPS].tolist()
    }


def _from(zone: int) -> str:
    return f"from {zone} {zones()[zone - 1].name}"


def _slices(trips: pl.DataFrame) -> dict[str, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Return the rows of each slice."""
    borough = np.array(["", *(zone.borough for zone in zones())])[trips["pickup_zone"].to_numpy()]
    hour, miles = trips["pickup"].dt.hour().to_numpy(), trips["miles"].fill_null(float("nan")).to_numpy()
    slices = {f"{colour} taxis": (trips["colour"] == colour).to_numpy() for colour in sorted(trips["colour"].unique())}
    slices |= {f"from {name}": borough == name for name in sorted(set(borough))}
    slices |= {name: (hour >= first) & (hour < end) for name, (first, end) in _HOURS.items()}
    slices |= {name: (miles >= least) & (miles < most) for name, (least, most) in _MILES.items()}
    slices["distance not recorded"] = np.isnan(miles)
    busiest = trips["pickup_zone"].value_counts(sort=True)["pickup_zone"][:_BUSIEST_ZONES]
    slices |= {_from(zone): (trips["pickup_zone"] == zone).to_numpy() for zone in busiest}
    return slices
