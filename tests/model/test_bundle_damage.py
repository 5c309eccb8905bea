"""Whatever is in the files of a bundle, signed as if it were right: it is refused in a sentence, or it answers."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from taxi_api.metrics.inputs import Inputs
from taxi_api.model.bundle import BundleError, load_bundle
from taxi_api.model.explain import explain
from taxi_api.model.features import OneTrip, Trips
from taxi_api.model.predictor import Predictor
from taxi_api.model.store import DEFAULT_BUNDLE
from tests.model.test_bundle import sign

TRIPS = Trips(
    np.array([1, 161, 132, 264]),
    np.array([2, 132, 1, 265]),
    np.array([5.0, np.nan, 0.4, 180.0]),
    np.array(["2024-09-18T08:30:00", "NaT", "2031-01-01T00:00:00", "2024-03-10T02:30:00"], "M8[s]"),
)
TRIP = OneTrip(161, 132, 17.0, int(np.datetime64("2024-09-18T08:30:00", "s").astype(np.int64)))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@contextmanager
def copied() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(shutil.copytree(DEFAULT_BUNDLE, Path(folder) / "bundle"))


def is_refused_or_answers(folder: Path) -> None:
    refusal = None
    try:
        predictor = Predictor(load_bundle(folder))
    except BundleError as problem:
        refusal = str(problem)
    if refusal is not None:
        assert "\n" not in refusal
        return
    duration, lower, upper = predictor.predict(TRIPS).minutes.T
    assert np.isfinite([duration, lower, upper]).all()
    assert (lower <= duration).all()
    assert (duration <= upper).all()
    _, contributions = explain(predictor, TRIP)
    assert np.isfinite(contributions).all()
    assert sum(Inputs(predictor.bundle.manifest["reference"]).count(TRIPS).values()) > 0


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(("manifest.json", "golden.json", "tables.npz")),
    damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)), min_size=1),
    length=st.none() | st.floats(0, 1),
)
def test_bytes(name: str, damage: list[tuple[float, bytes]], length: float | None):
    with copied() as folder:
        content = bytearray((folder / name).read_bytes())
        for place, piece in damage:
            start = int(place * len(content))
            content[start : start + len(piece)] = piece
        if length is not None:
            del content[int(length * len(content)) :]
        (folder / name).write_bytes(content)
        if name != "manifest.json":
            sign(folder)
        is_refused_or_answers(folder)


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(("manifest.json", "golden.json")), data=st.data())
def test_json(name: str, data: st.DataObject):
    with copied() as folder:
        whole = json.loads((folder / name).read_text())
        place: Any = whole
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = data.draw(st.sampled_from(keys))
            inner = place[key]
            if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
                break
            place = inner
        if data.draw(st.booleans()):
            del place[key]
        else:
            place[key] = data.draw(VALUES)
        (folder / name).write_text(json.dumps(whole))
        if name != "manifest.json":
            sign(folder)
        is_refused_or_answers(folder)
