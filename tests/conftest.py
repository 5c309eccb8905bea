"""Fixtures that every part of the suite shares."""

import os
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from taxi_api.app import create_app
from taxi_api.model.predictor import Predictor
from taxi_api.model.store import load_predictor
from taxi_api.settings import Settings
from training.export import Trained
from training.months import Month, month_range
from training.pipeline import train
from training.recipe import Recipe
from training.synthetic import write_city

DATA = Path(os.environ.get("TAXI_DATA_DIR") or Path(__file__).parents[2] / "shared" / "data")


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


@pytest.fixture(scope="session")
def app(predictor: Predictor) -> Flask:
    return create_app(Settings(), predictor)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of a synthetic city: green and yellow, eight months."""
    folder = tmp_path_factory.mktemp("city")
    write_city(folder, month_range(Month(2023, 1), Month(2023, 8)), trips_a_month=3000)
    return folder


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """A recipe that fits in a second."""
    return Recipe(trees=40, quantile_trees=30, leaves=15, quantile_leaves=7, min_trips_per_leaf=20)


@pytest.fixture(scope="session")
def trained(city: Path, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, Path]:
    """A model of the synthetic city and its bundle."""
    out = tmp_path_factory.mktemp("bundles") / "city"
    return train(city, out, recipe), out
