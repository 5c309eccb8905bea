"""New York time: the wall clock that TLC records and that the model knows."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

NEW_YORK = ZoneInfo("America/New_York")
_EPOCH = datetime(1970, 1, 1)


class Moment(NamedTuple):
    """A time in New York."""

    seconds: int
    """What the clock shows, in seconds since 1970 on the same clock."""
    text: str
    """ISO 8601 with New York's offset."""

    @classmethod
    def of(cls, time: datetime) -> "Moment":
        """Return an aware New York time as a moment."""
        return cls(wall_clock_seconds(time.replace(tzinfo=None)), time.isoformat())


def now() -> datetime:
    """Return the present time in New York, to the second."""
    return datetime.now(NEW_YORK).replace(microsecond=0)


def in_new_york(time: datetime) -> datetime:
    """Return the same moment in New York, to the second; a time without an offset is already New York's.

    A wall-clock time that happens twice, when clocks go back, is the first of the two; one that never happens, when
    they go forward, is what a clock would show that was not changed: 2:30 becomes 3:30.
    """
    if time.tzinfo is None:
        # There and back through UTC, because arithmetic within a zone does not notice a missing hour.
        time = time.replace(tzinfo=NEW_YORK).astimezone(UTC)
    return time.astimezone(NEW_YORK).replace(microsecond=0)


def wall_clock_seconds(time: datetime) -> int:
    """Return a time of New York's wall clock, without an offset, in seconds since 1970 on the same clock."""
    since = time - _EPOCH
    return since.days * 86_400 + since.seconds


def wall_clock(times: Iterable[datetime]) -> NDArray[np.datetime64]:
    """Return what the clock shows at each time in New York, as datetime64[s], shape (n,)."""
    return np.array([time.replace(tzinfo=None) for time in times], "datetime64[s]")
