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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import numpy as np
import shapefile  # type: ignore[import-untyped]
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from taxi_api.model.zones import FIRST_ZONE, LAST_ZONE, Zone
from training.errors import TrainingError

_LOOKUP_COLUMNS = ("LocationID", "Borough", "Zone", "service_zone")
_COLUMNS = (*_LOOKUP_COLUMNS, "lon", "lat")
# These ids say that TLC does not know the place; its editions of the lookup call their borough "Unknown" or "N/A".
_NOWHERE = (264, 265)
_WGS84 = 4326
_DECIMALS = 4  # of a degree: about 10 m


def build_zones(lookup: Path, polygons: Path) -> list[Zone]:
    """Return all 265 zones by id: names from the lookup table, centroids in degrees (WGS 84) from the zipped shapefile.

    A zone without a polygon has None for ``lon`` and ``lat``. Raise TrainingError when a file is missing, damaged or
    incomplete, or when the two do not speak of the same zones.
    """
    zones = {zone.id: zone for zone in _read_lookup(lookup)}
    for number, (name, centroid) in _read_centroids(polygons).items():
        # OBJECTID is a running number that only happens to be the zone's id; the names prove that it still is.
        if number not in zones or zones[number].name != name:
            raise TrainingError(
                f"{polygons} calls polygon {number} {name!r} but {lookup} does not; use two files of the same edition"
            )
        lon, lat = centroid
        zones[number] = zones[number]._replace(lon=round(lon, _DECIMALS), lat=round(lat, _DECIMALS))
    return [zones[number] for number in sorted(zones)]


def write_zones(zones: list[Zone], out: Path) -> None:
    """Write the zones as a CSV file, whole or not at all; raise TrainingError if it cannot be written."""
    part = out.with_name(f"{out.name}.part")
    with _reading(out), part.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(_COLUMNS)
        table.writerows((*zone[:4], _degrees(zone.lon), _degrees(zone.lat)) for zone in zones)
    with _reading(out):
        part.replace(out)
