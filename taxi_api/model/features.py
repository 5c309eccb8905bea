"""The only feature code of the project: columns in, float32 matrix out, the same for training and serving.

Nothing here but look-ups, comparisons, + - * / and square roots, in float64 and rounded once: IEEE 754 fixes their
results, so a trip has the same features on every machine. Everything that needs a logarithm, an exponential, a sine or
a sum over trips is worked out before and arrives as a table.
"""

import hashlib
import math
import os
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxi_api.model.calendar import DAYS_OF_YEAR, FIRST_DAY, calendar
from taxi_api.model.zones import ZONE_ROWS, positions

# Raised whenever the same name starts to mean something else; a bundle of another version is refused.
VERSION = 3

NAMES = (
    # The two zones.
    "pickup_east",  # miles east of Central Park; 0 for a zone without a place
    "pickup_north",
    "dropoff_east",
    "dropoff_north",
    "crow_miles",  # straight line between the centroids; 0 if one has no place
    "no_place",  # 1 if one of the zones has no place
    "pair_miles",  # typical distance of trips between the two zones
    "root_pair_miles",
    "pair_spread",  # how far trips between the two zones scatter around their pace
    "root_pair_trips",  # training trips between the two zones, up to 2,000
    # The distance; without one, the typical.
    "distance_known",
    "miles",  # up to 40, as are the roots of what is further
    "root_miles",
    "expected_minutes",  # pace_now * miles, up to 120
    "root_expected_minutes",
    "typical_minutes",  # pace_now * pair_miles, up to 120
    "root_typical_minutes",
    "detour",  # miles / pair_miles, up to 4
    # The time; without one, zeros for what is 0 on average and ones for factors.
    "time_known",
    "day_wave_sine",  # of the time of day, one wave a day
    "day_wave_cosine",
    "half_day_wave_sine",  # two waves a day
    "half_day_wave_cosine",
    "third_day_wave_sine",  # three waves a day
    "third_day_wave_cosine",
    "monday",
    "friday",
    "saturday",
    "sunday",
    "holiday",
    "new_era",  # since June 2020: traffic and taxis are not what they were before the pandemic
    "season_factor",  # how much slower than average the city is at this time of the year
    "city_factor",  # the same in this hour of the week of this era
    "pickup_factor",  # the same around the pickup zone, beyond the city
    "dropoff_factor",
    "pair_factor",  # the same for the two zones in this part of the day, beyond all of these
    "pace_now",  # minutes a mile: of the pair of zones, times the factors but the season's; without a time, of any time
    "miles_an_hour_now",  # 60 / pace_now
    # What the model keeps numbers of its own for.
    "pickup_zone",
    "dropoff_zone",
)
HASH = hashlib.sha256(f"{VERSION}:{','.join(NAMES)}".encode()).hexdigest()
# All but the last two are amounts; those two are names of zones.
AMOUNTS = len(NAMES) - 2

HOURS_A_WEEK = 168
ERAS = 2
_SUNDAY = 6
# Night, morning, midday, afternoon and evening, by hour; on workdays and, five further, at weekends and holidays.
DAY_PARTS = np.array([0] * 6 + [1] * 4 + [2] * 5 + [3] * 5 + [4] * 4)
WEEK_PARTS = 10
_SATURDAY = 5
# Columns that are filled in together.
_PAIR = slice(NAMES.index("distance_known"))
_DISTANCE = slice(_PAIR.stop, NAMES.index("time_known"))
_WAVES = slice(_DISTANCE.stop, NAMES.index("monday"))
_DAY = slice(_WAVES.stop, NAMES.index("city_factor"))
_PACE = slice(_DAY.stop, len(NAMES))
_FACTORS = slice(_PACE.start, NAMES.index("pace_now"))
_KNOWN, _MILES, _EXPECTED, _TYPICAL, _DETOUR = map(
    NAMES.index, ("distance_known", "miles", "expected_minutes", "typical_minutes", "detour")
)
_PACE_NOW, _MILES_AN_HOUR, _PICKUP_ZONE, _DROPOFF_ZONE = range(_FACTORS.stop, len(NAMES))
_MOST_PAIR_TRIPS = 2000
_MOST_MILES = 40.0
_MOST_MINUTES = 120.0
_MOST_DETOUR = 4.0
_SECONDS_A_DAY = 86_400
_MINUTES_A_DAY = 1440
_WAVES_A_DAY = (1, 2, 3)
# Rows worked on at a time: their columns stay in the processor's cache.
_PART = 4096
# More rows than these, as training has, are shared among threads, so many at a time.
_ROWS_A_THREAD = 65_536
_ANY_HOUR = np.datetime64("2024-01-01", "s")
# What stands for a time that is not known: no wave, no day, an era in between, an average season.
_NO_WAVES = np.zeros(7, np.float32)
_NO_DAY = np.array([0, 0, 0, 0, 0, 0.5, 1], np.float32)


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
    season_factor: NDArray[np.float16]
    """Pace relative to the average, all of the above considered, by ``calendar.Calendar.season``, shape (372,)."""


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
    "season_factor": ((DAYS_OF_YEAR,), "float16"),
}


