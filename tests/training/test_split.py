import polars as pl
import pytest

from training.errors import TrainingError
from training.months import Month, month_range
from training.split import split


def trips(**months: list[str]) -> pl.DataFrame:
    return pl.DataFrame(
        [(colour, month) for colour, names in months.items() for month in names], ["colour", "month"], orient="row"
    )


def span(first: str, last: str) -> list[str]:
    return [str(month) for month in month_range(Month.parse(first), Month.parse(last))]


def test_months_are_divided_by_time():
    parts = split(trips(green=span("2023-11", "2024-09")))
    assert parts.months() == {
        "train": {"green": span("2023-11", "2024-07")},
        "calibrate": {"green": span("2023-12", "2024-07")},
        "test": {"green": span("2024-08", "2024-09")},
    }


def test_each_window_is_forecast_from_everything_before_it():
    parts = split(trips(green=span("2022-01", "2024-09"), yellow=span("2019-01", "2019-09")))
    assert [window.later["month"].to_list() for window in parts.windows] == [
        span("2023-08", "2023-11"),
        span("2023-12", "2024-03"),
        span("2024-04", "2024-07"),
    ]
    for window in parts.windows:
        assert window.earlier["month"].max() < window.later["month"].min()
        assert "2019-07" in window.earlier["month"]
        assert "2019-08" not in window.earlier["month"], "a test month of yellow"


def test_an_older_colour_trains_and_tests_in_its_own_time():
    parts = split(trips(green=["2024-01", "2024-03", "2024-07", "2024-09"], yellow=span("2019-01", "2019-09")))
    assert parts.months() == {
        "train": {"green": ["2024-01", "2024-03", "2024-07"], "yellow": span("2019-01", "2019-07")},
        "calibrate": {"green": ["2024-01", "2024-03", "2024-07"]},
        "test": {"green": ["2024-09"], "yellow": ["2019-08", "2019-09"]},
    }


def test_the_window_reaches_over_the_new_year():
    assert split(trips(green=span("2023-01", "2024-01"))).months()["test"] == {"green": ["2023-12", "2024-01"]}


def test_every_trip_trains_or_tests():
    every = trips(green=span("2022-01", "2024-09"), yellow=span("2017-01", "2019-09"))
    parts = split(every)
    joined = pl.concat((parts.train, parts.test))
    assert joined.sort("colour", "month").equals(every.sort("colour", "month"))


@pytest.mark.parametrize(
    "months", [["2024-09"], ["2024-08", "2024-09"], ["2024-07", "2024-09"], ["2024-01", "2024-09"]]
)
def test_too_few_months_are_refused_with_the_reason(months: list[str]):
    with pytest.raises(TrainingError, match="add earlier months"):
        split(trips(green=months))
