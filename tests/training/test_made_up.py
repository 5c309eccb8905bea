import numpy as np
import pytest

from training.made_up import Usual, elsewhere, stretched
from training.months import Month
from training.statistics import fit_tables
from training.synthetic import NOISE, ZONES, sample

TRIPS, MINUTES = sample(Month(2024, 9), 40_000)
TABLES = fit_tables(TRIPS, MINUTES)
USUAL = Usual.of(TRIPS, MINUTES, TABLES)


def some_elsewhere(count: int = 5000) -> tuple:
    return elsewhere(TRIPS, USUAL, TABLES, count, np.random.default_rng(1))


def test_the_usual_pace_is_that_of_the_city():
    # The synthetic city drives every mile in the same time, give or take its noise and its crowded zones.
    assert USUAL.slope == pytest.approx(1, abs=0.03)
    assert NOISE < USUAL.scatter < NOISE + 0.05


def test_trips_elsewhere_go_between_zones_that_taxis_hardly_connect():
    trips, _ = some_elsewhere()
    assert (TABLES.pair_trips[trips.pickup_zone, trips.dropoff_zone] < 10).all()
    assert (np.minimum(trips.pickup_zone, trips.dropoff_zone) >= 1).all()
    assert not np.isin(trips.pickup_zone, ZONES).all()
    # Any distance goes with any pair, also less than the straight line.
    assert np.abs(np.corrcoef(trips.miles, TABLES.pair_miles[trips.pickup_zone, trips.dropoff_zone])[0, 1]) < 0.05


def test_trips_elsewhere_take_what_trips_of_their_length_and_hour_take():
    trips, minutes = some_elsewhere(20_000)
    hour = (trips.pickup.astype("M8[h]").astype(int)) % 24
    # The synthetic city: 4 minutes a mile, up to 1.8 times as many at 17 h, and a tenth more for the crowded zones.
    for chosen, pace in ((hour == 5, 4), (hour == 17, 7.2)):
        usual = np.mean(minutes[chosen] / trips.miles[chosen])
        assert usual == pytest.approx(pace * 1.07, rel=0.12)


def test_there_are_none_elsewhere_if_every_pair_has_trips():
    everywhere = TABLES._replace(pair_trips=np.full_like(TABLES.pair_trips, 10))
    trips, minutes = elsewhere(TRIPS, USUAL, everywhere, 100, np.random.default_rng(1))
    assert [len(column) for column in (*trips, minutes)] == [0] * 5


def test_a_longer_way_takes_longer_and_a_trip_without_a_distance_has_none():
    unknown = np.arange(len(MINUTES)) % 2 == 0
    half = TRIPS._replace(miles=np.where(unknown, np.nan, TRIPS.miles))
    trips, minutes = stretched(half, MINUTES, USUAL, 5000, np.random.default_rng(1))
    assert not np.isnan(trips.miles).any()
    # Real trips have other lengths; each of these is known by its second and its zones.
    known = {
        (int(pickup), int(dropoff), int(second)): (miles, took)
        for pickup, dropoff, miles, second, took in zip(
            TRIPS.pickup_zone, TRIPS.dropoff_zone, TRIPS.miles, TRIPS.pickup.astype(int), MINUTES, strict=True
        )
    }
    keys = zip(trips.pickup_zone.tolist(), trips.dropoff_zone.tolist(), trips.pickup.astype(int).tolist(), strict=True)
    miles, took = np.array([known[key] for key in keys]).T
    factor = trips.miles / miles
    assert factor.min() < 0.5
    assert factor.max() > 2
    # Two trips may share all of these.
    assert np.isclose(minutes / took, factor**USUAL.slope).mean() > 0.99


def test_the_same_draw_gives_the_same_trips():
    for once, again in zip(
        (*some_elsewhere()[0], some_elsewhere()[1]), (*some_elsewhere()[0], some_elsewhere()[1]), strict=True
    ):
        np.testing.assert_array_equal(once, again)
