from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from taxi_api.model.bundle import load_bundle
from taxi_api.model.explain import INPUTS, explain
from taxi_api.model.features import OneTrip, Trips
from taxi_api.model.predictor import Predictor
from taxi_api.model.store import DEFAULT_BUNDLE, load_predictor

if TYPE_CHECKING:
    from training.export import Trained

GOLDEN = load_bundle(DEFAULT_BUNDLE).golden
NOON = int(np.datetime64("2024-09-18T12:00:00", "s").astype(np.int64))


class Known:
    """Stands for a predictor whose duration is a formula."""

    def __init__(self, formula: Any, trips: Trips) -> None:
        self.bundle = SimpleNamespace(golden=SimpleNamespace(trips=trips))
        self.features = SimpleNamespace(matrix=lambda trips: trips)
        self.raw = lambda trips: np.asarray(formula(trips), np.float64)[:, None]


def parts(formula: Any, trip: OneTrip, others: Trips) -> tuple[float, dict[str, float]]:
    found = explain(cast("Predictor", Known(formula, others)), trip)
    return found.base, dict(zip(INPUTS, found.contributions.tolist(), strict=True))


def others(*rows: tuple[int, int, float, str]) -> Trips:
    pickup, dropoff, miles, time = zip(*rows, strict=True)
    return Trips(np.array(pickup), np.array(dropoff), np.array(miles, float), np.array(time, "M8[s]"))


def test_what_is_added_up_is_taken_apart_again():
    one, two = (10, 20, 2.0, "2024-01-05T06:00:00"), (30, 40, 4.0, "2024-01-07T18:00:00")

    def formula(trips: Trips) -> np.ndarray:
        hour = trips.pickup.astype("M8[h]").astype(int) % 24
        day = trips.pickup.astype("M8[D]").astype(int)
        return trips.pickup_zone + 2 * trips.dropoff_zone + 10 * trips.miles + 100 * hour + 1000 * (day % 7)

    base, found = parts(formula, OneTrip(11, 22, 5.0, NOON), others(one, two))
    # 2024-01-05 and -07 are days 19727 and 19729 since 1970, the trip's is 19984: 1, 3 and 6 modulo 7.
    assert base == pytest.approx(20 + 60 + 30 + 1200 + 2000)
    assert found == pytest.approx(
        {"pickup_zone": -9, "dropoff_zone": -16, "trip_distance": 20, "time_of_day": 0, "date": 4000}
    )


def test_what_two_inputs_do_together_is_shared_between_them():
    # Miles times zone: from (2, 1 mile) to (4, 3 miles) it is 10 more; in one order 2 + 8, in the other 4 + 6.
    base, found = parts(
        lambda trips: trips.pickup_zone * trips.miles, OneTrip(4, 1, 3.0, NOON), others((2, 1, 1.0, "2024-01-05"))
    )
    assert base == 2
    assert (found["pickup_zone"], found["trip_distance"]) == pytest.approx((4, 6))
    assert (found["dropoff_zone"], found["time_of_day"], found["date"]) == (0, 0, 0)


def test_incomplete_trips_are_compared_with_only_if_there_are_no_others():
    whole, no_miles, no_time = (2, 1, 1.0, "2024-01-05"), (3, 1, np.nan, "2024-01-05"), (5, 1, 1.0, "NaT")

    def base(*rows: Any) -> float:
        return parts(lambda trips: trips.pickup_zone, OneTrip(4, 1, 3.0, NOON), others(*rows))[0]

    assert base(whole, no_miles, no_time) == 2
    assert base(no_miles, no_time) == 3
    assert base(no_time) == 5


def test_a_trip_without_a_time_is_not_explained(predictor: Predictor):
    with pytest.raises(ValueError, match="pickup time"):
        explain(predictor, OneTrip(161, 132, 17.0, None))


@pytest.mark.parametrize("bundle", ["default", "city"])
def test_the_parts_of_golden_trips_add_up_to_the_models_output(
    predictor: Predictor, trained: "tuple[Trained, Path]", bundle: str
):
    if bundle == "city":
        predictor = load_predictor(str(trained[1]))
    golden = predictor.bundle.golden.trips
    raw = predictor.raw(predictor.features.matrix(golden))[:, 0]
    timed = np.flatnonzero(~np.isnat(golden.pickup))
    for row in timed[::10]:
        seconds = int(golden.pickup[row].astype(np.int64))
        trip = OneTrip(int(golden.pickup_zone[row]), int(golden.dropoff_zone[row]), float(golden.miles[row]), seconds)
        found = explain(predictor, trip)
        assert found.base + found.contributions.sum() == pytest.approx(raw[row], abs=0.001)
