"""The table of taxi zones that the service carries, made from the two files that TLC publishes about them.

Source: the taxi zone lookup table (``taxi_zone_lookup.csv``) and the taxi zone shapefile (``taxi_zones.zip``), both
public, under "Taxi Zone Maps and Lookup Tables" on TLC's page of trip record data. The result is committed as
``taxi_api/model/zones.csv`` and has to be made again only when TLC redraws its zones.
"""

import csv
import io
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import shapefile
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from taxi_api.model.zones import FIRST_ZONE, LAST_ZONE, Zone
from training.errors import TrainingError

_LOOKUP_COLUMNS = ("LocationID", "Borough", "Zone", "service_zone")
_COLUMNS = (*_LOOKUP_COLUMNS, "lon", "lat")
# LocationID is no key: 56 stands in it twice and 103 three times, while 57, 104 and 105 are missing. OBJECTID is
# distinct, and under it all 263 polygons have the name that the lookup gives to that id; trips use 57 as well.
_ID_FIELD = "OBJECTID"
_NAME_FIELD = "zone"
# These ids mean a place that TLC does not know; some editions of the lookup call the borough of one of them "N/A".
_NOWHERE = (264, 265)
_WGS84 = 4326
_DECIMALS = 4  # of a degree: about 10 m
_AGAIN = "fetch it again from TLC"
_DAMAGE = (zipfile.BadZipFile, zlib.error, shapefile.ShapefileException, struct.error, ProjError, ValueError)


def build_zones(lookup: Path, polygons: Path) -> list[Zone]:
    """Return all 265 zones by id: names from the lookup table, centroids in degrees (WGS 84) from the zipped shapefile.

    A zone without a polygon has None for ``lon`` and ``lat``. Raise TrainingError when a file is missing, damaged or
    incomplete, or when the two do not speak of the same zones.
    """
    zones = _read_lookup(lookup)
    for number, (name, lon, lat) in _read_polygons(polygons).items():
        # A running number need not stay the zone's id in every edition; the names prove that it is.
        if number not in zones or zones[number].name != name:
            raise TrainingError(
                f"{polygons} calls zone {number} {name!r} but {lookup} does not; use both files of one edition"
            )
        zones[number] = zones[number]._replace(lon=round(lon, _DECIMALS), lat=round(lat, _DECIMALS))
    return [zones[number] for number in sorted(zones)]


def write_zones(zones: list[Zone], out: Path) -> None:
    """Write the zones as a CSV file, whole or not at all; raise TrainingError if it cannot be written."""
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(_COLUMNS)
            table.writerows(zones)
        part.replace(out)
    except OSError as error:
        raise TrainingError(f"{out} cannot be written ({error.strerror}); choose another place") from error


