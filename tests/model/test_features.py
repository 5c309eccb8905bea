import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_api.model.bundle import load_bundle
from taxi_api.model.features import NAMES, FeatureBuilder, Trips, hour_of_week
from taxi_api.model.store import DEFAULT_BUNDLE

TABLES = load_bundle(DEFAULT_BUNDLE).tables
BUILDER = FeatureBuilder(TABLES)
NEEDS_TIME = {"minute", "weekday", "holiday", "season", "new_era"}
NEEDS_TIME |= {"city_factor", "pickup_factor", "dropoff_factor", "pair_factor"}

seconds = st.integers(946_684_800, 4_102_444_799)  # 2000-01-01 to 2099-12-31
zones = st.integers(1, 265)
trips = st.lists(
    st.tuples(zones, zones, st.floats(0.01, 200) | st.just(float("nan")), seconds | st.none()), min_size=1, max_size=20
)


def columns(rows: list[tuple]) -> Trips:
    pickup, dropoff, miles, time = zip(*rows, strict=True)
    return Trips(
        np.array(pickup, np.int64),
        np.array(dropoff, np.int64),
        np.array(miles, np.float64),
        np.array([np.datetime64("NaT") if second is None else np.datetime64(second, "s") for second in time], "M8[s]"),
    )


def one(pickup: int = 161, dropoff: int = 132, miles: float = 17.0, time: str = "2024-09-18T08:30:00") -> dict:
    row = Trips(np.array([pickup]), np.array([dropoff]), np.array([miles]), np.array([time], "M8[s]"))
    return dict(zip(NAMES, BUILDER.matrix(row)[0].tolist(), strict=True))


@given(trips)
def test_a_trip_has_the_same_features_alone_and_among_others(rows: list[tuple]):
    together = BUILDER.matrix(columns(rows))
    alone = np.vstack([BUILDER.matrix(columns([row])) for row in rows])
    assert together.dtype == np.float32
    assert together.shape == (len(rows), len(NAMES))
    np.testing.assert_array_equal(together, alone)


@given(trips)
def test_only_what_is_not_known_is_missing(rows: list[tuple]):
    matrix = BUILDER.matrix(columns(rows))
    assert not np.isinf(matrix).any()
    for row, (pickup, dropoff, miles, time) in zip(matrix, rows, strict=True):
        missing = {name for name, value in zip(NAMES, row, strict=True) if np.isnan(value)}
        expected = {"miles", "expected_minutes", "detour"} if np.isnan(miles) else set()
        expected |= NEEDS_TIME if time is None else set()
        for zone, ends in ((pickup, "pickup"), (dropoff, "dropoff")):
            if zone >= 264:
                expected |= {f"{ends}_east", f"{ends}_north", "east", "north", "crow_miles"}
        assert missing == expected


def test_a_trip_has_the_features_one_can_work_out_by_hand():
    found = one()
    assert found["minute"] == 8 * 60 + 30
    assert found["weekday"] == 2
    assert found["holiday"] == 0
    assert found["season"] == 31 * 8 + 17
    assert found["miles"] == 17
    # Midtown Center to JFK: south-east, about 13 miles.
    assert found["east"] > 0 > found["north"]
    assert found["crow_miles"] == pytest.approx(np.hypot(found["east"], found["north"]), rel=1e-6)
    assert 12 < found["crow_miles"] < 14
    assert found["pace_now"] == pytest.approx(
        found["pair_pace"]
        * found["city_factor"]
        * found["pickup_factor"]
        * found["dropoff_factor"]
        * found["pair_factor"],
        rel=1e-6,
    )
    assert found["typical_minutes"] == pytest.approx(found["pace_now"] * found["pair_miles"], rel=1e-6)


def test_without_a_time_the_pace_is_that_of_any_time():
    found = one(time="NaT")
    assert found["pace_now"] == TABLES.any_pace[161, 132]
    assert found["typical_minutes"] == pytest.approx(found["pace_now"] * found["pair_miles"], rel=1e-6)
    assert found["expected_minutes"] == pytest.approx(found["pace_now"] * found["miles"], rel=1e-6)


@pytest.mark.parametrize(
    ("time", "hour"),
    [
        ("2024-09-16T00:00:00", 0),  # Monday
        ("2024-09-18T08:59:59", 56),
        ("2024-09-22T23:59:59", 167),  # Sunday
        ("2024-07-04T10:00:00", 154),  # Thursday, but Independence Day: a Sunday
        ("2024-12-31T23:59:59", 47),
        ("2025-01-01T00:00:00", 144),  # Wednesday, but New Year: a Sunday
    ],
)
def test_hours_of_the_week(time: str, hour: int):
    assert hour_of_week(np.array([time], "M8[s]")).tolist() == [hour]
