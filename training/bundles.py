"""Finished bundles, as the offline commands use them."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from taxi_api.model.bundle import BundleError, load_bundle
from taxi_api.model.predictor import Predictor
from training.errors import TrainingError


def open_bundle(folder: Path) -> Predictor:
    """Return a predictor for the bundle in a folder; raise TrainingError if it must not be used."""
    try:
        return Predictor(load_bundle(folder))
    except BundleError as problem:
        raise TrainingError(str(problem)) from problem


def trained_on(predictor: Predictor, trips: pl.DataFrame) -> list[str]:
    """Return which colours and months of the trips the bundle learned from, such as ``green 2024-03``."""
    seen = trips.filter(_months(predictor, "train")).select("colour", "month").unique()
    return sorted(f"{colour} {month}" for colour, month in seen.iter_rows())


def later_than(predictors: Sequence[Predictor], trips: pl.DataFrame) -> pl.DataFrame:
    """Return the trips of months after the newest that any of the bundles learned from, colour by colour."""
    newest: dict[str, str] = {}
    for predictor in predictors:
        for colour, months in predictor.bundle.manifest["data"]["months"]["train"].items():
            newest[colour] = max(newest.get(colour, ""), *months)
    learned = pl.col("colour").replace_strict(newest, default="", return_dtype=pl.String)
    return trips.filter(pl.col("month") > learned)


def tested_on(predictor: Predictor, trips: pl.DataFrame) -> pl.DataFrame:
    """Return the trips of the bundle's own test months."""
    return trips.filter(_months(predictor, "test"))


def _months(predictor: Predictor, purpose: str) -> pl.Expr:
    by_colour = predictor.bundle.manifest["data"]["months"][purpose]
    return pl.any_horizontal(
        pl.lit(value=False),
        *((pl.col("colour") == colour) & pl.col("month").is_in(months) for colour, months in by_colour.items()),
    )
