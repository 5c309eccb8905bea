"""The only feature code of the project: columns in, float32 matrix out, the same for training and serving.

Nothing here but look-ups, comparisons, + - * / and square roots: IEEE 754 fixes their results, so a trip has the same
features on every machine. Everything that needs a logarithm, an exponential or a sum over trips is worked out in
training and arrives as a table.
"""

import hashlib
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxi_api.model.calendar import FIRST_DAY, calendar
from taxi_api.model.zones import ZONE_ROWS, positions

# Raised whenever the same name starts to mean something else; a bundle of another version is refused.
VERSION = 2

NAMES = (
    "pickup_east",  # miles east of Central Park
    "pickup_north",
    "dropoff_east",
    "dropoff_north",
    "east",  # miles from pickup to dropoff zone
    "north",
    "crow_miles",  # straight line between the centroids
    "pair_miles",  # typical distance of trips between the two zones
    "pair_pace",  # minutes a mile between the two zones at an average hour
    "pair_spread",  # how far trips between the two zones scatter around that pace
    "pair_trips",  # training trips between the two zones, up to 2,000
    "miles",  # as given, NaN if not
    "minute",  # of the day, 0 to 1439
    "weekday",  # 0 for Monday
    "holiday",
    "season",  # 31 * (month - 1) + day - 1
    "new_era",  # since June 2020: traffic and taxis are not what they were before the pandemic
    "city_factor",  # how much slower than average the city is in this hour of the week of this era
    "pickup_factor",  # the same around the pickup zone, beyond the city
    "dropoff_factor",
    "pair_factor",  # the same for the two zones in this part of the day, beyond all of these
    "pace_now",  # pair_pace * the four factors; without a time, what trips between the two zones take at any time
    "typical_minutes",  # pace_now * pair_miles
    "expected_minutes",  # pace_now * miles
    "detour",  # miles / pair_miles
)
HASH = hashlib.sha256(f"{VERSION}:{','.join(NAMES)}".encode()).hexdigest()

HOURS_A_WEEK = 168
ERAS = 2
_SUNDAY = 6
# Night, morning, midday, afternoon and evening, by hour; on workdays and, five further, at weekends and holidays.
DAY_PARTS = np.array([0] * 6 + [1] * 4 + [2] * 5 + [3] * 5 + [4] * 4)
WEEK_PARTS = 10
_SATURDAY = 5
_PAIR = slice(0, 11)
_PAIR_MILES = NAMES.index("pair_miles")
_PAIR_PACE = NAMES.index("pair_pace")
_MILES = NAMES.index("miles")
_PAIR_SPREAD = NAMES.index("pair_spread")
_PAIR_TRIPS = NAMES.index("pair_trips")
_MINUTE = NAMES.index("minute")
_CITY_FACTOR = NAMES.index("city_factor")
_PACE_NOW = NAMES.index("pace_now")
_MOST_PAIR_TRIPS = 2000
_SECONDS_A_DAY = 86_400
# Rows worked on at a time: their columns stay in the processor's cache.
_PART = 16_384
_ANY_HOUR = np.datetime64("2024-01-01", "s")


class Trips(NamedTuple):
    """Columns of n trips; the one input of features and predictions."""

    pickup_zone: NDArray[np.int64]
    """TLC zone ids, 1 to 265, shape (n,)."""
    dropoff_zone: NDArray[np.int64]
    miles: NDArray[np.float64]
    """Distance driven, NaN where it is not known."""
    pickup: NDArray[np.datetime64]
    """New York wall-clock time as datetime64[s], years 2000 to 2099; NaT where it is not known."""


class OneTrip(NamedTuple):
    """A single trip, as plain numbers: arrays of one element cost ten times as much."""

    pickup_zone: int
    """TLC zone id, 1 to 265."""
    dropoff_zone: int
    miles: float
    """Distance driven, NaN where it is not known."""
    pickup: int | None
    """New York wall-clock time in seconds since 1970 on the same clock, years 2000 to 2099; None if it is not known."""


class Tables(NamedTuple):
    """What training learned about zones, pairs of zones and hours; stored in the bundle as ``tables.npz``."""

    pair_miles: NDArray[np.float16]
    """Typical distance in miles, shape (266, 266): pickup zone, dropoff zone. Positive everywhere."""
    pair_pace: NDArray[np.float16]
    """Minutes a mile at an average hour, shape (266, 266). Positive everywhere."""
    any_pace: NDArray[np.float16]
    """Minutes a mile between the two zones at the hours at which taxis drive there, shape (266, 266). Positive."""
    pair_spread: NDArray[np.float16]
    """Mean absolute error of the logarithm of that pace, all factors considered, shape (266, 266)."""
    pair_trips: NDArray[np.uint32]
    """Training trips between just these two zones, shape (266, 266)."""
    nearby_trips: NDArray[np.uint32]
    """Training trips between zones near these two, themselves included, shape (266, 266)."""
    city_factor: NDArray[np.float16]
    """Pace relative to the average, by era and hour of the week, shape (2, 168): before and since June 2020, Monday
    0 h first."""
    pickup_factor: NDArray[np.float16]
    """The rest of it that belongs to the pickup zone, shape (266, 168)."""
    dropoff_factor: NDArray[np.float16]
    pair_factor: NDArray[np.float16]
    """The rest of it that belongs to the pair of zones, by part of the week, shape (10, 266, 266)."""


