"""Calendar months as TLC names its files: one month, or an inclusive range of months."""

import re
from datetime import UTC, date, datetime
from typing import NamedTuple, Self

from training.errors import TrainingError

# TLC publishes a month with two months' delay, at some day of the third.
PUBLISHED_AFTER_MONTHS = 3

_PATTERN = re.compile(r"(\d{4})-(\d{2})")


class Month(NamedTuple):
    """A calendar month; sorts by time and prints as ``2024-09``."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``YYYY-MM``; raise TrainingError for anything else."""
        match = _PATTERN.fullmatch(text)
        if match is None or not 1 <= int(match[2]) <= 12:  # noqa: PLR2004
            raise TrainingError(f"{text!r} is not a month; write it as YYYY-MM, for example 2024-09")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"

    def next(self) -> "Month":
        """Return the month after this one."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)


def newest_months(count: int, today: date | None = None) -> tuple[Month, Month]:
    """Return the first and the last of the newest months that TLC can be expected to have published by a day."""
    today = today or datetime.now(UTC).date()
    last = today.year * 12 + today.month - 1 - PUBLISHED_AFTER_MONTHS
    first = last - count + 1
    return Month(first // 12, first % 12 + 1), Month(last // 12, last % 12 + 1)


def month_range(first: Month, last: Month) -> list[Month]:
    """Return every month from first to last, both included; raise TrainingError if last is before first."""
    if last < first:
        raise TrainingError(f"the range ends ({last}) before it begins ({first})")
    months = [first]
    while months[-1] < last:
        months.append(months[-1].next())
    return months
