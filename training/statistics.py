"""What past trips say about zones, pairs of zones and hours: the tables that the features look up.

Pace (minutes a mile) is averaged as a logarithm, so that half and double weigh alike. A pair of zones with few trips
leans on the pairs around it, and those on the pairs further out: kernel-weighted means, each shrunk towards the next
by a number of trips (an empirical-Bayes estimate with fixed prior strength; see Efron and Morris, 1977).
"""

import numpy as np
from numpy.typing import NDArray

from taxi_api.model.calendar import DAYS_OF_YEAR, FIRST_DAY, calendar
from taxi_api.model.features import (
    ERAS,
    HOURS_A_WEEK,
    WEEK_PARTS,
    Tables,
    Trips,
    crow_miles,
    era_of,
    hour_of_week,
    week_part,
)
from taxi_api.model.zones import ZONE_ROWS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# How far a pair of zones looks around itself, in miles, and how many trips outweigh what is further out.
NEAR_MILES, WIDE_MILES, FACTOR_MILES = 0.7, 2.0, 1.0
NEAR_TRIPS, WIDE_TRIPS, CITY_TRIPS = 10.0, 5.0, 5.0
ZONE_HOUR_TRIPS, CITY_HOUR_TRIPS, PAIR_PART_TRIPS = 30.0, 50.0, 20.0
# How far a day of the year looks around itself, how many trips make a day's mean count for half, and how many days, of
# one year or another, an average season outweighs.
SEASON_DAYS, SEASON_TRIPS, USUAL_SEASON_DAYS = 8.0, 500.0, 4.0
# Zones count as nearby, for the number of trips an answer rests on, up to this distance between centroids.
NEARBY_MILES = 1.5
# Only a believable pace teaches anything: 1 to 70 miles an hour over at least a tenth of a mile.
SLOWEST_MPH, FASTEST_MPH, SHORTEST_MILES = 1.0, 70.0, 0.1
# Driven distance is compared with the straight line, but not below this: centroids of one zone coincide.
SHORTEST_CROW_MILES = 0.3
# Faster and slower than this is noise, whatever the sums say; it also keeps float16 in range.
LEAST_MINUTES = 0.5

_PAIRS = ZONE_ROWS * ZONE_ROWS


def fit_tables(trips: Trips, minutes: Floats) -> Tables:
    """Learn the tables from trips of known duration (minutes, shape (n,)) with known pickup times."""
    pair = trips.pickup_zone * ZONE_ROWS + trips.dropoff_zone
    hour = hour_of_week(trips.pickup)
    counted = minutes >= LEAST_MINUTES
    trips_of_pair = np.bincount(pair[counted], minlength=_PAIRS).reshape(ZONE_ROWS, ZONE_ROWS)

    mph = trips.miles / (np.maximum(minutes, LEAST_MINUTES) / 60)
    # A missing distance is NaN, and so is its pace: neither comparison holds.
    usable = counted & (trips.miles >= SHORTEST_MILES) & (mph >= SLOWEST_MPH) & (mph <= FASTEST_MPH)
    pair, hour, era = pair[usable], hour[usable], era_of(trips.pickup[usable])
    pickup, dropoff = trips.pickup_zone[usable], trips.dropoff_zone[usable]
    log_miles = np.log(trips.miles[usable])
    log_pace = np.log(minutes[usable]) - log_miles

    # Pace = city average x hour of the week in this era x pair x what the hour does around each end x what the part of
    # the week does between the two.
    log_city = _city_hours(era, hour, log_pace)
    rest = log_pace - log_city[era, hour]
    log_pair_pace = _pair_means(pair, rest)
    rest -= log_pair_pace.ravel()[pair]

    log_pickup, log_dropoff = _zone_hours(pickup, hour, rest), _zone_hours(dropoff, hour, rest)
    rest -= log_pickup[pickup, hour] + log_dropoff[dropoff, hour]
    part = week_part(hour)
    log_pair_parts = np.stack([_pair_rests(pair[part == number], rest[part == number]) for number in range(WEEK_PARTS)])
    rest -= log_pair_parts.reshape(WEEK_PARTS, _PAIRS)[part, pair]
    log_season = _seasons(trips.pickup[usable], era, rest)

    line = _straight_line()
    log_detour = _pair_means(pair, log_miles - np.log(line.ravel()[pair]))
    return Tables(
        pair_miles=_half(np.exp(log_detour) * line),
        pair_pace=_half(np.exp(log_pair_pace)),
        any_pace=_half(np.exp(_pair_means(pair, log_pace))),
        pair_spread=_half(_pair_means(pair, np.abs(rest))),
        pair_trips=trips_of_pair.astype(np.uint32),
        nearby_trips=_nearby(trips_of_pair).astype(np.uint32),
        city_factor=_half(np.exp(log_city)),
        pickup_factor=_half(np.exp(log_pickup)),
        dropoff_factor=_half(np.exp(log_dropoff)),
        pair_factor=_half(np.exp(log_pair_parts)),
        season_factor=_half(np.exp(log_season)),
    )


def _counts(keys: Ints, size: int) -> Floats:
    return np.bincount(keys, minlength=size).astype(np.float64)


def _sums(keys: Ints, values: Floats, size: int) -> Floats:
    return np.asarray(np.bincount(keys, values, minlength=size), np.float64)


