import numpy as np
import pytest

from taxi_api.model.features import TABLE_SHAPES, Trips
from training.months import Month
from training.statistics import fit_tables
from training.synthetic import ZONES, sample

TRIPS, MINUTES = sample(Month(2024, 9), 40_000)
TABLES = fit_tables(TRIPS, MINUTES)


def test_tables_have_the_shapes_a_bundle_needs_and_no_holes():
    for name, (shape, dtype) in TABLE_SHAPES.items():
        table = getattr(TABLES, name)
        assert table.shape == shape
        assert table.dtype == dtype
        assert np.isfinite(table).all()
        if name not in {"pair_trips", "nearby_trips"}:
            assert (table > 0).all()


def test_trips_are_counted_by_pair():
    assert TABLES.pair_trips.sum() == len(MINUTES)
    pair = (TRIPS.pickup_zone == 161) & (TRIPS.dropoff_zone == 230)
    assert TABLES.pair_trips[161, 230] == pair.sum()
    assert (TABLES.nearby_trips >= TABLES.pair_trips).all()
    assert TABLES.nearby_trips[161, 230] > TABLES.pair_trips[161, 230]


def test_what_is_known_of_the_city_is_found():
    # The truth: crowded zones are slower, five in the afternoon is slower than five in the morning.
    pace = TABLES.pair_pace[np.ix_(ZONES, ZONES)].astype(float).mean(axis=1)
    crowded = ZONES % 3 == 0
    assert pace[crowded].min() > pace[~crowded].max()
    by_hour = TABLES.city_factor[1].astype(float).reshape(7, 24).mean(axis=0)
    assert by_hour[16:19].min() > 1.3 * by_hour[4:7].max()


def test_the_city_takes_its_share_of_an_hour_and_leaves_nothing_to_the_zones():
    # In truth all zones slow down together: what is left for each is little, and it owes that to shrinkage.
    for factor in (TABLES.pickup_factor, TABLES.dropoff_factor):
        by_hour = factor[ZONES].astype(float).reshape(len(ZONES), 7, 24).mean(axis=(0, 1))
        assert np.ptp(by_hour) < 0.1
    whole = TABLES.pair_factor[:, ZONES][:, :, ZONES].astype(float)
    assert np.abs(whole - 1).mean() < 0.05


def test_typical_miles_are_those_driven():
    pair = (TRIPS.pickup_zone == 161) & (TRIPS.dropoff_zone == 132)
    assert abs(float(TABLES.pair_miles[161, 132]) - np.median(TRIPS.miles[pair])) < 0.5


def test_a_pair_without_trips_leans_on_its_neighbours():
    # Zone 164 has no trips of its own; its neighbours 161 and 230 are in the city.
    assert TABLES.pair_trips[164].sum() == 0
    lonely = float(TABLES.pair_pace[164, 132])
    neighbours = [float(TABLES.pair_pace[zone, 132]) for zone in (161, 230, 100)]
    assert min(neighbours) * 0.9 < lonely < max(neighbours) * 1.1


def test_impossible_distances_teach_nothing():
    miles = TRIPS.miles.copy()
    miles[::50] = 199.0
    miles[1::50] = np.nan
    spoilt = fit_tables(TRIPS._replace(miles=miles), MINUTES)
    np.testing.assert_allclose(spoilt.pair_pace.astype(float), TABLES.pair_pace.astype(float), rtol=0.1)
    np.testing.assert_array_equal(spoilt.pair_trips, TABLES.pair_trips)


def test_a_slow_month_is_a_season_and_a_month_without_trips_an_average_one():
    months = [Month(year, month) for year in (2022, 2023) for month in (1, 2, 5, 6, 7, 8, 9)]
    trips, minutes = zip(*(sample(month, 10_000) for month in months), strict=True)
    together = Trips(*(np.concatenate(columns) for columns in zip(*trips, strict=True)))
    took = np.concatenate(
        [of_month * (1.25 if m.month == 9 else 1) for m, of_month in zip(months, minutes, strict=True)]
    )
    factor = fit_tables(together, took).season_factor.astype(float)

    def middle(month: int) -> float:
        return float(factor[31 * (month - 1) + 10 : 31 * (month - 1) + 20].mean())

    assert 1.12 < middle(9) / middle(1) < 1.25
    assert middle(6) == pytest.approx(middle(1), abs=0.02)
    assert middle(11) == pytest.approx(1, abs=0.03)


def test_the_same_trips_give_the_same_tables():
    for once, again in zip(TABLES, fit_tables(TRIPS, MINUTES), strict=True):
        np.testing.assert_array_equal(once, again)