TABLE_SHAPES: dict[str, tuple[tuple[int, ...], str]] = {
    "pair_miles": ((ZONE_ROWS, ZONE_ROWS), "float16"),
    "pair_pace": ((ZONE_ROWS, ZONE_ROWS), "float16"),
    "any_pace": ((ZONE_ROWS, ZONE_ROWS), "float16"),
    "pair_spread": ((ZONE_ROWS, ZONE_ROWS), "float16"),
    "pair_trips": ((ZONE_ROWS, ZONE_ROWS), "uint32"),
    "nearby_trips": ((ZONE_ROWS, ZONE_ROWS), "uint32"),
    "city_factor": ((ERAS, HOURS_A_WEEK), "float16"),
    "pickup_factor": ((ZONE_ROWS, HOURS_A_WEEK), "float16"),
    "dropoff_factor": ((ZONE_ROWS, HOURS_A_WEEK), "float16"),
    "pair_factor": ((WEEK_PARTS, ZONE_ROWS, ZONE_ROWS), "float16"),
}


_NEW_ERA = int(np.datetime64("2020-06-01", "D").astype(np.int64))


class _Days(NamedTuple):
    """The calendar as feature values, one row a day."""

    values: NDArray[np.float32]
    """weekday, holiday, season, new era."""
    first_hour: NDArray[np.int64]
    """The hour of the week at which the day begins; a holiday drives like a Sunday."""
    era: NDArray[np.int64]
    """0 before June 2020, 1 since."""


@cache
def _days() -> _Days:
    days = calendar()
    era = (np.arange(len(days.weekday)) + FIRST_DAY >= _NEW_ERA).astype(np.int64)
    values = np.column_stack((days.weekday, days.holiday, days.season, era)).astype(np.float32)
    return _Days(values, np.where(days.holiday, _SUNDAY, days.weekday) * 24, era)


