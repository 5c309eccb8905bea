"""The weights of a bundle, in numpy and as an ONNX graph, against the scikit-learn networks that they are of."""

from collections.abc import Callable
from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest

from taxi_api.model.features import FeatureBuilder, Trips
from taxi_api.model.networks import Networks as Serving
from training.networks import LEAST_SPREAD, Networks
from training.onnx_export import to_onnx
from training.rows import hide
from training.weights import weights_of

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


def in_numpy(networks: Networks, matrix: np.ndarray) -> np.ndarray:
    return Serving(weights_of(networks)).rows(matrix)


def row_by_row(networks: Networks, matrix: np.ndarray) -> np.ndarray:
    serving = Serving(weights_of(networks))
    return np.array([serving.row(features) for features in matrix])


def as_onnx(networks: Networks, matrix: np.ndarray) -> np.ndarray:
    graph = to_onnx(weights_of(networks))
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    return session.run(None, {"features": matrix})[0]


Run = Callable[[Networks, np.ndarray], np.ndarray]
each_way = pytest.mark.parametrize("run", [in_numpy, row_by_row, as_onnx])


@each_way
def test_every_output_is_what_scikit_learn_answers(run: Run, networks: Networks, matrix: np.ndarray):
    np.testing.assert_allclose(run(networks, matrix), networks.raw(matrix), atol=1e-3)


@each_way
def test_a_zone_has_the_part_of_its_own_end(run: Run, networks: Networks, matrix: np.ndarray):
    # The wrong end's look-up would still give a number.
    turned = matrix.copy()
    turned[:, -2:] = matrix[:, :-3:-1]
    found, other = run(networks, matrix), run(networks, turned)
    np.testing.assert_allclose(other, networks.raw(turned), atol=1e-3)
    assert np.abs(found - other).max() > 0.1


@each_way
def test_no_interval_is_narrower_than_the_least_spread_makes_it(run: Run, networks: Networks, matrix: np.ndarray):
    least = LEAST_SPREAD * (networks.below + networks.above)
    _, lower, upper = run(networks, matrix).T
    assert (upper - lower >= least - 1e-3).all()
    # A network that is surer than any may be.
    sure = deepcopy(networks)
    sure.second.intercepts_[-1][1] -= 1000
    _, lower, upper = run(sure, matrix).T
    np.testing.assert_allclose(upper - lower, least, atol=1e-3)
