"""Write a bundle, prove that it answers as scikit-learn does, and only then put it in place."""

import hashlib
import json
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from taxi_api.model import bundle as layout
from taxi_api.model import features
from taxi_api.model.bundle import GROUPS, OUTPUTS, BundleError, load_bundle
from taxi_api.model.features import Trips
from taxi_api.model.interval import corrected, groups
from taxi_api.model.predictor import Predictor
from training.card import render_card
from training.errors import TrainingError
from training.fit import FittedModel
from training.folders import bundle_folder
from training.onnx_export import to_onnx
from training.recipe import Recipe
from training.rows import hide, select
from training.weights import weights_of

Floats = NDArray[np.float64]

NAME = "taxi-duration"
PARITY_MINUTES = 0.01
GOLDEN_TRIPS = 300
_LIBRARIES = ("numpy", "scikit-learn", "onnx", "onnxruntime")


@dataclass(frozen=True)
class Trained:
    """All that a bundle says about a model."""

    model: FittedModel
    corrections: Floats
    """Conformal corrections, shape (4,), see ``interval.corrected``."""
    recipe: Recipe
    data: dict[str, Any]
    """Months of each purpose and colour, rows, cleaning funnel, digests of the files."""
    metrics: dict[str, Any]
    """Slice -> filter -> metric, see ``metrics.metrics``."""
    reference: dict[str, Any]
    """Histograms of the training inputs, to notice drift by."""

    def answers(self, trips: Trips) -> Floats:
        """Return scikit-learn's answers in minutes, shape (n, 3): what every bundle has to reproduce."""
        return corrected(self.model.raw(trips), groups(trips), self.corrections)


def export(trained: Trained, proof: Trips, out: Path) -> tuple[Path, float]:
    """Write the bundle to folder ``out``; return the folder and the largest difference found, in minutes.

    Nothing appears at ``out`` until the finished bundle has been loaded and has answered every trip of ``proof``
    (a whole month or more) within PARITY_MINUTES of scikit-learn; an older bundle there stays until then. Raises
    TrainingError if the proof fails, if ``out`` holds something else than a bundle, or if writing fails.
    """
    with bundle_folder(out) as draft:
        manifest = _write(trained, proof, draft)
        difference = _prove(trained, proof, draft)
        manifest["parity"] = {"trips": len(proof.miles), "largest_difference": round(difference, 6)}
        (draft / layout.MANIFEST).write_text(_json(manifest))
    return out, difference


def _write(trained: Trained, proof: Trips, folder: Path) -> dict[str, Any]:
    """Write a bundle and return its manifest, which does not yet say how well it was proved."""
    golden = _golden_trips(proof, trained.recipe.seed)
    weights = weights_of(trained.model.networks)
    np.savez_compressed(folder / layout.WEIGHTS, **weights._asdict())
    (folder / layout.MODEL).write_bytes(to_onnx(weights))
    np.savez_compressed(folder / layout.TABLES, **trained.model.tables._asdict())
    (folder / layout.GOLDEN).write_text(_json(_golden(golden, trained.answers(golden))))
    manifest = _manifest(trained, _digests(folder, (layout.WEIGHTS, layout.MODEL, layout.TABLES, layout.GOLDEN)))
    (folder / layout.CARD).write_text(render_card(manifest))
    manifest["files"] |= _digests(folder, (layout.CARD,))
    (folder / layout.MANIFEST).write_text(_json(manifest))
    return manifest


def _manifest(trained: Trained, files: dict[str, str]) -> dict[str, Any]:
    months = trained.data["months"]["train"]
    newest = max(month for by_colour in months.values() for month in by_colour)
    contents = hashlib.sha256("".join(files.values()).encode()).hexdigest()
    return {
        "schema": layout.SCHEMA_VERSION,
        "name": NAME,
        # The newest training month for people, and the contents, so that one version is one model.
        "version": f"{newest}-{contents[:8]}",
        "data": trained.data,
        "recipe": trained.recipe.described(),
        "features": {"version": features.VERSION, "names": list(features.NAMES), "hash": features.HASH},
        "conformal": {
            "level": trained.recipe.level,
            "corrections": {
                group: round(float(share), 6) for group, share in zip(GROUPS, trained.corrections, strict=True)
            },
        },
        "metrics": trained.metrics,
        "reference": trained.reference,
        "libraries": {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES},
        "files": files,
    }


def _golden_trips(proof: Trips, seed: int) -> Trips:
    """Return trips that reach every branch of an answer: all groups of inputs, rare pairs and unknown zones."""
    random = np.random.default_rng(seed)
    count = min(GOLDEN_TRIPS, len(proof.miles))
    trips = select(proof, np.sort(random.choice(len(proof.miles), count, replace=False)))
    trips = hide(trips, random.random(count) < 0.25, random.random(count) < 0.25)  # noqa: PLR2004
    last = slice(count - min(count, 20), count)
    pickup, dropoff = trips.pickup_zone.copy(), trips.dropoff_zone.copy()
    # Zones drawn at random are mostly pairs without trips; 264 and 265 are TLC's "unknown".
    pickup[last] = random.integers(1, 266, len(pickup[last]))
    dropoff[last] = random.integers(1, 266, len(dropoff[last]))
    pickup[-1], dropoff[-1] = 264, 265
    return trips._replace(pickup_zone=pickup, dropoff_zone=dropoff)


def _golden(trips: Trips, answers: Floats) -> dict[str, Any]:
    return {
        "trips": {
            "PULocationID": trips.pickup_zone.tolist(),
            "DOLocationID": trips.dropoff_zone.tolist(),
            "trip_distance": [None if np.isnan(miles) else miles for miles in trips.miles.tolist()],
            "pickup_datetime": [None if np.isnat(time) else str(time) for time in trips.pickup],
        },
        "answers": {name: np.round(answers[:, column], 6).tolist() for column, name in enumerate(OUTPUTS)},
    }


def _prove(trained: Trained, proof: Trips, folder: Path) -> float:
    """Return the largest difference between the written bundle and scikit-learn; raise if it is too large."""
    try:
        predictor = Predictor(load_bundle(folder))
    except BundleError as problem:
        raise TrainingError(f"the exported bundle does not load: {problem}") from problem
    expected = trained.answers(proof)
    runtime = onnxruntime.InferenceSession(folder / layout.MODEL, providers=["CPUExecutionProvider"])
    (raw,) = runtime.run(None, {"features": predictor.features.matrix(proof)})
    found = {
        layout.WEIGHTS: predictor.predict(proof).minutes,
        layout.MODEL: corrected(raw, groups(proof), trained.corrections),
    }
    return max(_difference(name, answers, expected) for name, answers in found.items())


def _difference(name: str, answers: Floats, expected: Floats) -> float:
    apart = np.abs(answers - expected)
    worst = float(apart.max())
    if not worst < PARITY_MINUTES:
        rows = int((~(apart < PARITY_MINUTES)).any(axis=1).sum())
        raise TrainingError(
            f"parity gate: {name} differs from scikit-learn by up to {worst:.4f} minutes, by "
            f"{PARITY_MINUTES} or more on {rows} of {len(apart)} trips; nothing was exported"
        )
    return worst


def _digests(folder: Path, names: tuple[str, ...]) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=1, allow_nan=False) + "\n"
