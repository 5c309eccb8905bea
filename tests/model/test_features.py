import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_api.model.bundle import load_bundle
from taxi_api.model.features import NAMES, FeatureBuilder, Trips, hour_of_week
from taxi_api.model.store import DEFAULT_BUNDLE

TABLES = load_bundle(DEFAULT_BUNDLE).tables
BUILDER = FeatureBuilder(TABLES)
# What stands for an input that is not known.
NO_TIME = dict.fromkeys(NAMES[NAMES.index("time_known") : NAMES.index("pace_now")], 0.0)
NO_TIME |= {"new_era": 0.5} | {name: 1.0 for name in NO_TIME if name.endswith("_factor")}
NO_PLACE = ("east", "north")

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


def test_very_many_trips_have_the_same_features_in_several_threads():
    random, count = np.random.default_rng(0), 150_001
    given = Trips(
        random.integers(1, 266, count),
        random.integers(1, 266, count),
        np.where(random.random(count) < 0.1, np.nan, random.uniform(0.1, 30, count)),
        np.datetime64("2024-09-01", "s") + random.integers(0, 10**7, count),
    )
    pieces = [BUILDER.matrix(Trips(*(column[n : n + 10_000] for column in given))) for n in range(0, count, 10_000)]
    np.testing.assert_array_equal(BUILDER.matrix(given), np.vstack(pieces))


@given(trips)
def test_a_trip_has_the_same_features_alone_and_among_others(rows: list[tuple]):
    together = BUILDER.matrix(columns(rows))
    alone = np.vstack([BUILDER.matrix(columns([row])) for row in rows])
    assert together.dtype == np.float32
    assert together.shape == (len(rows), len(NAMES))
    np.testing.assert_array_equal(together, alone)


@given(trips)
def test_what_is_not_known_is_replaced_and_said_to_be(rows: list[tuple]):
    matrix = BUILDER.matrix(columns(rows))
    assert np.isfinite(matrix).all()
    for row, (pickup, dropoff, miles, time) in zip(matrix, rows, strict=True):
        found = dict(zip(NAMES, row.tolist(), strict=True))
        assert found["distance_known"] == (not np.isnan(miles))
        if np.isnan(miles):
            assert found["miles"] == min(found["pair_miles"], 40)
            assert found["expected_minutes"] == found["typical_minutes"]
            assert found["detour"] == 1
        assert found["time_known"] == (time is not None)
        if time is None:
            assert {name: found[name] for name in NO_TIME} == NO_TIME
        assert found["no_place"] == (pickup >= 264 or dropoff >= 264)
        for zone, end in ((pickup, "pickup"), (dropoff, "dropoff")):
            assert found[f"{end}_zone"] == zone
            if zone >= 264:
                assert [found[f"{end}_{name}"] for name in NO_PLACE] == [0, 0]


@given(trips)
def test_nothing_is_beyond_what_the_networks_have_learned(rows: list[tuple]):
    found = dict(zip(NAMES, BUILDER.matrix(columns(rows)).T, strict=True))
    for name, most in (("miles", 40), ("expected_minutes", 120), ("typical_minutes", 120), ("detour", 4)):
        assert (found[name] <= most).all()
        if name != "detour":
            np.testing.assert_allclose(found[f"root_{name}"] ** 2, found[name], rtol=1e-6)


def test_a_trip_has_the_features_one_can_work_out_by_hand():
    found = one()
    # 8:30 is 510 of 1440 minutes: 127.5 degrees.
    assert found["day_wave_sine"] == pytest.approx(0.7934, abs=1e-6)
    assert found["half_day_wave_cosine"] == pytest.approx(-0.2588, abs=1e-6)
    days = ("monday", "friday", "saturday", "sunday", "holiday", "new_era")
    assert [found[day] for day in days] == [0, 0, 0, 0, 0, 1]
    assert found["season_factor"] == TABLES.season_factor[31 * 8 + 17]
    assert (found["miles"], found["root_miles"]) == (17, pytest.approx(17**0.5))
    assert (found["pickup_zone"], found["dropoff_zone"]) == (161, 132)
    # Midtown Center to JFK: south-east, about 13 miles.
    east, north = (found[f"dropoff_{way}"] - found[f"pickup_{way}"] for way in ("east", "north"))
    assert east > 0 > north
    assert found["crow_miles"] == pytest.approx(np.hypot(east, north), rel=1e-6)
    assert 12 < found["crow_miles"] < 14
    factors = [found[f"{name}_factor"] for name in ("city", "pickup", "dropoff", "pair")]
    assert found["pace_now"] == pytest.approx(TABLES.pair_pace[161, 132] * np.prod(factors), rel=1e-6)
    assert found["miles_an_hour_now"] == pytest.approx(60 / found["pace_now"], rel=1e-6)
    assert found["typical_minutes"] == pytest.approx(found["pace_now"] * found["pair_miles"], rel=1e-6)
    assert found["expected_minutes"] == pytest.approx(found["pace_now"] * 17, rel=1e-6)
    assert found["detour"] == pytest.approx(17 / found["pair_miles"], rel=1e-6)


@pytest.mark.parametrize(
    ("time", "day"),
    [("2024-09-16T09:00:00", "monday"), ("2024-09-20T09:00:00", "friday"), ("2024-07-04T09:00:00", "holiday")],
)
def test_the_day_is_told(time: str, day: str):
    found = one(time=time)
    assert [name for name in ("monday", "friday", "saturday", "sunday", "holiday") if found[name]] == [day]


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
