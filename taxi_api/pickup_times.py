"""Pickup times as most are written, read in a fraction of the time that all others take: one, or a column at once."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from operator import add
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxi_api.model.calendar import FIRST_YEAR, LAST_YEAR
from taxi_api.newyork import NEW_YORK, Moment, now, wall_clock, wall_clock_seconds
from taxi_api.schemas.fields import pickup_time

_PATTERN = "0000-00-00T00:00:00"
_LENGTH = len(_PATTERN)
_DIGITS = np.array([symbol == "0" for symbol in _PATTERN])
_CODES = np.array([ord(symbol) for symbol in _PATTERN], np.uint8)


class PickupTimes(NamedTuple):
    """n pickup times."""

    wall_clock: NDArray[np.datetime64]
    """What the clock in New York shows, datetime64[s]; not a time (NaT) for a value that is none."""
    texts: list[str | None]
    """ISO 8601 with New York's offset; None for a value that is not a time."""


def read_pickup_time(value: Any) -> Moment:
    """Return what ``schemas.fields.pickup_time`` makes of a JSON value; it says what is refused."""
    if type(value) is str and len(value) == _LENGTH:
        time = datetime.fromisoformat(value)
        if time.tzinfo is None and FIRST_YEAR <= time.year <= LAST_YEAR:
            offset = _offset(time.date())
            if offset:
                return Moment(wall_clock_seconds(time), time.isoformat() + offset)
    return Moment.of(pickup_time(value))


def read_pickup_times(values: list[Any], absent: object) -> PickupTimes:
    """Return the times that n JSON values stand for: what ``PickupTime`` makes of each, and now for an absent one."""
    times, texts = _plain_times(values)
    present = _as_column(now())
    # A time that is not plain may still come often.
    known: dict[str, tuple[np.datetime64, str] | None] = {}
    for index in np.flatnonzero(np.isnat(times)).tolist():
        value = values[index]
        if value is absent:
            found: tuple[np.datetime64, str] | None = present
        elif type(value) is not str:
            continue
        else:
            if value not in known:
                alone = _time(value)
                known[value] = _as_column(alone) if alone else None
            found = known[value]
        if found is not None:
            times[index], texts[index] = found
    return PickupTimes(times, texts)


def present_times(count: int) -> PickupTimes:
    """Return now as the pickup time of so many trips: they came without any."""
    shown, text = _as_column(now())
    return PickupTimes(np.full(count, shown), [text] * count)


def _as_column(moment: datetime) -> tuple[np.datetime64, str]:
    """Return a time in New York as ``PickupTimes`` has it."""
    return wall_clock([moment])[0], moment.isoformat()


def _plain_times(values: list[Any]) -> tuple[NDArray[np.datetime64], list[str | None]]:
    """Return the times written as most are, without an offset, and their texts with it; NaT and None for all others."""
    times = np.full(len(values), np.datetime64("NaT", "s"))
    texts: list[str | None] = [None] * len(values)
    if set(map(type, values)) == {str} and set(map(len, values)) == {_LENGTH}:
        usual_length = values
    else:
        usual_length = [value if type(value) is str and len(value) == _LENGTH else "\0" * _LENGTH for value in values]
    # What is not ASCII becomes a question mark, as long as it was.
    written = np.frombuffer("".join(usual_length).encode("ascii", "replace"), f"S{_LENGTH}")
    plain = _is_plain(written)
    try:
        read = written[plain].astype("datetime64[s]")
    except ValueError:
        # A 30th of February among them: each alone, then, to find out which.
        return times, texts
    times[plain] = read
    offsets = _offsets(read.astype("datetime64[D]"))
    if plain.all() and None not in offsets:
        return times, list(map(add, values, offsets))
    for index, offset in zip(np.flatnonzero(plain).tolist(), offsets, strict=True):
        if offset is None:
            times[index] = np.datetime64("NaT")
        else:
            texts[index] = values[index] + offset
    return times, texts


def _is_plain(written: NDArray[np.bytes_]) -> NDArray[np.bool_]:
    """Say which of n texts look like the pattern and are of a year that the model knows, shape (n,)."""
    # One row a place of the text: each is gone through in one go.
    codes = np.ascontiguousarray(written.view(np.uint8).reshape(len(written), _LENGTH).T)
    plain = (codes[~_DIGITS] == _CODES[~_DIGITS, None]).all(axis=0)
    # Unsigned: what is below "0" wraps around to a large number.
    plain &= (codes[_DIGITS] - np.uint8(ord("0")) <= 9).all(axis=0)  # noqa: PLR2004 - the last digit
    plain &= (written >= str(FIRST_YEAR).encode()) & (written < str(LAST_YEAR + 1).encode())
    return np.asarray(plain)


def _offsets(days: NDArray[np.datetime64]) -> list[str | None]:
    """Return New York's offset on each of n days, None where clocks change."""
    known, place = np.unique(days, return_inverse=True)
    of_day = np.array([_offset(day) for day in known.tolist()], object)
    found: list[str | None] = of_day[place].tolist()
    return found


@lru_cache(maxsize=1024)
def _offset(day: date) -> str | None:
    """Return New York's offset on a day, as ISO 8601 writes it, or None if clocks change on that day."""
    midnight = datetime.combine(day, time(), NEW_YORK)
    next_midnight = datetime.combine(day + timedelta(days=1), time(), NEW_YORK)
    if midnight.utcoffset() != next_midnight.utcoffset():
        return None
    return midnight.isoformat()[_LENGTH:]


def _time(text: str) -> datetime | None:
    try:
        return pickup_time(text)
    except ValueError:
        return None
