import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from taxi_api.__main__ import main
from taxi_api.api_keys import digest
from taxi_api.app import create_app
from taxi_api.model.predictor import Predictor
from taxi_api.settings import Settings
from tests.http.test_errors import assert_problem

TRIP = {"PULocationID": 161, "DOLocationID": 132}
KEY, OTHER = f"taxi_{'aB3-' * 11}", f"taxi_{'cD5_' * 11}"


@pytest.fixture(scope="module")
def guarded(served: Callable[[Settings], Flask]) -> Flask:
    return served(Settings.from_environment({"TAXI_API_KEYS": f"app:{digest(KEY)}, {digest(OTHER).upper()}"}))


@pytest.fixture
def caller(guarded: Flask) -> FlaskClient:
    return guarded.test_client()


@pytest.mark.parametrize("key", [KEY, OTHER])
def test_a_known_key_may_call(caller: FlaskClient, key: str):
    assert caller.post("/predict", json=TRIP, headers={"X-API-Key": key}).status_code == 200


@pytest.mark.parametrize("key", ["wrong", KEY[:-1], KEY.upper(), digest(KEY), "", "\u00e9", f"{KEY},{OTHER}"])
def test_any_other_key_is_refused(caller: FlaskClient, key: str):
    response = caller.post("/predict", json=TRIP, headers={"X-API-Key": key})
    problem = assert_problem(response, 401)
    assert response.headers["WWW-Authenticate"].lower().startswith("apikey ")
    assert "X-API-Key" in problem["detail"]
    assert not key or key not in problem["detail"]


def test_what_a_key_opened_stays_out_of_shared_caches(caller: FlaskClient):
    response = caller.get("/v1/model", headers={"X-API-Key": KEY})
    assert response.cache_control.private
    assert response.cache_control.max_age == 300


def test_without_a_key_nothing_is_read(caller: FlaskClient):
    problem = assert_problem(caller.post("/predict", data=b"{"), 401)
    assert problem["detail"] == "Send an API key in X-API-Key."


def test_every_route_is_closed_but_probes_metrics_and_documentation(guarded: Flask):
    client = guarded.test_client()
    opened = set()
    for rule in guarded.url_map.iter_rules():
        path = re.sub("<.*?>", "1", rule.rule)
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
            with client.open(path, method=method) as response:
                if response.status_code != 401:
                    opened.add(rule.rule)
    assert {rule for rule in opened if not rule.startswith(("/apidocs", "/openapi.json"))} == {
        "/health",
        "/ready",
        "/ping",
        "/metrics",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/taxi-duration/ready",
    }


def test_a_path_that_does_not_exist_says_so_to_all(caller: FlaskClient):
    assert_problem(caller.get("/nowhere"), 404)


def test_without_keys_in_the_settings_everybody_may_call(client: FlaskClient):
    assert client.post("/predict", json=TRIP).status_code == 200
    assert client.post("/predict", json=TRIP, headers={"X-API-Key": "any"}).status_code == 200


def test_the_documentation_can_be_switched_off(predictor: Predictor):
    client = create_app(Settings(docs=False), predictor).test_client()
    for path in ("/apidocs", "/apidocs/", "/apidocs/start.js", "/openapi.json"):
        assert_problem(client.get(path), 404)


def test_a_key_is_made_for_the_settings(capsys: pytest.CaptureFixture[str], predictor: Predictor):
    assert main(["keys", "new", "--label", "app-1"]) == 0
    _, key, _, entry = (line.strip() for line in capsys.readouterr().out.splitlines())
    assert entry == f"app-1:{digest(key)}"
    assert len(key) > 40
    client = create_app(Settings.from_environment({"TAXI_API_KEYS": entry}), predictor).test_client()
    assert client.post("/predict", json=TRIP, headers={"X-API-Key": key}).status_code == 200

    main(["keys", "new", "--label", "app-1"])
    assert key not in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["keys"], ["keys", "new"], ["keys", "new", "--label", "a,b"]])
def test_a_wrong_command_is_explained(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: python -m taxi_api" in capsys.readouterr().err
