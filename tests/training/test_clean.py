from datetime import datetime, timedelta

import polars as pl
import pytest

from training.clean import clean, clock_changes
from training.records import SCHEMA

NOON = datetime(2024, 9, 18, 12)


def row(**changes: object) -> dict[str, object]:
    usual = {
        "colour": "green",
        "pickup": NOON,
        "dropoff": NOON + timedelta(minutes=15),
        "pickup_zone": 161,
        "dropoff_zone": 132,
        "miles": 3.0,
    }
    return usual | changes


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"pickup": None}, "a time is missing"),
        ({"dropoff": None}, "a time is missing"),
        (
            {"pickup": NOON - timedelta(days=31), "dropoff": NOON - timedelta(days=31)},
            "pickup outside the file's period",
        ),
        ({"pickup_zone": 0}, "a zone is missing or unknown to TLC"),
        ({"dropoff_zone": 266}, "a zone is missing or unknown to TLC"),
        ({"dropoff_zone": None}, "a zone is missing or unknown to TLC"),
        ({"dropoff": NOON - timedelta(seconds=1)}, "dropoff before pickup"),
        ({"dropoff": NOON + timedelta(minutes=90, seconds=1)}, "longer than 90 minutes"),
    ],
)
def test_each_rule_drops_and_counts_what_breaks_it(changes: dict[str, object], rule: str):
    trips, funnel = clean(frame(row(), row(**changes)), "2024-09")
    assert trips.height == funnel.kept == 1
    assert funnel.read == 2
    assert {name: count for name, count in funnel.dropped.items() if count} == {rule: 1}


def test_what_is_kept_has_minutes_and_a_month():
    trips, funnel = clean(
        frame(row(), row(dropoff=NOON), row(dropoff=NOON + timedelta(minutes=90)), row(pickup_zone=264)), "2024-09"
    )
    assert trips["minutes"].to_list() == [15, 0, 90, 15]
    assert trips["month"].unique().to_list() == ["2024-09"]
    assert sum(funnel.dropped.values()) == 0


@pytest.mark.parametrize("miles", [0.0, -2.0, 200.1, 312_722.3, None, float("nan")])
def test_a_distance_that_cannot_be_is_missing_but_the_trip_stays(miles: float | None):
    trips, funnel = clean(frame(row(), row(miles=miles)), "2024-09")
    assert trips["miles"].to_list() == [3.0, None]
    assert list(funnel.changed.values()) == [1]


@pytest.mark.parametrize(
    ("pickup", "dropoff", "kept"),
    [
        # Clocks went forward at 2:00 on 10 March 2024, and back at 2:00 on 3 November.
        ("2024-03-10T00:30", "2024-03-10T00:59", True),
        ("2024-03-10T00:50", "2024-03-10T01:05", False),
        ("2024-03-10T01:50", "2024-03-10T03:10", False),
        ("2024-03-10T03:00", "2024-03-10T03:20", True),
        ("2024-11-03T01:30", "2024-11-03T01:40", False),
        ("2024-11-03T00:40", "2024-11-03T01:10", False),
        ("2024-11-02T23:40", "2024-11-03T00:10", True),
        ("2024-11-04T01:30", "2024-11-04T01:40", True),
    ],
)
def test_hours_at_which_the_clocks_change_are_dropped(pickup: str, dropoff: str, kept: bool):
    times = {"pickup": datetime.fromisoformat(pickup), "dropoff": datetime.fromisoformat(dropoff)}
    trips, _ = clean(frame(row(**times)), "2024")
    assert trips.height == kept


def test_clock_changes_are_the_two_sundays():
    assert clock_changes(2024) == [datetime(2024, 3, 10), datetime(2024, 11, 3)]


def test_counts_add_up_whatever_comes_in():
    rows = [row(), row(pickup=None, dropoff=None), row(pickup_zone=None), row(miles=None), row(pickup_zone=300)]
    trips, funnel = clean(frame(*rows), "")
    assert funnel.read == funnel.kept + sum(funnel.dropped.values()) == 5
    assert trips.height == funnel.kept


def test_no_rows_at_all():
    trips, funnel = clean(frame(), "2024-09")
    assert trips.is_empty()
    assert funnel.read == funnel.kept == 0
