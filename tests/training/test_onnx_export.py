import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor

from training.errors import TrainingError
from training.onnx_export import float32_at_most, to_onnx


def data(rows: int = 3000, features: int = 5) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    matrix = random.normal(size=(rows, features)).astype(np.float32)
    target = matrix[:, 0] * matrix[:, 1] + np.sin(3 * matrix[:, 2]) + random.normal(0, 0.1, rows)
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    return matrix, target


def run(model: bytes, matrix: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"features": matrix})[0]


@pytest.fixture(scope="module")
def regressors() -> list[HistGradientBoostingRegressor]:
    matrix, target = data()
    return [
        HistGradientBoostingRegressor(max_iter=60, **loss).fit(matrix, target)
        for loss in ({}, {"loss": "quantile", "quantile": 0.05}, {"loss": "absolute_error"})
    ]


def test_every_output_is_what_scikit_learn_answers(regressors: list[HistGradientBoostingRegressor]):
    matrix, _ = data()
    found = run(to_onnx(regressors, 5), matrix)
    expected = np.column_stack([regressor.predict(matrix) for regressor in regressors])
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_values_on_both_sides_of_every_threshold_take_the_same_branch(regressors: list[HistGradientBoostingRegressor]):
    # The float32 neighbours of each split are where rounding the threshold the wrong way would show.
    nodes = np.concatenate([tree.nodes for (tree,) in regressors[0]._predictors])
    splits = nodes[~nodes["is_leaf"].astype(bool)]
    near = splits["num_threshold"].astype(np.float32)
    matrix = np.repeat(data(1)[0], 3 * len(splits), axis=0)
    for shift, value in enumerate((np.nextafter(near, np.float32(-np.inf)), near, np.nextafter(near, np.float32(9e9)))):
        matrix[np.arange(len(splits)) * 3 + shift, splits["feature_idx"]] = value
    np.testing.assert_allclose(run(to_onnx(regressors[:1], 5), matrix)[:, 0], regressors[0].predict(matrix), atol=1e-4)


def test_a_model_that_learned_nothing_is_written_too():
    matrix, target = data(50)
    constant = HistGradientBoostingRegressor(max_iter=3).fit(matrix, np.full_like(target, 7.5))
    np.testing.assert_allclose(run(to_onnx([constant], 5), matrix), 7.5)


def test_categorical_splits_are_refused():
    matrix, target = data(200)
    categories = np.nan_to_num(matrix).round().clip(0, 3)
    model = HistGradientBoostingRegressor(categorical_features=[0], max_iter=2).fit(categories, target)
    with pytest.raises(TrainingError, match="numeric splits only"):
        to_onnx([model], 5)


@given(st.floats(-1e30, 1e30), st.integers(-2, 2))
def test_a_rounded_threshold_decides_the_same(threshold: float, steps: int):
    rounded = float32_at_most(np.array([threshold]))[0]
    assert rounded.dtype == np.float32
    value = np.float32(threshold)
    for _ in range(abs(steps)):
        value = np.nextafter(value, np.float32(np.copysign(np.inf, steps)))
    assert (value <= rounded) == (np.float64(value) <= threshold)