_NEW_ERA = int(np.datetime64("2020-06-01", "D").astype(np.int64))


class _Days(NamedTuple):
    """The calendar, one entry a day."""

    values: NDArray[np.bool_]
    """Monday, Friday, Saturday, Sunday, holiday, new era: shape (days, 6)."""
    season: NDArray[np.int64]
    first_hour: NDArray[np.int64]
    """The hour of the week at which the day begins; a holiday drives like a Sunday."""
    era: NDArray[np.int64]
    """0 before June 2020, 1 since."""


@cache
def _days() -> _Days:
    days = calendar()
    era = (np.arange(len(days.weekday)) + FIRST_DAY >= _NEW_ERA).astype(np.int64)
    values = np.column_stack([days.weekday == day for day in (0, 4, 5, 6)] + [days.holiday, era == 1])
    return _Days(values, days.season, np.where(days.holiday, _SUNDAY, days.weekday) * 24, era)


@cache
def _waves() -> NDArray[np.float32]:
    """Return time_known and the waves of the day for each minute of the day, shape (1440, 7).

    Rounded to four places, on which the sines of all machines agree.
    """
    turn = 2 * np.pi * np.arange(_MINUTES_A_DAY) / _MINUTES_A_DAY
    waves = [wave(number * turn) for number in _WAVES_A_DAY for wave in (np.sin, np.cos)]
    return np.column_stack([np.ones(_MINUTES_A_DAY), *waves]).round(4).astype(np.float32)


