"""The committed bundle and the readers on real TLC months; skipped where there are none."""

from pathlib import Path

import numpy as np
import pytest

from taxi_api.model.predictor import Predictor
from training.metrics import metrics
from training.rows import with_inputs_hidden
from training.split import Split, split
from training.trips import columns, load_trips, minutes


@pytest.fixture(scope="module")
def parts(real_data: Path) -> Split:
    trips, funnel = load_trips(real_data)
    assert funnel.skipped_files == []
    assert funnel.read == funnel.kept + sum(funnel.dropped.values())
    assert 0.98 < funnel.kept / funnel.read < 1
    return split(trips)


def test_the_committed_bundle_was_trained_on_these_months(parts: Split, predictor: Predictor):
    assert predictor.bundle.manifest["data"]["months"] == parts.months()


MOST = {
    "green": {"1-60": {"rmse": 4.42, "mae": 2.83, "width": 11.0}, "0-90": {"rmse": 5.35}},
    "yellow": {"1-60": {"rmse": 4.20, "mae": 2.90, "width": 11.5}},
}


@pytest.mark.parametrize("colour", MOST)
def test_the_committed_bundle_is_as_good_as_it_has_to_be(parts: Split, predictor: Predictor, colour: str):
    test = parts.test.filter(colour=colour)
    found = metrics(predictor.predict(columns(test)).minutes, minutes(test))
    for filtered, most in MOST[colour].items():
        assert {name for name in most if found[filtered][name] > most[name]} == set()
    assert 0.88 <= found["1-60"]["coverage"] <= 0.92


@pytest.mark.parametrize(("hidden", "rmse"), [("no distance", 5.45), ("no time", 5.25), ("neither", 6.0)])
def test_inputs_may_be_missing_at_a_price(parts: Split, predictor: Predictor, hidden: str, rmse: float):
    test = parts.test.filter(colour="green")
    shown = with_inputs_hidden(columns(test))[hidden]
    found = metrics(predictor.predict(shown).minutes, minutes(test))["1-60"]
    assert found["rmse"] <= rmse
    assert 0.86 <= found["coverage"] <= 0.92


def test_the_card_reports_what_the_bundle_does(parts: Split, predictor: Predictor):
    test = parts.test.filter(colour="green")
    found = metrics(predictor.predict(columns(test)).minutes, minutes(test))
    reported = predictor.bundle.manifest["metrics"]["green 2024-09"]
    for filtered, values in found.items():
        assert values == pytest.approx(reported[filtered], abs=2e-3)


def test_every_real_trip_of_the_test_months_gets_an_answer(parts: Split, predictor: Predictor):
    answers = predictor.predict(columns(parts.test)).minutes
    assert np.isfinite(answers).all()
    assert ((answers[:, 1] <= answers[:, 0]) & (answers[:, 0] <= answers[:, 2])).all()