def _half(values: Floats) -> NDArray[np.float16]:
    return values.astype(np.float16)


def _straight_line() -> Floats:
    """Return miles between centroids, shape (266, 266), never below a floor; the city's mean where unknown."""
    line = crow_miles().astype(np.float64)
    return np.maximum(np.where(np.isnan(line), np.nanmean(line), line), SHORTEST_CROW_MILES)


def _kernel(miles: float) -> Floats:
    """Return how much each zone says about each other, shape (266, 266): 1 for itself, less with distance."""
    weight = np.nan_to_num(np.exp(-crow_miles().astype(np.float64) / miles))
    np.fill_diagonal(weight, 1.0)
    weight[weight < 1e-3] = 0.0  # noqa: PLR2004 - far zones say nothing, and zeros keep the sums exact
    return weight


def _pair_means(pair: Ints, values: Floats) -> Floats:
    """Return the mean of a value for every pair of zones, shape (266, 266), shrunk towards its surroundings."""
    shape = (ZONE_ROWS, ZONE_ROWS)
    count = _counts(pair, _PAIRS).reshape(shape)
    total = _sums(pair, values, _PAIRS).reshape(shape)
    mean = np.full(shape, values.mean())
    for kernel, strength in (
        (_kernel(WIDE_MILES), CITY_TRIPS),
        (_kernel(NEAR_MILES), WIDE_TRIPS),
        (np.eye(ZONE_ROWS), NEAR_TRIPS),
    ):
        mean = (kernel @ total @ kernel + strength * mean) / (kernel @ count @ kernel + strength)
    return mean


def _pair_rests(pair: Ints, values: Floats) -> Floats:
    """Return the mean of what is left over for every pair of zones, shape (266, 266), shrunk towards 0."""
    shape = (ZONE_ROWS, ZONE_ROWS)
    count, total = _counts(pair, _PAIRS).reshape(shape), _sums(pair, values, _PAIRS).reshape(shape)
    kernel = _kernel(FACTOR_MILES)
    around = (kernel @ total @ kernel) / (kernel @ count @ kernel + PAIR_PART_TRIPS)
    return np.asarray((total + PAIR_PART_TRIPS * around) / (count + PAIR_PART_TRIPS))


def _city_hours(era: Ints, hour: Ints, log_pace: Floats) -> Floats:
    """Return how the pace of each era and hour of the week differs from the average, shape (2, 168).

    An hour with few trips leans on its era, and an era without trips on the average.
    """
    apart = log_pace - log_pace.mean()
    of_era = _sums(era, apart, ERAS) / np.maximum(_counts(era, ERAS), 1.0)
    key, size, shape = era * HOURS_A_WEEK + hour, ERAS * HOURS_A_WEEK, (ERAS, HOURS_A_WEEK)
    total = _sums(key, apart, size).reshape(shape) + CITY_HOUR_TRIPS * of_era[:, None]
    return np.asarray(total / (_counts(key, size).reshape(shape) + CITY_HOUR_TRIPS))


def _seasons(pickup: NDArray[np.datetime64], era: Ints, values: Floats) -> Floats:
    """Return how a value differs from its average through the year, shape (372,), by ``Calendar.season``.

    Means of days, so that traffic, which slows many taxis at once, is not taken for many observations. Records lack
    some months of some years: each era's level is the mean over the calendar months that it has.
    """
    days, place = np.unique(pickup.astype("datetime64[D]").astype(np.int64), return_inverse=True)
    trips = _counts(place, len(days))
    mean = _sums(place, values, len(days)) / trips
    weight = trips / (trips + SEASON_TRIPS)
    era_of_day = np.zeros(len(days), np.int64)
    era_of_day[place] = era
    season = calendar().season[days - FIRST_DAY]
    month = season // 31
    for own in (era_of_day == number for number in range(ERAS)):
        if own.any():
            of_month = [np.average(mean[one], weights=weight[one]) for one in _parts(own, month)]
            mean[own] -= np.mean(of_month)
    apart = np.abs(np.arange(DAYS_OF_YEAR)[:, None] - season[None, :])
    kernel = np.exp(-0.5 * (np.minimum(apart, DAYS_OF_YEAR - apart) / SEASON_DAYS) ** 2) * weight
    return np.asarray(kernel @ mean / (kernel.sum(axis=1) + USUAL_SEASON_DAYS))


def _parts(own: NDArray[np.bool_], month: Ints) -> list[NDArray[np.bool_]]:
    return [own & (month == number) for number in np.unique(month[own])]


def _zone_hours(zone: Ints, hour: Ints, values: Floats) -> Floats:
    """Return the mean of a value by zone and hour of the week, shape (266, 168), shrunk towards 0."""
    size, shape = ZONE_ROWS * HOURS_A_WEEK, (ZONE_ROWS, HOURS_A_WEEK)
    key = zone * HOURS_A_WEEK + hour
    kernel = _kernel(FACTOR_MILES)
    total = kernel @ _sums(key, values, size).reshape(shape)
    return np.asarray(total / (kernel @ _counts(key, size).reshape(shape) + ZONE_HOUR_TRIPS))


def _nearby(trips_of_pair: Ints) -> Ints:
    near = (crow_miles() <= NEARBY_MILES).astype(np.int64)
    np.fill_diagonal(near, 1)
    return np.asarray(near @ trips_of_pair @ near)
