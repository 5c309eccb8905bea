from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest

from taxi_api.model.features import FeatureBuilder, Trips
from training.networks import LEAST_SPREAD, Networks
from training.onnx_export import to_onnx
from training.rows import hide

if TYPE_CHECKING:
    from pathlib import Path

    from training.export import Trained


@pytest.fixture
def networks(trained: "tuple[Trained, Path]") -> Networks:
    return trained[0].model.networks


@pytest.fixture
def matrix(trained: "tuple[Trained, Path]") -> np.ndarray:
    """Features of trips between all kinds of zones, also those that were never seen, with inputs hidden."""
    draw = np.random.default_rng(3)
    count = 3000
    trips = Trips(
        draw.integers(1, 266, count),
        draw.integers(1, 266, count),
        draw.exponential(5, count) + 0.01,
        np.datetime64("2023-01-01", "s") + draw.integers(0, 365 * 86_400, count),
    )
    hidden = hide(trips, draw.random(count) < 0.3, draw.random(count) < 0.3)
    return FeatureBuilder(trained[0].model.tables).matrix(hidden)


def run(model: bytes, matrix: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"features": matrix})[0]


def test_every_output_is_what_scikit_learn_answers(networks: Networks, matrix: np.ndarray):
    np.testing.assert_allclose(run(to_onnx(networks), matrix), networks.raw(matrix), atol=1e-3)


def test_a_zone_has_the_part_of_its_own_end(networks: Networks, matrix: np.ndarray):
    # Pickup and dropoff zones are look-ups in one array: the wrong half of it would still give a number.
    turned = matrix.copy()
    turned[:, -2:] = matrix[:, :-3:-1]
    found, other = run(to_onnx(networks), matrix), run(to_onnx(networks), turned)
    np.testing.assert_allclose(other, networks.raw(turned), atol=1e-3)
    assert np.abs(found - other).max() > 0.1


def test_no_interval_is_narrower_than_the_least_spread_makes_it(networks: Networks, matrix: np.ndarray):
    least = LEAST_SPREAD * (networks.below + networks.above)
    _, lower, upper = run(to_onnx(networks), matrix).T
    assert (upper - lower >= least - 1e-3).all()
    # A network that is surer than any may be.
    sure = deepcopy(networks)
    sure.second.intercepts_[-1][1] -= 1000
    _, lower, upper = run(to_onnx(sure), matrix).T
    np.testing.assert_allclose(upper - lower, least, atol=1e-3)
