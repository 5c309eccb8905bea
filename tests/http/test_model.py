from pathlib import Path
from typing import TYPE_CHECKING

from flask.testing import FlaskClient

from taxi_api.app import create_app
from taxi_api.model.features import NAMES
from taxi_api.model.predictor import Predictor
from taxi_api.schemas.model import ModelSchema
from taxi_api.settings import Settings

if TYPE_CHECKING:
    from training.export import Trained


def test_the_model_says_where_it_comes_from_and_how_good_it_is(client: FlaskClient, predictor: Predictor):
    answer = client.get("/v1/model").get_json()
    assert ModelSchema().validate(answer) == {}
    bundle = predictor.bundle
    assert (answer["name"], answer["version"], answer["digest"]) == (bundle.name, bundle.version, bundle.digest)
    assert answer["features"] == list(NAMES)
    assert answer["metrics"] == bundle.manifest["metrics"]
    assert all(answer["months"][purpose] for purpose in ("train", "calibrate", "test"))
    assert answer["interval"]["level"] == 0.9
    shares = [share for by_minutes in answer["interval"]["measured"].values() for share in by_minutes.values()]
    assert shares
    assert all(0.7 < share < 1 for share in shares)


def test_another_bundle_describes_itself(trained: "tuple[Trained, Path]"):
    client = create_app(Settings(model_uri=str(trained[1]))).test_client()
    answer = client.get("/v1/model").get_json()
    assert ModelSchema().validate(answer) == {}
    assert set(answer["months"]["train"]) == {"green", "yellow"}
    assert answer["interval"]["measured"]
