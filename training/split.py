"""Which months train, calibrate and test: by time, never at random."""

from dataclasses import dataclass

import polars as pl

from training.errors import TrainingError
from training.months import Month

# Calendar months at the end of each colour's data that test.
TEST_MONTHS = 2
# Stretches of calendar months before the newest test months that calibrate, one after the other.
CALIBRATION_WINDOWS = 3
WINDOW_MONTHS = 4


@dataclass(frozen=True)
class Window:
    """A stretch of months that is forecast from everything before it."""

    earlier: pl.DataFrame
    later: pl.DataFrame


@dataclass(frozen=True)
class Split:
    """Clean trips for each purpose."""

    train: pl.DataFrame
    """Everything before the test months: what the final model learns from."""
    windows: tuple[Window, ...]
    """Parts of ``train``, oldest first: models of the past forecast them, which shows how far off a forecast is."""
    test: pl.DataFrame

    @property
    def calibrate(self) -> pl.DataFrame:
        """The trips of all windows."""
        return pl.concat([window.later for window in self.windows])

    def months(self) -> dict[str, dict[str, list[str]]]:
        """Return the months of each purpose by colour."""
        return {
            purpose: {
                colour: sorted(part.filter(pl.col("colour") == colour)["month"].unique())
                for colour in sorted(part["colour"].unique())
            }
            for purpose, part in (("train", self.train), ("calibrate", self.calibrate), ("test", self.test))
        }


def split(trips: pl.DataFrame) -> Split:
    """Divide trips by month of pickup.

    The last two calendar months of each colour test; everything before them trains. The twelve months before the
    newest test months, whatever the colour, are forecast in three windows of four months, each by a model that knows
    only what came before (rolling origin; Tashman, 2000). Windows without trips, or with nothing before them, are left
    out. Raises TrainingError if no window is left.
    """
    last = {
        str(colour): Month.parse(str(month))
        for colour, month in trips.group_by("colour").agg(pl.col("month").max()).iter_rows()
    }
    test_from = {colour: str(_back(month, TEST_MONTHS - 1)) for colour, month in last.items()}
    in_test = pl.col("month") >= pl.col("colour").replace_strict(test_from, return_dtype=pl.String)
    train = trips.filter(~in_test)

    newest = _back(max(last.values()), TEST_MONTHS - 1)
    windows = []
    for number in range(CALIBRATION_WINDOWS, 0, -1):
        begin, end = str(_back(newest, WINDOW_MONTHS * number)), str(_back(newest, WINDOW_MONTHS * (number - 1)))
        window = Window(
            earlier=train.filter(pl.col("month") < begin),
            later=train.filter((pl.col("month") >= begin) & (pl.col("month") < end)),
        )
        if not window.earlier.is_empty() and not window.later.is_empty():
            windows.append(window)
    if not windows:
        raise TrainingError(
            f"the months before {newest} do not suffice to train, and to see how good a forecast is: the last "
            f"{TEST_MONTHS} months test, up to {CALIBRATION_WINDOWS * WINDOW_MONTHS} before them calibrate; "
            "add earlier months"
        )
    return Split(train, tuple(windows), trips.filter(in_test))


def _back(month: Month, count: int) -> Month:
    index = month.year * 12 + month.month - 1 - count
    return Month(index // 12, index % 12 + 1)
