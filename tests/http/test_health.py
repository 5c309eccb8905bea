from dataclasses import replace

import numpy as np
import pytest
from flask.testing import FlaskClient

from taxi_api.app import create_app
from taxi_api.model.predictor import Predictor
from taxi_api.model.store import load_predictor
from taxi_api.schemas.health import HealthSchema, ReadySchema
from taxi_api.settings import Settings
from tests.http.test_errors import assert_problem


def test_alive(client: FlaskClient):
    response = client.get("/health")
    assert response.status_code == 200
    assert HealthSchema().validate(response.get_json()) == {}


def test_ready_names_the_model(client: FlaskClient, predictor: Predictor):
    response = client.get("/ready")
    assert response.status_code == 200
    assert ReadySchema().validate(response.get_json()) == {}
    assert response.get_json()["model"] == {"name": predictor.bundle.name, "version": predictor.bundle.version}


def spoil(client: FlaskClient, damage: float = 1.0) -> None:
    """Make the model of an app of its own give other than its golden answers."""
    extensions = client.application.extensions
    bundle = extensions["predictor"].bundle
    golden = bundle.golden._replace(answers=bundle.golden.answers + damage)
    extensions["predictor"].bundle = replace(bundle, golden=golden)
    extensions["predictor_checked"] -= 2  # as if two seconds had gone by


@pytest.mark.parametrize("damage", [1.0, np.nan])
def test_a_model_that_no_longer_gives_its_golden_answers_is_not_ready(damage: float):
    client = create_app(Settings(), load_predictor("")).test_client()
    assert client.get("/ready").status_code == 200

    spoil(client, damage)
    problem = assert_problem(client.get("/ready"), 503)
    assert "golden" in problem["detail"]
    # It is alive all the same, and it stays not ready however often one asks.
    assert client.get("/health").status_code == 200
    assert client.get("/ready").status_code == 503
