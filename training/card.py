"""The model card: what a bundle was trained on, how good it is, and where it should not be believed."""

from typing import Any

_TEMPLATE = """\
# Model card: {name} {version}

Expected duration of a New York taxi trip in minutes, with an interval that is meant to hold {level:.0%} of trips.

## Data
Trip records of the New York City Taxi and Limousine Commission (TLC), yellow and green taxis.

| purpose | months | trips |
| --- | --- | ---: |
{months}

Cleaning: {read:,} records read, {kept:,} kept. {dropped}

## Model
Two networks, scikit-learn's `MLPRegressor` with two hidden layers of {units} units, on {features} features. Both answer
the mean duration, and the answer is their average; the second also says how far off the first is on average, which the
interval is made of. Models of the past forecast the calibration months, which set the interval by split conformal
prediction; the final networks learned from these months, too. Inputs may be missing: the networks were trained with
distances and times hidden at random.

## Metrics
Minutes, except for coverage. The test months decided nothing; choices were made on the forecasts of the calibration
months.

| trips | filter | RMSE | MAE | coverage | mean width |
| --- | --- | ---: | ---: | ---: | ---: |
{metrics}

The tutorial baseline is a linear regression on distance and one-hot zone pair, fitted to the same trips.

## Limits
- It knows the clock, the calendar and past trips: no traffic of the moment, weather, events or closed streets.
- Zones are coarse. Without a distance, the answer is for a typical trip between the two zones.
- Trips of over 60 minutes are underestimated and fall out of the interval more often than the level says.
- Where few trips were seen, the answer leans on zones nearby or on the whole city; `basis` in the answer says so.
- Zones that taxis seldom visit, Staten Island above all, are known from few trips.
- Prices, surcharges and traffic rules after the newest training month are unknown to it.
"""


def render_card(manifest: dict[str, Any]) -> str:
    """Return the card in Markdown for a bundle's manifest."""
    data = manifest["data"]
    return _TEMPLATE.format(
        name=manifest["name"],
        version=manifest["version"],
        level=manifest["conformal"]["level"],
        months="\n".join(_month_rows(data)),
        read=data["funnel"]["read"],
        kept=data["funnel"]["kept"],
        dropped=_dropped(data["funnel"]["dropped"]),
        units=manifest["recipe"]["units"],
        features=len(manifest["features"]["names"]),
        metrics="\n".join(_metric_rows(manifest["metrics"])),
    )


def _month_rows(data: dict[str, Any]) -> list[str]:
    return [
        f"| {purpose} | {colour}: {_months(months)} | {data['trips'][purpose][colour]:,} |"
        for purpose, by_colour in data["months"].items()
        for colour, months in by_colour.items()
    ]


def _months(months: list[str]) -> str:
    by_year: dict[str, list[str]] = {}
    for month in months:
        by_year.setdefault(month[:4], []).append(month[5:])
    return ", ".join(f"{year} ({' '.join(numbers)})" for year, numbers in by_year.items())


def _dropped(dropped: dict[str, int]) -> str:
    rules = [f"{rule} ({count:,})" for rule, count in dropped.items() if count]
    return "Dropped: " + ", ".join(rules) + "." if rules else "None dropped."


def _metric_rows(metrics: dict[str, Any]) -> list[str]:
    rows = []
    for name, by_filter in metrics.items():
        for filtered, values in by_filter.items():
            coverage = f"{values['coverage']:.1%} | {values['width']:.2f}" if "coverage" in values else "- | -"
            rows.append(f"| {name} | {filtered} | {values['rmse']:.2f} | {values['mae']:.2f} | {coverage} |")
    return rows
