"""Which records are trips that a model may learn from: named rules, each with its count."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import polars as pl
from rich.table import Table

from taxi_api.model.zones import FIRST_ZONE, LAST_ZONE

LONGEST_MINUTES = 90.0
FARTHEST_MILES = 200.0

_NEW_YORK = ZoneInfo("America/New_York")


@dataclass
class Funnel:
    """How many records came in, what took them out, and how many are left."""

    read: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    """Rule -> records it removed; a record counts under the first rule that it breaks."""
    changed: dict[str, int] = field(default_factory=dict)
    """Rule -> records it altered but kept."""
    kept: int = 0
    skipped_files: list[str] = field(default_factory=list)
    """One sentence for each file that could not be used."""

    def add(self, other: "Funnel") -> None:
        """Add another file's counts to these."""
        self.read += other.read
        self.kept += other.kept
        self.skipped_files += other.skipped_files
        for mine, theirs in ((self.dropped, other.dropped), (self.changed, other.changed)):
            for rule, count in theirs.items():
                mine[rule] = mine.get(rule, 0) + count

    def table(self) -> Table:
        """Return the funnel as a table to print."""
        table = Table("rule", title="Cleaning funnel")
        table.add_column("records", justify="right")
        table.add_column("share", justify="right")
        rows = [("read", self.read)]
        rows += [(f"- {rule}", count) for rule, count in self.dropped.items()]
        rows += [("kept", self.kept)]
        rows += [(f"  of these: {rule}", count) for rule, count in self.changed.items()]
        for rule, count in rows:
            table.add_row(rule, f"{count:,}", f"{count / max(self.read, 1):.2%}")
        if self.skipped_files:
            table.caption = f"{len(self.skipped_files)} files skipped"
        return table


def clean(records: pl.DataFrame, period: str) -> tuple[pl.DataFrame, Funnel]:
    """Return the usable trips of one file, with a column ``minutes`` and a column ``month``, and the funnel.

    Args:
        records: columns of ``training.records.SCHEMA``.
        period: the month or year that the file is for, such as ``2024-09`` or ``2017``; empty for any.

    """
    trips = records.with_columns(
        minutes=(pl.col("dropoff") - pl.col("pickup")).dt.total_seconds() / 60,
        month=pl.col("pickup").dt.strftime("%Y-%m"),
    )
    valid_zone = pl.col("pickup_zone").is_between(FIRST_ZONE, LAST_ZONE) & pl.col("dropoff_zone").is_between(
        FIRST_ZONE, LAST_ZONE
    )
    rules = {
        "a time is missing": pl.col("pickup").is_not_null() & pl.col("dropoff").is_not_null(),
        "pickup outside the file's period": pl.col("month").str.starts_with(period),
        "a zone is missing or unknown to TLC": valid_zone,
        "dropoff before pickup": pl.col("minutes") >= 0,
        f"longer than {LONGEST_MINUTES:.0f} minutes": pl.col("minutes") <= LONGEST_MINUTES,
        "during a clock change": ~_in_clock_change(trips),
    }
    funnel = Funnel(read=trips.height)
    for rule, keep in rules.items():
        left = trips.filter(keep)
        funnel.dropped[rule] = trips.height - left.height
        trips = left
    believable = (pl.col("miles") > 0) & (pl.col("miles") <= FARTHEST_MILES)
    trips = trips.with_columns(miles=pl.when(believable).then(pl.col("miles")))
    funnel.changed["distance not believable, taken as missing"] = trips["miles"].null_count()
    funnel.kept = trips.height
    return trips.drop("dropoff"), funnel


def _in_clock_change(trips: pl.DataFrame) -> pl.Expr:
    """Return true for trips that touch 1 to 3 in the morning of a day on which the clocks change.

    TLC's times are wall-clock without an offset: at these hours a difference of two times may be an hour off.
    """
    years = trips["pickup"].dt.year().drop_nulls()
    if years.is_empty():
        return pl.lit(value=False)
    # Stray records claim any year; clocks have changed on New York's present dates since 2007.
    days = [day for year in years.unique() if 2007 <= year < 2100 for day in clock_changes(year)]  # noqa: PLR2004
    day = pl.col("dropoff").dt.truncate("1d")
    return (
        day.is_in(pl.Series(days, dtype=pl.Datetime("us")).implode())
        & (pl.col("dropoff") >= day + timedelta(hours=1))
        & (pl.col("pickup") < day + timedelta(hours=3))
    )


@cache
def clock_changes(year: int) -> list[datetime]:
    """Return the midnights that begin the days of a year on which New York's clocks change."""
    midnight = datetime(year, 1, 1)
    changes = []
    while midnight.year == year:
        tomorrow = midnight + timedelta(days=1)
        if midnight.replace(tzinfo=_NEW_YORK).utcoffset() != tomorrow.replace(tzinfo=_NEW_YORK).utcoffset():
            changes.append(midnight)
        midnight = tomorrow
    return changes
