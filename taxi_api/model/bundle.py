"""A model bundle on disk: one folder, no pickle, and proof that it is whole before it is used."""

import hashlib
import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxi_api.model import features
from taxi_api.model.calendar import FIRST_YEAR, LAST_YEAR
from taxi_api.model.features import Tables, Trips
from taxi_api.model.networks import Weights
from taxi_api.model.zones import FIRST_ZONE, LAST_ZONE, ZONE_ROWS

SCHEMA_VERSION = 4
MANIFEST = "manifest.json"
WEIGHTS = "networks.npz"
# The same networks for other runtimes; not used here.
MODEL = "model.onnx"
TABLES = "tables.npz"
GOLDEN = "golden.json"
CARD = "MODEL_CARD.md"
FILES = (WEIGHTS, MODEL, TABLES, GOLDEN, CARD)

# The model's three outputs, in the order of its columns.
OUTPUTS = ("duration", "lower", "upper")
# Which inputs of a trip were known; each group has interval corrections of its own, in this order.
GROUPS = ("neither", "distance", "time", "both")


# What float16 writes infinity as; everything below 0 and every NaN is above.
_INFINITE_BITS = 0x7C00


class BundleError(Exception):
    """A bundle that must not serve; the message says which file is wrong, why, and what to do."""


class Golden(NamedTuple):
    """Trips and the answers that scikit-learn gave for them when the bundle was made."""

    trips: Trips
    answers: NDArray[np.float64]
    """Minutes: duration, lower and upper bound; shape (n, 3)."""


@dataclass(frozen=True)
class Bundle:
    """The verified contents of a bundle folder."""

    path: Path
    digest: str
    """sha256 of the manifest, which holds the digests of all other files."""
    name: str
    version: str
    manifest: dict[str, Any]
    weights: Weights
    tables: Tables
    golden: Golden
    corrections: NDArray[np.float64]
    """Conformal corrections by group of GROUPS, shape (4,): how far to move both bounds outwards, as shares of the
    raw interval's width."""
    level: float
    """Nominal coverage of the interval, such as 0.9."""


def load_bundle(path: Path) -> Bundle:
    """Read a bundle and verify its schema, digests and features; raise BundleError if anything does not hold.

    The golden answers are read but not tried: that is the part of ``Predictor``.
    """
    raw = _read(path, MANIFEST)
    manifest = _json_object(path, MANIFEST, raw)
    _check_schema(path, manifest)
    contents = {name: _verified(path, name, manifest["files"]) for name in FILES}
    _check_features(path, manifest["features"])
    _check_reference(path, manifest["reference"])
    return Bundle(
        path=path,
        digest=hashlib.sha256(raw).hexdigest(),
        name=manifest["name"],
        version=manifest["version"],
        manifest=manifest,
        weights=_weights(path, contents[WEIGHTS]),
        tables=_tables(path, contents[TABLES]),
        golden=_golden(path, contents[GOLDEN]),
        corrections=_corrections(path, manifest["conformal"]),
        level=float(manifest["conformal"]["level"]),
    )


def _wrong(path: Path, name: str, why: str) -> BundleError:
    return BundleError(f"model bundle {path}: {name} {why}")


def _read(path: Path, name: str) -> bytes:
    try:
        return (path / name).read_bytes()
    except OSError as problem:
        raise _wrong(path, name, f"cannot be read ({problem.strerror}); is this the folder of a bundle?") from problem


