from datetime import date

import holidays as reference
import numpy as np
import pytest

from taxi_api.model.calendar import FIRST_DAY, calendar, holidays


@pytest.mark.parametrize("year", range(2009, 2036))
def test_holidays_are_the_federal_ones_of_an_independent_calendar(year: int):
    federal = reference.country_holidays("US", years=[year], observed=True)
    # Days off that one president declared once are no holidays in any other year.
    usual = {day for day, name in federal.items() if "Day Before" not in name and "Day After" not in name}
    assert holidays(year) == usual


def test_a_holiday_on_a_weekend_is_also_a_day_off_in_the_week():
    assert {date(2021, 12, 24), date(2021, 12, 25), date(2021, 12, 31)} <= holidays(2021)
    assert {date(2022, 1, 1), date(2022, 12, 26)} <= holidays(2022)


def test_the_calendar_has_every_day_of_the_century_once():
    days = calendar()
    assert len(days.weekday) == len(days.holiday) == len(days.season) == 36_525
    for day in (date(2000, 1, 1), date(2024, 2, 29), date(2024, 9, 18), date(2099, 12, 31)):
        row = (day - date(1970, 1, 1)).days - FIRST_DAY
        assert days.weekday[row] == day.weekday()
        assert days.season[row] == 31 * (day.month - 1) + day.day - 1


def test_the_season_is_the_same_in_leap_years():
    days = calendar()
    rows = [(date(year, 12, 25) - date(1970, 1, 1)).days - FIRST_DAY for year in range(2000, 2100)]
    assert np.unique(days.season[rows]).size == 1