def hour_of_week(pickup: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Return the row of the hourly tables for each pickup time (none may be NaT), shape (n,), 0 to 167."""
    seconds = pickup.astype("datetime64[s]").astype(np.int64)
    day, second = np.divmod(seconds, _SECONDS_A_DAY)
    return np.asarray(_days().first_hour[day - FIRST_DAY] + second // 3600)


def era_of(pickup: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Return the era of each pickup time (none may be NaT), shape (n,): 0 before June 2020, 1 since."""
    return _days().era[pickup.astype("datetime64[D]").astype(np.int64) - FIRST_DAY]


def week_part(hour: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the part of the week, 0 to 9, of each hour of the week."""
    return np.asarray(DAY_PARTS[hour % 24] + 5 * (hour >= _SATURDAY * 24))


_PART_OF_HOUR: list[int] = week_part(np.arange(HOURS_A_WEEK)).tolist()


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
        pairs = np.empty((ZONE_ROWS, ZONE_ROWS, _PAIR.stop), np.float32)
        pairs[..., 0:2] = place[:, None, :]
        pairs[..., 2:4] = place[None, :, :]
        pairs[..., 4] = crow_miles()
        pairs[..., 5] = np.isnan(pairs[..., 4])
        np.nan_to_num(pairs[..., :5], copy=False, nan=0.0)
        pairs[..., 6] = tables.pair_miles
        pairs[..., 7] = np.sqrt(pairs[..., 6])
        pairs[..., 8] = tables.pair_spread
        pairs[..., 9] = np.sqrt(np.minimum(tables.pair_trips, _MOST_PAIR_TRIPS))
        self._pairs = pairs.reshape(-1, _PAIR.stop)
        self._days = _days()
        season = tables.season_factor.astype(np.float32)[self._days.season]
        self._day_values = np.column_stack((self._days.values, season))
        self._waves = _waves()
        # Large tables stay as they are stored.
        self._pair_miles = tables.pair_miles.ravel()
        self._pair_pace = tables.pair_pace.ravel()
        self._any_pace = tables.any_pace.ravel()
        self._city = tables.city_factor.ravel()
        self._pickup = tables.pickup_factor.ravel()
        self._dropoff = tables.dropoff_factor.ravel()
        self._pair_factor = tables.pair_factor.ravel()

    def matrix(self, trips: Trips) -> NDArray[np.float32]:
        """Return the features of n trips, shape (n, len(NAMES))."""
        count = len(trips.miles)
        out = np.empty((count, len(NAMES)), np.float32)

        def fill(start: int, end: int) -> None:
            for first in range(start, end, _PART):
                part = slice(first, min(first + _PART, end))
                self._fill(out[part], _slice(trips, part) if count > _PART else trips)

        if count <= _ROWS_A_THREAD:
            fill(0, count)
        else:
            # Not part of a start on Lambda.
            from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

            starts = range(0, count, _ROWS_A_THREAD)
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(lambda start: fill(start, min(start + _ROWS_A_THREAD, count)), starts))
        return out

    def row(self, trip: OneTrip) -> NDArray[np.float32]:
        """Return the one row that ``matrix`` has for a single trip, to the last bit, in a fifth of the time."""
        row = np.empty(len(NAMES), np.float32)
        pickup_zone, dropoff_zone, miles = trip.pickup_zone, trip.dropoff_zone, trip.miles
        pair = pickup_zone * ZONE_ROWS + dropoff_zone
        row[_PAIR] = self._pairs[pair]
        usual = self._pair_miles.item(pair)
        if trip.pickup is None:
            row[_WAVES], row[_DAY] = _NO_WAVES, _NO_DAY
            city = pickup = dropoff = between = 1.0
            pace = self._any_pace.item(pair)
        else:
            day, second = divmod(trip.pickup, _SECONDS_A_DAY)
            day -= FIRST_DAY
            hour = self._days.first_hour.item(day) + second // 3600
            row[_WAVES], row[_DAY] = self._waves[second // 60], self._day_values[day]
            city = self._city.item(self._days.era.item(day) * HOURS_A_WEEK + hour)
            pickup = self._pickup.item(pickup_zone * HOURS_A_WEEK + hour)
            dropoff = self._dropoff.item(dropoff_zone * HOURS_A_WEEK + hour)
            between = self._pair_factor.item(_PART_OF_HOUR[hour] * (ZONE_ROWS * ZONE_ROWS) + pair)
            pace = self._pair_pace.item(pair) * city * pickup * dropoff * between
        known = not math.isnan(miles)
        if not known:
            miles = usual
        expected, typical = min(pace * miles, _MOST_MINUTES), min(pace * usual, _MOST_MINUTES)
        detour, miles = min(miles / usual, _MOST_DETOUR), min(miles, _MOST_MILES)
        row[_DISTANCE] = (
            *(known, miles, math.sqrt(miles), expected, math.sqrt(expected)),
            *(typical, math.sqrt(typical), detour),
        )
        row[_PACE] = (city, pickup, dropoff, between, pace, 60.0 / pace, pickup_zone, dropoff_zone)
        return row

    def _fill(self, out: NDArray[np.float32], trips: Trips) -> None:
        """Fill in all features of a few trips."""
        pair = trips.pickup_zone * ZONE_ROWS + trips.dropoff_zone
        out[:, _PAIR] = self._pairs[pair]
        unknown = np.isnat(trips.pickup)
        if unknown.any():
            # Any hour keeps the arithmetic whole; what it produced is then taken out again.
            pace = self._fill_time(out, np.where(unknown, _ANY_HOUR, trips.pickup), trips, pair)
            out[unknown, _WAVES], out[unknown, _DAY] = _NO_WAVES, _NO_DAY
            out[unknown, _FACTORS] = 1.0
            pace[unknown] = self._any_pace[pair[unknown]]
        else:
            pace = self._fill_time(out, trips.pickup, trips, pair)
        out[:, _PACE_NOW] = pace
        out[:, _MILES_AN_HOUR] = 60.0 / pace
        out[:, _PICKUP_ZONE] = trips.pickup_zone
        out[:, _DROPOFF_ZONE] = trips.dropoff_zone

        usual = self._pair_miles[pair].astype(np.float64)
        missing = np.isnan(trips.miles)
        miles = np.where(missing, usual, trips.miles)
        out[:, _KNOWN] = ~missing
        out[:, _DETOUR] = np.minimum(miles / usual, _MOST_DETOUR)
        for place, amount, most in (
            (_MILES, miles, _MOST_MILES),
            (_EXPECTED, pace * miles, _MOST_MINUTES),
            (_TYPICAL, pace * usual, _MOST_MINUTES),
        ):
            capped = np.minimum(amount, most)
            out[:, place] = capped
            out[:, place + 1] = np.sqrt(capped)

    def _fill_time(
        self, out: NDArray[np.float32], pickup: NDArray[np.datetime64], trips: Trips, pair: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Fill in what the time decides, for pickup times that are all known; return the pace, shape (n,)."""
        seconds = pickup.view(np.int64)
        day = seconds // _SECONDS_A_DAY
        minute = (seconds - day * _SECONDS_A_DAY) // 60
        day -= FIRST_DAY
        out[:, _WAVES] = self._waves[minute]
        out[:, _DAY] = self._day_values[day]

        hour = self._days.first_hour[day] + minute // 60
        pace = self._pair_pace[pair].astype(np.float64)
        factors = (
            (self._city, self._days.era[day] * HOURS_A_WEEK + hour),
            (self._pickup, trips.pickup_zone * HOURS_A_WEEK + hour),
            (self._dropoff, trips.dropoff_zone * HOURS_A_WEEK + hour),
            (self._pair_factor, week_part(hour) * (ZONE_ROWS * ZONE_ROWS) + pair),
        )
        for place, (table, index) in enumerate(factors, start=_FACTORS.start):
            factor = table[index]
            out[:, place] = factor
            pace *= factor
        return pace
