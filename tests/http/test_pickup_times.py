"""Times of a whole column mean what each of them means alone."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import ValidationError

from taxi_api.pickup_times import PickupTimes, present_times, read_pickup_times
from taxi_api.schemas.fields import PickupTime

ABSENT = object()
_clock_changes = st.sampled_from([datetime(2024, 3, 10), datetime(2024, 11, 3), datetime(2023, 12, 31)])
_near_clock_changes = st.builds(
    lambda day, seconds: (day + timedelta(seconds=seconds)).isoformat(), _clock_changes, st.integers(-9_000, 95_000)
)
_times = st.datetimes(datetime(1990, 1, 1), datetime(2110, 1, 1)).map(lambda time: time.isoformat(timespec="seconds"))
_nearly_times = st.from_regex(
    r"2024-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](Z|\+02:00)?", fullmatch=True
)
_odd_digits = st.just("\uff12024-09-18T08:30:00")
_values = st.one_of(_near_clock_changes, _times, _nearly_times, _odd_digits, st.text(), st.integers(), st.none())


@given(st.lists(_values) | st.lists(_times) | st.lists(_near_clock_changes))
@example(["2024-02-30T08:00:00", "2024-02-28T08:00:00"])
@example(["2024-03-10T02:30:00", "2024-11-03T01:30:00", "1999-12-31T23:59:59", "2100-01-01T00:00:00"])
def test_a_column_reads_as_its_values_do(values: list[object]):
    found = read_pickup_times(values, ABSENT)
    for value, text, wall_clock in zip(values, found.texts, found.wall_clock, strict=True):
        try:
            alone = PickupTime().deserialize(value) if value is not None else None
        except ValidationError:
            alone = None
        assert text == (alone and alone.isoformat())
        assert np.isnat(wall_clock) if alone is None else wall_clock == np.datetime64(alone.replace(tzinfo=None))


def test_an_absent_value_is_now():
    found = read_pickup_times([ABSENT], ABSENT)
    assert found.texts[0] is not None
    assert abs(datetime.fromisoformat(found.texts[0]).timestamp() - datetime.now().timestamp()) < 60


@pytest.mark.parametrize("found", [read_pickup_times([ABSENT, ABSENT], ABSENT), present_times(2)])
def test_trips_without_a_time_are_for_now_as_the_clock_shows_it(found: PickupTimes):
    (text,) = set(found.texts)
    assert text is not None
    assert len(found.texts) == 2
    present = datetime.fromisoformat(text)
    assert present.tzinfo is not None
    shown = np.datetime64(present.replace(tzinfo=None))
    assert found.wall_clock.dtype == "datetime64[s]"
    assert found.wall_clock.tolist() == [shown.tolist()] * 2
