import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from taxi_api.model.bundle import FILES, MANIFEST, BundleError, load_bundle
from taxi_api.model.networks import Weights
from taxi_api.model.predictor import Predictor
from taxi_api.model.store import DEFAULT_BUNDLE, source_of

Edit = Callable[[dict], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the default bundle, to damage."""
    return Path(shutil.copytree(DEFAULT_BUNDLE, tmp_path / "bundle"))


def edit_json(path: Path, edit: Edit) -> None:
    value = json.loads(path.read_text())
    edit(value)
    path.write_text(json.dumps(value))


def sign(folder: Path) -> None:
    """Make the manifest agree with the files, as someone would who altered them on purpose."""
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}
    edit_json(folder / "manifest.json", lambda manifest: manifest.update(files=digests))


def refusal(folder: Path) -> str:
    with pytest.raises(BundleError) as refused:
        Predictor(load_bundle(folder))
    message = str(refused.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


def test_the_default_bundle_is_small_and_loads(folder: Path):
    assert sum(file.stat().st_size for file in folder.iterdir()) < 4_000_000
    bundle = load_bundle(folder)
    assert bundle.name == "taxi-duration"
    assert bundle.digest == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert 200 <= len(bundle.golden.answers) <= 500


@pytest.mark.parametrize("name", [MANIFEST, *FILES])
class TestEachFile:
    def test_missing(self, folder: Path, name: str):
        (folder / name).unlink()
        assert f"{name} cannot be read" in refusal(folder)

    def test_truncated(self, folder: Path, name: str):
        raw = (folder / name).read_bytes()
        (folder / name).write_bytes(raw[: len(raw) // 2])
        assert name in refusal(folder)

    def test_altered(self, folder: Path, name: str):
        raw = bytearray((folder / name).read_bytes())
        raw[len(raw) // 2] ^= 1
        (folder / name).write_bytes(raw)
        if name == "manifest.json":
            # The others are held against it; by itself it only has to be known by its digest.
            assert hashlib.sha256(raw).hexdigest() != load_bundle(DEFAULT_BUNDLE).digest
        else:
            assert f"{name} is not what manifest.json describes" in refusal(folder)

    def test_empty(self, folder: Path, name: str):
        (folder / name).write_bytes(b"")
        assert name in refusal(folder)


def test_no_folder(tmp_path: Path):
    assert "manifest.json cannot be read" in refusal(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda m: m.update(schema=1), "has schema 1 where this service reads 4"),
        (lambda m: m.pop("schema"), "has schema None"),
        (lambda m: m.update(version=3), "'version'"),
        (lambda m: m.pop("conformal"), "'conformal'"),
        (lambda m: m["features"].update(version=99, hash="0"), "is for feature version 99"),
        (lambda m: m["files"].pop("model.onnx"), "model.onnx is not what"),
        (lambda m: m["conformal"]["corrections"].pop("both"), "unusable conformal corrections"),
        (lambda m: m["conformal"]["corrections"].update(both="wide"), "unusable conformal corrections"),
        (lambda m: m["conformal"]["corrections"].update(both=float("nan")), "unusable conformal corrections"),
        (lambda m: m["conformal"]["corrections"].update(both=[0.1, 0.2]), "unusable conformal corrections"),
        (lambda m: m["conformal"].update(level=1.5), "unusable conformal corrections"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(folder: Path, edit: Edit, reason: str):
    edit_json(folder / "manifest.json", edit)
    assert reason in refusal(folder)


def test_a_manifest_that_is_a_list_is_refused(folder: Path):
    (folder / "manifest.json").write_text("[]")
    assert "not a JSON object" in refusal(folder)


def test_a_golden_answer_that_is_not_reproduced_is_refused(folder: Path):
    edit_json(folder / "golden.json", lambda golden: golden["answers"]["duration"].__setitem__(7, 3.0))
    sign(folder)
    message = refusal(folder)
    assert "golden answer 7 of golden.json is off by" in message


@pytest.mark.parametrize(
    "edit",
    [
        lambda golden: golden.pop("trips"),
        lambda golden: golden["answers"].pop("lower"),
        lambda golden: golden["trips"]["PULocationID"].pop(),
        lambda golden: golden["trips"]["pickup_datetime"].__setitem__(0, "noon"),
        lambda golden: golden["trips"]["pickup_datetime"].__setitem__(0, "1999-12-31T23:59:59"),
        lambda golden: golden["trips"]["pickup_datetime"].__setitem__(0, "2100-01-01T00:00:00"),
        lambda golden: golden["trips"]["DOLocationID"].__setitem__(0, 266),
        lambda golden: golden["trips"]["DOLocationID"].__setitem__(0, 1 << 63),
        lambda golden: golden["trips"]["PULocationID"].__setitem__(0, 0),
        lambda golden: [column.clear() for part in golden.values() for column in part.values()],
    ],
)
def test_golden_answers_that_are_not_whole_are_refused(folder: Path, edit: Edit):
    edit_json(folder / "golden.json", edit)
    sign(folder)
    assert "golden.json" in refusal(folder)


@pytest.mark.parametrize("content", [b"not a model", b""])
def test_signed_weights_that_are_none_are_refused(folder: Path, content: bytes):
    (folder / "networks.npz").write_bytes(content)
    sign(folder)
    assert "networks.npz cannot be used" in refusal(folder)


@pytest.mark.parametrize("name", Weights._fields)
@pytest.mark.parametrize(
    "change",
    [
        lambda array: array[:-1],
        lambda array: array[None],
        lambda array: array.ravel()[0],
        lambda array: array.astype(np.float64),
        lambda array: np.where(np.arange(array.size).reshape(array.shape) == 0, np.float32("nan"), array),
        lambda array: np.full_like(array, np.inf),
    ],
)
def test_weights_of_other_networks_are_refused(folder: Path, name: str, change: Callable[[np.ndarray], np.ndarray]):
    _change(folder, "networks.npz", **{name: change(getattr(load_bundle(folder).weights, name))})
    assert "networks.npz has" in refusal(folder)


def _change_tables(folder: Path, **changes: object) -> None:
    _change(folder, "tables.npz", **changes)


def _change(folder: Path, name: str, **changes: object) -> None:
    with np.load(folder / name) as stored:
        arrays = dict(stored) | changes
    np.savez(folder / name, **arrays)
    sign(folder)


def test_tables_of_another_shape_or_with_pickles_are_refused(folder: Path):
    _change_tables(folder, city_factor=np.ones(24, np.float16))
    assert "tables.npz has city_factor as float16(24,)" in refusal(folder)
    _change_tables(folder, city_factor=np.array([{}], dtype=object))
    assert "tables.npz cannot be used" in refusal(folder)


@pytest.mark.parametrize("value", [0.0, -0.0, -1.0, np.inf, -np.inf, np.nan])
def test_tables_with_a_pace_that_nothing_can_have_are_refused(folder: Path, value: float):
    with np.load(folder / "tables.npz") as stored:
        pace = stored["pair_pace"]
    pace[264, 265] = value
    _change_tables(folder, pair_pace=pace)
    assert "tables.npz has values in pair_pace that are not positive numbers" in refusal(folder)


def test_other_tables_do_not_give_the_golden_answers(folder: Path):
    with np.load(folder / "tables.npz") as stored:
        pace = stored["pair_pace"]
    _change_tables(folder, pair_pace=(pace * 1.5).astype(np.float16))
    assert "golden answer" in refusal(folder)


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("gs://bucket/bundle", "is no folder"),
        ("models:/taxi-duration", "is not models:/name@alias or models:/name/version"),
        ("models:/taxi-duration@champion", "needs MLFLOW_TRACKING_URI"),
    ],
)
def test_a_uri_that_cannot_be_followed_is_refused(uri: str, reason: str):
    with pytest.raises(BundleError, match=reason):
        source_of(uri)


@pytest.mark.parametrize(
    "edit",
    [
        lambda reference: reference.pop("hour_of_week"),
        lambda reference: reference["trip_distance"].pop("edges"),
        lambda reference: reference["trip_distance"]["edges"].reverse(),
        lambda reference: reference["trip_distance"]["edges"].__setitem__(0, "0"),
        lambda reference: reference["trip_distance"].update(edges=[[edge] for edge in range(12)]),
        lambda reference: reference["trip_distance"]["share"].pop(),
        lambda reference: reference["PULocationID"]["share"].append(0.0),
        lambda reference: reference["DOLocationID"]["share"].__setitem__(0, "many"),
        lambda reference: reference["DOLocationID"]["share"].__setitem__(0, "0.1"),
        lambda reference: reference.update(trip_distance_missing=1.5),
        lambda reference: reference.update(trip_distance_missing=None),
        lambda reference: reference.update(trip_distance_missing="0.5"),
        lambda reference: reference.update(trip_distance_missing=1 << 70),
    ],
)
def test_a_reference_that_trips_cannot_be_compared_with_is_refused(folder: Path, edit: Edit):
    edit_json(folder / "manifest.json", lambda manifest: edit(manifest["reference"]))
    with pytest.raises(BundleError, match="reference"):
        load_bundle(folder)
