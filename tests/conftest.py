"""Fixtures that every part of the suite shares."""

import ast
import os
from collections.abc import Callable
from dataclasses import replace

# Models of the tests are small: a second thread costs more than it saves, and much more on a machine that is busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from flask.testing import FlaskClient

from taxi_api.app import create_app
from taxi_api.model.predictor import Predictor
from taxi_api.model.store import load_predictor
from taxi_api.settings import Settings

if TYPE_CHECKING:
    from training.export import Trained
    from training.recipe import Recipe

DATA = Path(os.environ.get("TAXI_DATA_DIR") or Path(__file__).parents[2] / "shared" / "data")
# polars stands for all that training needs: serving does without, and so do the tests of serving.
SERVING_ALONE = find_spec("polars") is None


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out, where only serving is installed, the files that import more."""
    if SERVING_ALONE and collection_path.name.startswith("test_") and collection_path.suffix == ".py":
        return any(name == "training" or find_spec(name) is None for name in _imported(collection_path)) or None
    return None


def pytest_report_header() -> str | None:
    return (
        "only serving is installed: tests of training and those that need more libraries are left out" * SERVING_ALONE
    )


def _imported(path: Path) -> set[str]:
    """Return the packages that a file imports when it is loaded."""
    nodes = ast.parse(path.read_text()).body
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in names}


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real TLC months; tests that need it are skipped without it."""
    if not DATA.is_dir():
        pytest.skip(f"no real trip records: {DATA} does not exist; set TAXI_DATA_DIR")
    return DATA


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    """The bundle that comes with the package."""
    return load_predictor("")


@pytest.fixture(scope="session", params=["fast path", "Flask alone"])
def served(predictor: Predictor, request: pytest.FixtureRequest) -> Callable[[Settings], Flask]:
    """Make an app as it is served, and one without the fast path in front of it: both answer alike."""

    def make(settings: Settings) -> Flask:
        app = create_app(settings, predictor)
        if request.param == "Flask alone":
            app.wsgi_app = app.wsgi_app.flask  # type: ignore[attr-defined]
        return app

    return make


@pytest.fixture(scope="session")
def app(served: Callable[[Settings], Flask]) -> Flask:
    return served(Settings())


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of a synthetic city: green and yellow, eight months."""
    pytest.importorskip("polars", reason="only serving is installed")
    from training.months import Month, month_range  # noqa: PLC0415 - serving is tested without training, too
    from training.synthetic import write_city  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("city")
    write_city(folder, month_range(Month(2023, 1), Month(2023, 8)), trips_a_month=3000)
    return folder


@pytest.fixture(scope="session")
def recipe() -> "Recipe":
    """A recipe that fits in a second."""
    pytest.importorskip("polars", reason="only serving is installed")
    from training.recipe import Recipe  # noqa: PLC0415

    # All that decides how well it is fitted, so that no choice for the real city changes the synthetic one.
    return Recipe(
        units=8,
        epochs=8,
        learning_rate=0.01,
        penalty=0.3,
    )


@pytest.fixture(scope="session")
def poor_recipe(recipe: "Recipe") -> "Recipe":
    """A recipe that hardly learns anything."""
    return replace(recipe, learning_rate=1e-3, units=2)


@pytest.fixture(scope="session")
def trained(city: Path, recipe: "Recipe", tmp_path_factory: pytest.TempPathFactory) -> "tuple[Trained, Path]":
    """A model of the synthetic city and its bundle."""
    from training.pipeline import train  # noqa: PLC0415

    out = tmp_path_factory.mktemp("bundles") / "city"
    return train(city, out, recipe), out