def _json_object(path: Path, name: str, raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except ValueError as problem:
        raise _wrong(path, name, f"is not JSON ({problem})") from problem
    if not isinstance(value, dict):
        raise _wrong(path, name, "is not a JSON object")
    return value


def _check_schema(path: Path, manifest: dict[str, Any]) -> None:
    if manifest.get("schema") != SCHEMA_VERSION:
        raise _wrong(
            path,
            MANIFEST,
            f"has schema {manifest.get('schema')!r} where this service reads {SCHEMA_VERSION}; export the bundle again",
        )
    kinds = {
        "name": str,
        "version": str,
        "files": dict,
        "features": dict,
        "conformal": dict,
        "metrics": dict,
        "reference": dict,
    }
    for key, kind in kinds.items():
        if not isinstance(manifest.get(key), kind):
            raise _wrong(path, MANIFEST, f"has no usable entry {key!r}")


def _verified(path: Path, name: str, digests: dict[str, Any]) -> bytes:
    raw = _read(path, name)
    if hashlib.sha256(raw).hexdigest() != digests.get(name):
        raise _wrong(path, name, f"is not what {MANIFEST} describes (sha256 differs); fetch or export the bundle again")
    return raw


def _check_features(path: Path, described: dict[str, Any]) -> None:
    if described.get("hash") != features.HASH:
        raise _wrong(
            path,
            MANIFEST,
            f"is for feature version {described.get('version')!r}, this service computes version {features.VERSION}"
            " with other names or meanings; train again with this version of the project",
        )


def _check_reference(path: Path, reference: dict[str, Any]) -> None:
    """Raise BundleError unless trips can be compared with the training trips, see ``metrics.inputs``."""
    try:
        edges = np.array(reference["trip_distance"]["edges"])
        bins = {"trip_distance": len(edges) - 1, "hour_of_week": features.HOURS_A_WEEK}
        bins |= {"PULocationID": ZONE_ROWS, "DOLocationID": ZONE_ROWS}
        shares = [np.array(reference[name]["share"]) for name in bins]
        shares.append(np.array([reference["trip_distance_missing"]]))
    except (KeyError, TypeError, ValueError) as problem:
        raise _wrong(path, MANIFEST, f"has no usable reference ({problem!r})") from problem
    shapes = [(len(edges),), *((count,) for count in bins.values()), (1,)]
    # Not converted: text that looks like a number is none.
    numbers = all(
        found.shape == shape and found.dtype.kind in "fi" for found, shape in zip((edges, *shares), shapes, strict=True)
    )
    if not (numbers and len(edges) > 1 and (np.diff(edges) > 0).all() and all(map(_are_shares, shares))):
        raise _wrong(path, MANIFEST, "has a reference of other bins than this service counts, or no shares")


def _are_shares(found: NDArray[Any]) -> bool:
    return bool(((found >= 0) & (found <= 1)).all())


def _weights(path: Path, raw: bytes) -> Weights:
    weights = Weights(**_arrays(path, WEIGHTS, raw, Weights._fields))
    mistake = weights.mistake()
    if mistake:
        raise _wrong(path, WEIGHTS, mistake)
    return weights


def _tables(path: Path, raw: bytes) -> Tables:
    arrays = _arrays(path, TABLES, raw, Tables._fields)
    for name, (shape, dtype) in features.TABLE_SHAPES.items():
        if arrays[name].shape != shape or arrays[name].dtype != dtype:
            raise _wrong(path, TABLES, f"has {name} as {arrays[name].dtype}{arrays[name].shape}, not {dtype}{shape}")
        # As bits, because comparing float16 is slow: between the least and the greatest finite number above 0.
        if dtype == "float16" and not (arrays[name].view(np.uint16) - np.uint16(1) < _INFINITE_BITS - 1).all():
            raise _wrong(path, TABLES, f"has values in {name} that are not positive numbers")
    return Tables(**arrays)


def _arrays(path: Path, name: str, raw: bytes, fields: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    try:
        # From what was verified, not from the file, which may have been replaced since.
        with np.load(BytesIO(raw), allow_pickle=False) as stored:
            return {field: stored[field] for field in fields}
    except Exception as problem:
        # numpy, zipfile and zlib raise a dozen classes for as many kinds of damage.
        raise _wrong(path, name, f"cannot be used ({problem})") from problem


def _golden(path: Path, raw: bytes) -> Golden:
    stored = _json_object(path, GOLDEN, raw)
    try:
        trips = stored["trips"]
        golden = Golden(
            trips=Trips(
                pickup_zone=np.array(trips["PULocationID"], np.int64),
                dropoff_zone=np.array(trips["DOLocationID"], np.int64),
                miles=np.array(trips["trip_distance"], np.float64),
                pickup=np.array(trips["pickup_datetime"], "datetime64[s]"),
            ),
            answers=np.column_stack([np.array(stored["answers"][name], np.float64) for name in OUTPUTS]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as problem:
        raise _wrong(path, GOLDEN, f"does not hold trips and answers ({problem!r})") from problem
    if len(golden.answers) == 0 or any(column.shape != golden.answers[:, 0].shape for column in golden.trips):
        raise _wrong(path, GOLDEN, "has no answers, or columns of different lengths")
    if not _usable(golden.trips):
        raise _wrong(path, GOLDEN, f"has zones other than 1 to {LAST_ZONE}, or times that the calendar does not have")
    return golden


def _usable(trips: Trips) -> bool:
    """Say whether trips are in what ``Trips`` asks for: look-ups go astray with others."""
    zones = np.concatenate((trips.pickup_zone, trips.dropoff_zone))
    times = trips.pickup[~np.isnat(trips.pickup)]
    first, end = np.datetime64(f"{FIRST_YEAR}-01-01"), np.datetime64(f"{LAST_YEAR + 1}-01-01")
    return bool(((zones >= FIRST_ZONE) & (zones <= LAST_ZONE)).all() and ((times >= first) & (times < end)).all())


def _corrections(path: Path, conformal: dict[str, Any]) -> NDArray[np.float64]:
    try:
        corrections = np.array([conformal["corrections"][group] for group in GROUPS], np.float64)
        level = float(conformal["level"])
    except (KeyError, TypeError, ValueError, OverflowError) as problem:
        raise _wrong(path, MANIFEST, f"has unusable conformal corrections ({problem!r})") from problem
    if corrections.shape != (len(GROUPS),) or not np.isfinite(corrections).all() or not 0 < level < 1:
        raise _wrong(path, MANIFEST, "has unusable conformal corrections")
    return corrections
