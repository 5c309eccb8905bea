"""Behaviour of the bundle that comes with the package."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_api.model.features import OneTrip, Trips
from taxi_api.model.predictor import BASIS, Predictor

MIDTOWN, JFK, UPPER_EAST_SIDE, LA_GUARDIA, HARLEM = 161, 132, 236, 138, 74


def trips(pickup: object, dropoff: object, miles: object = np.nan, time: object = "2024-09-18T08:30:00") -> Trips:
    columns = np.broadcast_arrays(pickup, dropoff, miles, np.array(time, "M8[s]"))
    return Trips(*(np.atleast_1d(column).copy() for column in columns))


def minutes(predictor: Predictor, *args: object) -> np.ndarray:
    return predictor.predict(trips(*args)).minutes[:, 0]


def test_every_pair_of_zones_has_an_answer_with_an_order(predictor: Predictor):
    pickup, dropoff = np.meshgrid(np.arange(1, 266), np.arange(1, 266))
    found = predictor.predict(trips(pickup.ravel(), dropoff.ravel()))
    duration, lower, upper = found.minutes.T
    assert np.isfinite(found.minutes).all()
    assert (lower > 0).all()
    assert (lower <= duration).all()
    assert (duration <= upper).all()
    assert (upper < 240).all()
    assert (found.miles > 0).all()


def test_longer_is_never_faster_by_more_than_noise(predictor: Predictor):
    # A long way by motorway can be faster than a short one through the streets, but not by much.
    golden = predictor.bundle.golden.trips
    complete = ~np.isnan(golden.miles) & ~np.isnat(golden.pickup)
    trips = Trips(*(column[complete] for column in golden))
    usual = predictor.predict(trips._replace(miles=np.full(len(trips.miles), np.nan))).miles
    sweep = np.array(
        [predictor.predict(trips._replace(miles=usual * factor)).minutes for factor in np.linspace(0.7, 2, 40)]
    )
    duration, width = sweep[..., 0], sweep[..., 2] - sweep[..., 1]
    drop = np.maximum.accumulate(duration, axis=0) - duration
    assert (drop < 0.25 * width).all()
    assert np.quantile(drop.max(axis=0), 0.9) < 1
    assert (np.diff(duration.mean(axis=1)) > 0).all()
    assert (duration[-1] > duration[0] + 1).all()


def test_both_directions_take_about_as_long(predictor: Predictor):
    # One-way streets and morning traffic make a difference, but no more than a factor.
    pair_trips = predictor.bundle.tables.pair_trips
    there, back = np.argwhere(np.triu((pair_trips >= 200) & (pair_trips.T >= 200), 1)).T
    assert len(there) > 100
    ratio = minutes(predictor, there, back, np.nan, "2024-09-18T12:00:00") / minutes(
        predictor, back, there, np.nan, "2024-09-18T12:00:00"
    )
    assert 0.95 < np.median(ratio) < 1.05
    assert np.quantile(np.abs(np.log(ratio)), 0.9) < np.log(1.4)
    assert np.abs(np.log(ratio)).max() < np.log(2)


def test_rush_hour_is_slower_than_the_night(predictor: Predictor):
    for pair in ((MIDTOWN, JFK), (MIDTOWN, UPPER_EAST_SIDE), (HARLEM, MIDTOWN), (LA_GUARDIA, MIDTOWN)):
        night, rush = minutes(predictor, *pair, np.nan, ["2024-09-18T04:00:00", "2024-09-18T17:00:00"])
        assert rush > 1.2 * night


def test_midtown_to_jfk_takes_what_people_know_it_takes(predictor: Predictor):
    night, peak = minutes(predictor, MIDTOWN, JFK, np.nan, ["2024-09-18T04:00:00", "2024-09-18T17:00:00"])
    assert 20 <= night <= 35
    assert 35 <= peak <= 90


def test_a_holiday_is_not_a_workday(predictor: Predictor):
    workday, holiday = minutes(predictor, MIDTOWN, JFK, np.nan, ["2024-07-11T16:00:00", "2024-07-04T16:00:00"])
    assert holiday < workday - 3


@pytest.mark.parametrize("day", ["2024-09-18", "2024-12-31", "2024-03-09", "2024-03-10", "2024-11-02", "2024-11-03"])
def test_a_second_across_midnight_changes_little(predictor: Predictor, day: str):
    # An ordinary day, the end of a year, and the days around both clock changes.
    pair = np.random.default_rng(1).integers(1, 264, (2, 2000))
    midnight = np.datetime64(day, "s") + np.timedelta64(1, "D")
    before, after = (minutes(predictor, *pair, 4.0, time) for time in (midnight - 1, midnight))
    assert np.abs(after - before).mean() < 0.1 * before.mean()


def test_intervals_widen_when_inputs_are_missing(predictor: Predictor):
    golden = predictor.bundle.golden.trips
    complete = ~np.isnan(golden.miles) & ~np.isnat(golden.pickup)
    known = Trips(*(column[complete] for column in golden))
    nowhere, never = np.full_like(known.miles, np.nan), np.full_like(known.pickup, "NaT")

    def width(shown: Trips) -> float:
        found = predictor.predict(shown).minutes
        return float((found[:, 2] - found[:, 1]).mean())

    neither = width(known._replace(miles=nowhere, pickup=never))
    assert width(known) < width(known._replace(miles=nowhere)) < neither
    assert width(known) < width(known._replace(pickup=never)) < neither


@pytest.mark.parametrize(
    ("pickup", "dropoff", "kind"),
    [
        (MIDTOWN, JFK, "zone_pair"),
        (1, 2, "city"),
        (264, 265, "city"),
    ],
)
def test_the_basis_says_how_much_is_known(predictor: Predictor, pickup: int, dropoff: int, kind: str):
    found = predictor.predict(trips(pickup, dropoff))
    assert BASIS[found.basis[0]] == kind
    assert found.basis_trips[0] >= 10


def test_a_pair_without_trips_is_answered_from_its_neighbours(predictor: Predictor):
    tables = predictor.bundle.tables
    lonely = np.argwhere((tables.pair_trips == 0) & (tables.nearby_trips >= 500))
    assert len(lonely) > 0
    found = predictor.predict(trips(lonely[:, 0], lonely[:, 1]))
    assert {BASIS[kind] for kind in found.basis} == {"nearby_zones"}
    assert (found.basis_trips >= 500).all()


def test_the_estimated_distance_is_near_the_straight_line(predictor: Predictor):
    found = predictor.predict(trips([MIDTOWN, HARLEM], [JFK, MIDTOWN]))
    assert found.estimated.all()
    assert 13 < found.miles[0] < 21
    assert 2.5 < found.miles[1] < 7


_zones = st.integers(1, 265)
_seconds = st.integers(946_684_800, 4_102_444_799)  # 2000-01-01 to 2099-12-31


@given(_zones, _zones, st.floats(0.01, 200) | st.just(float("nan")), _seconds | st.none())
def test_a_single_trip_has_the_answer_that_it_has_in_columns(
    predictor: Predictor, pickup: int, dropoff: int, miles: float, second: int | None
):
    one = OneTrip(pickup, dropoff, miles, second)
    time = np.datetime64("NaT") if second is None else np.datetime64(second, "s")
    columns = Trips(np.array([pickup]), np.array([dropoff]), np.array([miles]), np.array([time], "M8[s]"))
    np.testing.assert_array_equal(predictor.features.row(one), predictor.features.matrix(columns)[0])
    found, expected = predictor.predict_one(one), predictor.predict(columns)
    assert (found.duration, found.lower, found.upper) == tuple(expected.minutes[0])
    assert found.miles == expected.miles[0]
    assert (found.estimated, found.basis, found.basis_trips) == (
        expected.estimated[0],
        expected.basis[0],
        expected.basis_trips[0],
    )