def hour_of_week(pickup: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Return the row of the hourly tables for each pickup time (none may be NaT), shape (n,), 0 to 167."""
    seconds = pickup.astype("datetime64[s]").astype(np.int64)
    day, second = np.divmod(seconds, _SECONDS_A_DAY)
    return np.asarray(_days().first_hour[day - FIRST_DAY] + second // 3600)


def hour_of_second(second: int) -> int:
    """Return what ``hour_of_week`` does for a single pickup time, in seconds since 1970."""
    day, second = divmod(second, _SECONDS_A_DAY)
    return int(_days().first_hour[day - FIRST_DAY]) + second // 3600


def era_of(pickup: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Return the era of each pickup time (none may be NaT), shape (n,): 0 before June 2020, 1 since."""
    return _days().era[pickup.astype("datetime64[D]").astype(np.int64) - FIRST_DAY]


def week_part(hour: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the part of the week, 0 to 9, of each hour of the week."""
    return np.asarray(DAY_PARTS[hour % 24] + 5 * (hour >= _SATURDAY * 24))


_PART_OF_HOUR: list[int] = week_part(np.arange(HOURS_A_WEEK)).tolist()


def part_of_week(second: int) -> int:
    """Return the part of the week, 0 to 9, of a single pickup time, in seconds since 1970."""
    return _PART_OF_HOUR[hour_of_second(second)]


def crow_miles() -> NDArray[np.float32]:
    """Return the straight-line distance between all zones, shape (266, 266), NaN where a zone has no place."""
    place = positions()
    apart = place[:, None, :] - place[None, :, :]
    return np.asarray(np.sqrt((apart * apart).sum(axis=2, dtype=np.float32)))


def _slice(trips: Trips, part: slice) -> Trips:
    return Trips(trips.pickup_zone[part], trips.dropoff_zone[part], trips.miles[part], trips.pickup[part])


class FeatureBuilder:
    """Turns trips into the model's input, by look-up in the tables of one bundle."""

    def __init__(self, tables: Tables) -> None:
        place = positions()
        shape = (ZONE_ROWS, ZONE_ROWS)
        pairs = np.empty((*shape, _PAIR.stop), np.float32)
        pairs[..., 0:2] = place[:, None, :]
        pairs[..., 2:4] = place[None, :, :]
        pairs[..., 4:6] = pairs[..., 2:4] - pairs[..., 0:2]
        pairs[..., 6] = crow_miles()
        pairs[..., _PAIR_MILES] = tables.pair_miles
        pairs[..., _PAIR_PACE] = tables.pair_pace
        pairs[..., _PAIR_SPREAD] = tables.pair_spread
        pairs[..., _PAIR_TRIPS] = np.minimum(tables.pair_trips, _MOST_PAIR_TRIPS)
        self._pairs = pairs.reshape(-1, _PAIR.stop)
        self._days = _days()
        self._any_pace = tables.any_pace.astype(np.float32).ravel()
        self._city = tables.city_factor.astype(np.float32)
        self._pickup = tables.pickup_factor.astype(np.float32).ravel()
        self._dropoff = tables.dropoff_factor.astype(np.float32).ravel()
        # The largest table stays as it is stored.
        self._pair_factor = tables.pair_factor.ravel()

    def matrix(self, trips: Trips) -> NDArray[np.float32]:
        """Return the features of n trips, shape (n, len(NAMES)), NaN where an input is not known."""
        count = len(trips.miles)
        out = np.empty((count, len(NAMES)), np.float32)
        for first in range(0, count, _PART):
            part = slice(first, first + _PART)
            self._fill(out[part], _slice(trips, part) if count > _PART else trips)
        return out

    def row(self, trip: OneTrip) -> NDArray[np.float32]:
        """Return what ``matrix`` does for a single trip, to the last bit, in a fifth of the time."""
        out = np.empty((1, len(NAMES)), np.float32)
        row = out[0]
        pair = trip.pickup_zone * ZONE_ROWS + trip.dropoff_zone
        row[_PAIR] = self._pairs[pair]
        miles = row[_MILES] = np.float32(trip.miles)
        if trip.pickup is None:
            row[_MINUTE:_PACE_NOW] = np.nan
            pace = self._any_pace[pair]
        else:
            day, second = divmod(trip.pickup, _SECONDS_A_DAY)
            day -= FIRST_DAY
            hour = int(self._days.first_hour[day]) + second // 3600
            city = self._city[self._days.era[day], hour]
            pickup = self._pickup[trip.pickup_zone * HOURS_A_WEEK + hour]
            dropoff = self._dropoff[trip.dropoff_zone * HOURS_A_WEEK + hour]
            between = np.float32(self._pair_factor[_PART_OF_HOUR[hour] * (ZONE_ROWS * ZONE_ROWS) + pair])
            row[_MINUTE] = second // 60
            row[_MINUTE + 1 : _CITY_FACTOR] = self._days.values[day]
            row[_CITY_FACTOR] = city
            row[_CITY_FACTOR + 1] = pickup
            row[_CITY_FACTOR + 2] = dropoff
            row[_CITY_FACTOR + 3] = between
            pace = row[_PAIR_PACE] * (city * pickup * dropoff * between)
        usual = row[_PAIR_MILES]
        row[_PACE_NOW] = pace
        row[_PACE_NOW + 1] = pace * usual
        row[_PACE_NOW + 2] = pace * miles
        row[_PACE_NOW + 3] = miles / usual
        return out

    def _fill(self, out: NDArray[np.float32], trips: Trips) -> None:
        """Fill in all features of a few trips."""
        pair = trips.pickup_zone * ZONE_ROWS + trips.dropoff_zone
        out[:, _PAIR] = self._pairs[pair]
        out[:, _MILES] = trips.miles

        unknown = np.isnat(trips.pickup)
        if unknown.any():
            # Any hour keeps the arithmetic whole; what it produced is then taken out again.
            self._fill_time(out, trips._replace(pickup=np.where(unknown, _ANY_HOUR, trips.pickup)), pair)
            out[unknown, _MINUTE:_PACE_NOW] = np.nan
            out[unknown, _PACE_NOW] = self._any_pace[pair[unknown]]
        else:
            self._fill_time(out, trips, pair)

        pace, usual = out[:, _PACE_NOW], out[:, _PAIR_MILES]
        out[:, _PACE_NOW + 1] = pace * usual
        out[:, _PACE_NOW + 2] = pace * out[:, _MILES]
        out[:, _PACE_NOW + 3] = out[:, _MILES] / usual

    def _fill_time(self, out: NDArray[np.float32], trips: Trips, pair: NDArray[np.int64]) -> None:
        """Fill in the features from the minute to the pace of now, for trips whose pickup times are all known."""
        seconds = trips.pickup.view(np.int64)
        day = seconds // _SECONDS_A_DAY
        minute = (seconds - day * _SECONDS_A_DAY) // 60
        day -= FIRST_DAY
        out[:, _MINUTE] = minute
        out[:, _MINUTE + 1 : _CITY_FACTOR] = self._days.values[day]

        hour = self._days.first_hour[day] + minute // 60
        city = self._city[self._days.era[day], hour]
        pickup = self._pickup[trips.pickup_zone * HOURS_A_WEEK + hour]
        dropoff = self._dropoff[trips.dropoff_zone * HOURS_A_WEEK + hour]
        between = self._pair_factor[week_part(hour) * (ZONE_ROWS * ZONE_ROWS) + pair].astype(np.float32)
        out[:, _CITY_FACTOR] = city
        out[:, _CITY_FACTOR + 1] = pickup
        out[:, _CITY_FACTOR + 2] = dropoff
        out[:, _CITY_FACTOR + 3] = between
        out[:, _PACE_NOW] = out[:, _PAIR_PACE] * (city * pickup * dropoff * between)
