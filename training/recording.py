"""What people look at: a finished bundle as an MLflow run, and its model card as a page."""

from pathlib import Path

import polars as pl

from taxi_api.model.bundle import CARD
from taxi_api.model.predictor import Predictor
from training.bundles import open_bundle, tested_on
from training.card_page import card_page
from training.console import notes, results
from training.errors import TrainingError
from training.evaluate import by_slice
from training.plots import draw
from training.trips import load_trips


def record_bundle(predictor: Predictor, data: Path | None) -> str:
    """Record a bundle as a run and return the run's id; slices and plots need its test months in folder ``data``."""
    from training import tracking  # noqa: PLC0415 - MLflow takes seconds to import, and a card does without

    bundle = predictor.bundle
    metrics, figures = dict(bundle.manifest["metrics"]), {}
    trips = _test_trips(predictor, data)
    if data is not None and trips is not None:
        with notes.status("measuring slices and drawing plots"):
            metrics |= {f"test, {name}": found for name, found in by_slice(predictor, trips).items()}
            figures = draw(predictor, trips, data)
    with notes.status("recording the run"):
        run = tracking.record(bundle, metrics, figures, card_page(bundle, figures))
    results.print(f"run: {run}")
    return run


def write_card(bundle: Path, out: Path, data: Path | None) -> None:
    """Write a bundle's card, as a page if ``out`` ends in .html, else in Markdown.

    The page has plots if the bundle's test months are in folder ``data``. Raises TrainingError if the bundle must not
    be used or the file cannot be written.
    """
    predictor = open_bundle(bundle)
    if out.suffix.lower() in {".html", ".htm"}:
        trips = _test_trips(predictor, data)
        figures = draw(predictor, trips, data) if data is not None and trips is not None else {}
        page = card_page(predictor.bundle, figures)
    else:
        page = (predictor.bundle.path / CARD).read_text()
    draft = out.with_name(f".{out.name}.part")
    try:
        draft.write_text(page)
        draft.replace(out)
    except OSError as problem:
        raise TrainingError(f"the card cannot be written to {out}: {problem.strerror}") from problem
    finally:
        draft.unlink(missing_ok=True)
    results.print(f"{out}: {predictor.bundle.version}")


def _test_trips(predictor: Predictor, data: Path | None) -> pl.DataFrame | None:
    if data is None:
        return None
    trips = tested_on(predictor, load_trips(data)[0])
    if trips.is_empty():
        notes.print(f"{data} has none of the bundle's test months: no slices, no plots", style="yellow")
        return None
    return trips