def _read_lookup(path: Path) -> dict[int, Zone]:
    """Return the zones by id, still without centroids."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            missing = [column for column in _LOOKUP_COLUMNS if column not in (table.fieldnames or ())]
            if missing:
                raise TrainingError(f"{path} has no column {', '.join(missing)}; {_AGAIN}")
            zones = [_zone(row, f"{path}, line {table.line_num}") for row in table]
    except OSError as error:
        raise TrainingError(f"{path} cannot be read ({error.strerror}); {_AGAIN}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TrainingError(f"{path} is not a CSV file ({error}); {_AGAIN}") from error
    counts = Counter(zone.id for zone in zones)
    wrong = [f"{id_} {counts[id_]} times" for id_ in range(FIRST_ZONE, LAST_ZONE + 1) if counts[id_] != 1]
    if wrong:
        raise TrainingError(f"{path} should list every id once but lists {', '.join(wrong)}; {_AGAIN}")
    return {zone.id: zone for zone in zones}


def _zone(row: dict[str, Any], place: str) -> Zone:
    # DictReader files surplus fields under None and fills up with None where fields are missing.
    if None in row or None in row.values():
        raise TrainingError(f"{place} has more or fewer fields than the heading; {_AGAIN}")
    number, borough, name, service_zone = (row[column] for column in _LOOKUP_COLUMNS)
    if not (number.isdecimal() and FIRST_ZONE <= int(number) <= LAST_ZONE):
        raise TrainingError(f"{place} has the id {number!r}, not one from {FIRST_ZONE} to {LAST_ZONE}; {_AGAIN}")
    return Zone(int(number), "Unknown" if int(number) in _NOWHERE else borough, name, service_zone, None, None)


def outlines(polygons: Path) -> dict[int, list[NDArray[np.float64]]]:
    """Return the rings of each zone's polygon, each of shape (points, 2), in the units of the shapefile (feet).

    Raise TrainingError when the file is missing, damaged or incomplete.
    """
    with _shapes(polygons) as (reader, _):
        return {item.record[_ID_FIELD]: _rings(item.shape) for item in reader.iterShapeRecords() if item.shape.points}


def _read_polygons(path: Path) -> dict[int, tuple[str, float, float]]:
    """Return name, longitude and latitude of the centroid by zone id."""
    with _shapes(path) as (reader, projection):
        # The shapefile says itself how it is projected (so far New York state plane, EPSG 2263, in feet).
        to_degrees = Transformer.from_crs(CRS.from_wkt(projection), _WGS84, always_xy=True)
        names, centroids = _centroids(reader)
        return {number: (names[number], *to_degrees.transform(*xy)) for number, xy in centroids.items()}


@contextmanager
def _shapes(path: Path) -> Iterator[tuple[shapefile.Reader, str]]:
    """Lend a reader of the zipped shapefile, and its projection; damage met while reading becomes a TrainingError."""
    try:
        members = _unzip(path)
        with shapefile.Reader(shp=io.BytesIO(members[".shp"]), dbf=io.BytesIO(members[".dbf"])) as reader:
            yield reader, members[".prj"].decode()
    except OSError as error:
        raise TrainingError(f"{path} cannot be read ({error.strerror}); {_AGAIN}") from error
    except KeyError as error:
        raise TrainingError(f"{path} holds no {error.args[0]}; {_AGAIN}") from error
    except _DAMAGE as error:
        raise TrainingError(f"{path} is damaged or no zipped shapefile of polygons ({error}); {_AGAIN}") from error


def _unzip(path: Path) -> dict[str, bytes]:
    """Return the parts of the one shapefile in the archive by suffix, such as ``.shp``."""
    with zipfile.ZipFile(path) as archive:
        # macOS puts a shadow of every file into __MACOSX; it has the same suffix and is no shapefile.
        names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
        return {PurePosixPath(name).suffix.lower(): archive.read(name) for name in names}


def _centroids(reader: shapefile.Reader) -> tuple[dict[int, str], dict[int, tuple[float, float]]]:
    """Return names, and area centroids (x, y) in the units of the shapefile, by zone id."""
    fields = {field[0] for field in reader.fields}
    missing = [field for field in (_ID_FIELD, _NAME_FIELD) if field not in fields]
    if missing:
        raise KeyError(f"field {', '.join(missing)}")
    if "POLYGON" not in reader.shapeTypeName:
        raise ValueError(f"it holds shapes of type {reader.shapeTypeName}")
    names: dict[int, str] = {}
    centroids: dict[int, tuple[float, float]] = {}
    for item in reader.iterShapeRecords():
        if not item.shape.points:
            continue
        number = item.record[_ID_FIELD]
        if number in names:
            raise ValueError(f"{_ID_FIELD} {number} stands twice")
        names[number] = item.record[_NAME_FIELD]
        area, x_moment, y_moment = np.sum([_moments(ring) for ring in _rings(item.shape)], axis=0).tolist()
        if not area:
            raise ValueError(f"zone {number} has no area")
        centroids[number] = (x_moment / area, y_moment / area)
    return names, centroids


def _rings(shape: shapefile.Shape) -> list[NDArray[np.float64]]:
    """Return the rings of a shape: they lie end to end in ``points``, and ``parts`` says where each begins."""
    return np.split(np.asarray(shape.points, dtype=np.float64), shape.parts[1:])


def _moments(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return signed area, area times centroid x, and area times centroid y of a ring of shape (n, 2).

    A hole runs against the ring around it, so that a sum over rings takes holes out and weighs islands by their area.
    """
    x, y = (ring - ring[0]).T  # far from the origin, the difference of two large products loses digits
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    cross = x * next_y - next_x * y
    area = cross.sum() / 2
    x_moment = ((x + next_x) * cross).sum() / 6 + area * ring[0, 0]
    y_moment = ((y + next_y) * cross).sum() / 6 + area * ring[0, 1]
    return np.array([area, x_moment, y_moment])
