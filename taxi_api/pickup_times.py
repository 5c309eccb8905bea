"""The pickup times of many trips: what a single time means and refuses, mostly for whole columns in a step."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxi_api.model.calendar import FIRST_YEAR, LAST_YEAR
from taxi_api.newyork import NEW_YORK, now, wall_clock
from taxi_api.schemas.fields import pickup_time

_PATTERN = "0000-00-00T00:00:00"
_DIGITS = np.array([symbol == "0" for symbol in _PATTERN])
_CODES = np.array([ord(symbol) for symbol in _PATTERN], np.uint32)


class PickupTimes(NamedTuple):
    """n pickup times."""

    wall_clock: NDArray[np.datetime64]
    """What the clock in New York shows, datetime64[s]; not a time (NaT) for a value that is none."""
    texts: list[str | None]
    """ISO 8601 with New York's offset; None for a value that is not a time."""


def read_pickup_times(values: list[Any], absent: object) -> PickupTimes:
    """Return the times that n JSON values stand for: what ``PickupTime`` makes of each, and now for an absent one."""
    times, offsets = _plain_times(values)
    texts = [None if offset is None else value + offset for value, offset in zip(values, offsets, strict=True)]
    present = now()
    known: dict[str, datetime | None] = {}
    for index in [place for place, text in enumerate(texts) if text is None]:
        value = values[index]
        if value is absent:
            found: datetime | None = present
        elif type(value) is not str:
            continue
        else:
            if value not in known:
                known[value] = _time(value)
            found = known[value]
        if found is not None:
            texts[index] = found.isoformat()
            times[index] = wall_clock([found])[0]
    return PickupTimes(times, texts)


def _plain_times(values: list[Any]) -> tuple[NDArray[np.datetime64], list[str | None]]:
    """Return the times written as most are, without an offset, and New York's offset at each; None for all others."""
    times = np.full(len(values), np.datetime64("NaT", "s"))
    offsets: list[str | None] = [None] * len(values)
    usual_length = [value if type(value) is str and len(value) == len(_PATTERN) else "" for value in values]
    texts = np.array(usual_length, f"U{len(_PATTERN)}")
    codes = texts.view(np.uint32).reshape(len(values), len(_PATTERN))
    plain = (codes[:, ~_DIGITS] == _CODES[~_DIGITS]).all(axis=1)
    # Unsigned: what is below "0" wraps around to a large number.
    plain &= (codes[:, _DIGITS] - np.uint32(ord("0")) <= 9).all(axis=1)  # noqa: PLR2004 - the last digit
    plain &= (texts >= str(FIRST_YEAR)) & (texts < str(LAST_YEAR + 1))
    try:
        times[plain] = texts[plain].astype("datetime64[s]")
    except ValueError:
        # A 30th of February among them: each alone, then, to find out which.
        return times, offsets
    days = times[plain].astype("datetime64[D]")
    known, place = np.unique(days, return_inverse=True)
    of_day = [_offset(day) for day in known.tolist()]
    for index, day in zip(np.flatnonzero(plain).tolist(), place.tolist(), strict=True):
        offsets[index] = of_day[day]
    return times, offsets


@lru_cache(maxsize=1024)
def _offset(day: date) -> str | None:
    """Return New York's offset on a day, as ISO 8601 writes it, or None if clocks change on that day."""
    midnight = datetime.combine(day, time(), NEW_YORK)
    next_midnight = datetime.combine(day + timedelta(days=1), time(), NEW_YORK)
    if midnight.utcoffset() != next_midnight.utcoffset():
        return None
    return midnight.isoformat()[len(_PATTERN) :]


def _time(text: str) -> datetime | None:
    try:
        return pickup_time(text)
    except ValueError:
        return None
