"""Finished bundles, as the offline commands use them."""

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
    known = {
        (colour, month)
        for colour, months in predictor.bundle.manifest["data"]["months"]["train"].items()
        for month in months
    }
    given = trips.select("colour", "month").unique().iter_rows()
    return sorted(f"{colour} {month}" for colour, month in given if (colour, month) in known)
