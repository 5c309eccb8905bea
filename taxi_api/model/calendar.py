"""What a New York calendar day looks like to a taxi: weekday, holiday, season."""

from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FIRST_YEAR = 2000
LAST_YEAR = 2099
FIRST_DAY = (date(FIRST_YEAR, 1, 1) - date(1970, 1, 1)).days
_SATURDAY, _SUNDAY = 5, 6
# Values that ``Calendar.season`` may have; every month has 31 of them.
DAYS_OF_YEAR = 372


class Calendar(NamedTuple):
    """One entry a day from 2000-01-01 to 2099-12-31, each array of shape (36525,)."""

    weekday: NDArray[np.int64]
    """0 for Monday to 6 for Sunday."""
    holiday: NDArray[np.bool_]
    """A public holiday in New York, on the day it is observed or falls on."""
    season: NDArray[np.int64]
    """31 * (month - 1) + day of month - 1: the same number for the same date of every year."""


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    """Return the nth given weekday of a month; nth = -1 is the last one."""
    if nth > 0:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))
    last = date(year, month + 1, 1) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - weekday) % 7)


def holidays(year: int) -> set[date]:
    """Return the public holidays of New York in a year (5 U.S.C. 6103, as it was in force in that year).

    A holiday with a fixed date that falls on a weekend counts on that day and on the weekday it is observed.
    """
    fixed = [date(year, 1, 1), date(year, 7, 4), date(year, 11, 11), date(year, 12, 25)]
    if year >= 2021:  # noqa: PLR2004 - Juneteenth became a federal holiday in June 2021
        fixed.append(date(year, 6, 19))
    days = {
        _nth_weekday(year, 1, 0, 3),  # Martin Luther King Day
        _nth_weekday(year, 2, 0, 3),  # Washington's Birthday
        _nth_weekday(year, 5, 0, -1),  # Memorial Day
        _nth_weekday(year, 9, 0, 1),  # Labor Day
        _nth_weekday(year, 10, 0, 2),  # Columbus Day
        _nth_weekday(year, 11, 3, 4),  # Thanksgiving
    }
    for day in fixed:
        days.add(day)
        if day.weekday() == _SATURDAY:
            days.add(day - timedelta(days=1))
        elif day.weekday() == _SUNDAY:
            days.add(day + timedelta(days=1))
    # A Saturday New Year's Day is observed on the last day of the year before.
    if date(year + 1, 1, 1).weekday() == _SATURDAY:
        days.add(date(year, 12, 31))
    return {day for day in days if day.year == year}


@cache
def calendar() -> Calendar:
    """Return the calendar, made once."""
    first, last = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)
    days = np.arange(np.datetime64(first), np.datetime64(last) + 1)
    number = days.astype(np.int64)
    month = days.astype("datetime64[M]")
    off = [day.toordinal() - first.toordinal() for year in range(FIRST_YEAR, LAST_YEAR + 1) for day in holidays(year)]
    holiday = np.zeros(len(days), np.bool_)
    holiday[off] = True
    return Calendar(
        weekday=(number + 3) % 7,  # day 0, 1970-01-01, was a Thursday
        holiday=holiday,
        season=31 * (month.astype(np.int64) % 12) + (days - month).astype(np.int64),
    )
