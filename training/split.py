"""Which months train, calibrate and test: by time, never at random."""

from dataclasses import dataclass

import polars as pl

from training.errors import TrainingError
from training.months import Month

# Calendar months at the end of each colour's data that test, and before the newest of them those that calibrate.
TEST_MONTHS = 2
CALIBRATION_MONTHS = 4


@dataclass(frozen=True)
class Split:
    """Clean trips for each purpose."""

    train: pl.DataFrame
    calibrate: pl.DataFrame
    test: pl.DataFrame

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

    The last two calendar months of each colour test; the four before the newest test window calibrate, whatever the
    colour, because an interval has to hold for now; everything earlier trains. Raises TrainingError if a part is
    empty.
    """
    last = {
        str(colour): Month.parse(str(month))
        for colour, month in trips.group_by("colour").agg(pl.col("month").max()).iter_rows()
    }
    test_from = {colour: str(_back(month, TEST_MONTHS - 1)) for colour, month in last.items()}
    calibrate_from = str(_back(max(last.values()), TEST_MONTHS - 1 + CALIBRATION_MONTHS))

    begins = pl.col("colour").replace_strict(test_from, return_dtype=pl.String)
    in_test = pl.col("month") >= begins
    in_calibration = ~in_test & (pl.col("month") >= calibrate_from)
    parts = Split(
        train=trips.filter(~in_test & ~in_calibration),
        calibrate=trips.filter(in_calibration),
        test=trips.filter(in_test),
    )
    for purpose, part in (("train", parts.train), ("calibrate", parts.calibrate)):
        if part.is_empty():
            raise TrainingError(
                f"no month is left to {purpose}: trips before {calibrate_from} train, from then until "
                f"{max(test_from.values())} calibrate, later ones test; add earlier months"
            )
    return parts


def _back(month: Month, count: int) -> Month:
    index = month.year * 12 + month.month - 1 - count
    return Month(index // 12, index % 12 + 1)
