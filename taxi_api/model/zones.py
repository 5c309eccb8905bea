"""The 265 TLC taxi zones and where they are, from the table in this package."""

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FIRST_ZONE = 1
LAST_ZONE = 265
# TLC's ids start at 1. Arrays by zone have an unused row 0, so that a zone id is its own index.
ZONE_ROWS = LAST_ZONE + 1

# A plane is exact to 0.1 % across the city: miles per degree at 40.75 degrees north, from the WGS 84 ellipsoid.
_MILES_PER_DEGREE_EAST = 52.48
_MILES_PER_DEGREE_NORTH = 69.00
_ORIGIN_LON = -73.95
_ORIGIN_LAT = 40.75


class Zone(NamedTuple):
    """One taxi zone; ``lon`` and ``lat`` are its centroid in degrees, or None where TLC draws no polygon."""

    id: int
    borough: str
    name: str
    service_zone: str
    lon: float | None
    lat: float | None


@cache
def zones() -> tuple[Zone, ...]:
    """Return all zones in the order of their ids."""
    lines = files("taxi_api.model").joinpath("zones.csv").read_text(encoding="utf-8").splitlines()
    return tuple(
        Zone(
            id=int(row["LocationID"]),
            borough=row["Borough"],
            name=row["Zone"],
            service_zone=row["service_zone"],
            lon=float(row["lon"]) if row["lon"] else None,
            lat=float(row["lat"]) if row["lat"] else None,
        )
        for row in csv.DictReader(lines)
    )


def positions() -> NDArray[np.float32]:
    """Return miles east and north of Central Park for each zone id, shape (266, 2); NaN where unknown."""
    miles = np.full((ZONE_ROWS, 2), np.nan)
    for zone in zones():
        if zone.lon is not None and zone.lat is not None:
            miles[zone.id] = (
                (zone.lon - _ORIGIN_LON) * _MILES_PER_DEGREE_EAST,
                (zone.lat - _ORIGIN_LAT) * _MILES_PER_DEGREE_NORTH,
            )
    return miles.astype(np.float32)
