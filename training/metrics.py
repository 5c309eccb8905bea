"""How good the answers are: errors and coverage on trips the model has not seen, beside the usual tutorial model."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.table import Table
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LinearRegression

Floats = NDArray[np.float64]

# The filter of the usual benchmark, and the wider one that keeps the hard trips.
FILTERS = {"1-60": (1.0, 60.0), "0-90": (0.0, 90.0)}
BASELINE = "tutorial baseline"


def metrics(answers: Floats, minutes: Floats) -> dict[str, dict[str, float]]:
    """Return the metrics of answers, shape (n, 3) or (n, 1), against true minutes, shape (n,), for each filter.

    ``rmse``, ``mae`` and ``bias`` in minutes; with intervals also ``coverage`` (share) and ``width`` (mean minutes).
    A filter that leaves no trip is left out.
    """
    result = {}
    for name, (least, most) in FILTERS.items():
        chosen = (minutes >= least) & (minutes <= most)
        if not chosen.any():
            continue
        error = answers[chosen, 0] - minutes[chosen]
        values = {
            "trips": float(np.count_nonzero(chosen)),
            "rmse": float(np.sqrt(np.mean(error**2))),
            "mae": float(np.mean(np.abs(error))),
            "bias": float(np.mean(error)),
        }
        if answers.shape[1] > 1:
            lower, upper = answers[chosen, 1], answers[chosen, 2]
            values["coverage"] = float(np.mean((minutes[chosen] >= lower) & (minutes[chosen] <= upper)))
            values["width"] = float(np.mean(upper - lower))
        result[name] = {key: round(value, 4) for key, value in values.items()}
    return result


def table(by_slice: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Table:
    """Return metrics by slice and filter as a table to print."""
    shown = Table("trips of", "filter", title="Evaluation, minutes")
    for heading in ("trips", "RMSE", "MAE", "bias", "coverage", "width"):
        shown.add_column(heading, justify="right")
    for name, by_filter in by_slice.items():
        for filtered, values in by_filter.items():
            shown.add_row(
                name,
                filtered,
                f"{values['trips']:,.0f}",
                f"{values['rmse']:.3f}",
                f"{values['mae']:.3f}",
                f"{values['bias']:+.3f}",
                f"{values['coverage']:.1%}" if "coverage" in values else "-",
                f"{values['width']:.2f}" if "width" in values else "-",
            )
    return shown


def baseline(train: pl.DataFrame, test: pl.DataFrame) -> Floats:
    """Return the answers of the model that tutorials fit, shape (n, 1): linear in distance and one-hot zone pair.

    As they do, it learns from trips of 1 to 60 minutes and takes a missing distance for 0.
    """
    least, most = FILTERS["1-60"]
    usual = train.filter(pl.col("minutes").is_between(least, most))
    vectorizer = DictVectorizer(dtype=np.float32)
    model = LinearRegression().fit(vectorizer.fit_transform(_records(usual)), usual["minutes"].to_numpy())
    return np.asarray(model.predict(vectorizer.transform(_records(test))))[:, None]


def _records(trips: pl.DataFrame) -> list[dict[str, Any]]:
    pair = pl.concat_str("pickup_zone", "dropoff_zone", separator="_")
    return trips.select(PU_DO=pair, trip_distance=pl.col("miles").fill_null(0.0)).to_dicts()
