"""A small made-up city with a known truth, for tests and first steps without a download.

Trips go between real zones at a pace that depends on the zones and the hour alone, times a lognormal noise whose size
is known. A model trained on them can therefore be held against the truth, not only against more data.
"""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from taxi_api.model.features import Trips, crow_miles, hour_of_week
from training.months import Month

Floats = NDArray[np.float64]

# Midtown, its neighbours, two airports and a few zones of each other borough.
ZONES = np.array([41, 42, 43, 48, 68, 74, 75, 79, 90, 100, 132, 138, 142, 161, 162, 163, 181, 230, 236, 237, 244, 263])
DETOUR = 1.3
NOISE = 0.2
"""Standard deviation of the logarithm of the duration."""
_MINUTES_A_MILE = 4.0
_SLOWEST_SHARE = 0.8
"""How much slower than at night the worst hour is."""


def true_minutes(trips: Trips) -> Floats:
    """Return the median duration of trips with known distance and time."""
    hour = hour_of_week(trips.pickup) % 24
    rush = np.maximum(0.0, np.cos((hour - 17) / 24 * 2 * np.pi))
    crowded = (trips.pickup_zone % 3 == 0) * 0.2
    return np.asarray(trips.miles * _MINUTES_A_MILE * (1 + _SLOWEST_SHARE * rush + crowded))


def sample(month: Month, count: int, seed: int = 0) -> tuple[Trips, Floats]:
    """Return ``count`` trips of a month and how many minutes they took; same arguments, same trips."""
    random = np.random.default_rng([seed, *month])
    pickup, dropoff = random.choice(ZONES, count), random.choice(ZONES, count)
    line = np.maximum(crow_miles()[pickup, dropoff].astype(np.float64), 0.4)
    first = np.datetime64(f"{month}-01", "s")
    seconds = int((np.datetime64(f"{month.next()}-01", "s") - first).astype(np.int64))
    trips = Trips(
        pickup_zone=pickup.astype(np.int64),
        dropoff_zone=dropoff.astype(np.int64),
        miles=np.round(line * DETOUR * np.exp(random.normal(0, 0.1, count)), 2),
        pickup=np.sort(first + random.integers(0, seconds, count)),
    )
    return trips, true_minutes(trips) * np.exp(random.normal(0, NOISE, count))


def write_city(folder: Path, months: list[Month], trips_a_month: int, seed: int = 0) -> None:
    """Write green parquet files as of today and yellow CSV files as of 2019, one of each for each month."""
    for colour in ("green", "yellow"):
        (folder / colour).mkdir(parents=True, exist_ok=True)
    for month in months:
        green, minutes = sample(month, trips_a_month, seed)
        _columns(green, minutes, "lpep_pickup_datetime", "lpep_dropoff_datetime", "PULocationID", "DOLocationID").cast(
            {"PULocationID": pl.Int32, "DOLocationID": pl.Int32}
        ).write_parquet(folder / "green" / f"green_tripdata_{month}.parquet")
        yellow, minutes = sample(month, trips_a_month // 2, seed + 1)
        _columns(
            yellow, minutes, "pickup_datetime", "dropoff_datetime", "pickup_location_id", "dropoff_location_id"
        ).write_csv(folder / "yellow" / f"yellow_tripdata_sample_{month}.csv", datetime_format="%Y-%m-%d %H:%M:%S")


def _columns(trips: Trips, minutes: Floats, *names: str) -> pl.DataFrame:
    """Return the trips under one era's names for pickup, dropoff, pickup zone and dropoff zone."""
    pickup, dropoff, origin, destination = names
    took = np.round(minutes * 60).astype("timedelta64[s]")
    return pl.DataFrame(
        {
            pickup: trips.pickup.astype("datetime64[us]"),
            dropoff: (trips.pickup + took).astype("datetime64[us]"),
            origin: trips.pickup_zone,
            destination: trips.dropoff_zone,
            "trip_distance": trips.miles,
        }
    )
