"""A second good bundle, from a first: wider intervals, another version, and golden answers that fit."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np

from taxi_api.model.bundle import FILES, GOLDEN, GROUPS, MANIFEST, OUTPUTS, load_bundle
from taxi_api.model.interval import corrected, groups
from taxi_api.model.predictor import Predictor

_WIDER = 0.1


def make_variant(bundle: Path, folder: Path) -> Path:
    """Write the variant of a bundle into a new folder and return it."""
    shutil.copytree(bundle, folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    for group in GROUPS:
        manifest["conformal"]["corrections"][group] += _WIDER
    manifest["version"] += "-wider"
    first = Predictor(load_bundle(bundle))
    trips = first.bundle.golden.trips
    shares = np.array([manifest["conformal"]["corrections"][group] for group in GROUPS])
    answers = corrected(first.raw(first.features.matrix(trips)), groups(trips), shares)
    golden = json.loads((folder / GOLDEN).read_text())
    golden["answers"] = dict(zip(OUTPUTS, answers.T.tolist(), strict=True))
    (folder / GOLDEN).write_text(json.dumps(golden))
    manifest["files"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return folder
