import json
import logging
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from taxi_api import exposure, logs
from taxi_api.api_keys import digest
from taxi_api.app import create_app
from taxi_api.log_lines import formatter
from taxi_api.model.predictor import Predictor
from taxi_api.setting_values import ApiKey
from taxi_api.settings import Settings

KEY = "taxi_secret-of-the-test"
TRIP = {"PULocationID": 161, "DOLocationID": 132}
ENVIRONMENTS = ("development", "production")


@pytest.fixture
def guarded(served: Callable[[Settings], Flask]) -> Flask:
    return served(Settings(app_env="production", api_keys=(ApiKey("app", digest(KEY)),)))


def lines(caplog: pytest.LogCaptureFixture, app_env: str = "production") -> list[str]:
    return [formatter(app_env).format(record) for record in caplog.records]


def test_a_request_is_one_line_of_json(guarded: Flask, caplog: pytest.LogCaptureFixture, predictor: Predictor):
    with caplog.at_level(logging.INFO, logger="taxi_api"):
        guarded.test_client().post("/v1/predict", json=TRIP, headers={"X-API-Key": KEY, "X-Request-ID": "abc"})
    (line,) = lines(caplog)
    entry = json.loads(line)
    assert entry.pop("time").endswith("+00:00")
    assert entry.pop("milliseconds") > 0
    assert entry.pop("message").startswith("POST /v1/predict 200 ")
    assert entry == {
        "level": "INFO",
        "logger": "taxi_api.requests",
        "request_id": "abc",
        "method": "POST",
        "path": "/v1/predict",
        "route": "/v1/predict",
        "status": 200,
        "model_version": predictor.bundle.version,
        "key_label": "app",
        "client": "127.0.0.1",
    }


@pytest.mark.parametrize("path", ["/predict", "/\u2028forged\n", "/\ud800"])
def test_a_line_is_the_same_whether_anybody_else_listens_or_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, path: str
):
    logs.configure(Settings(app_env="production"))
    told = logs.RequestLine("abc", "POST", path, None, 404, 0.00123, "v", "app", "127.0.0.1")
    logs.log_requests([told, told])
    # pytest listens at the root.
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.Logger, "makeRecord", None)
    logs.log_requests([told, told])
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    for line in lines:
        assert line.pop("time") > "2026"
    assert len(lines) == 4
    assert lines[0] == lines[1] == lines[2] == lines[3]
    assert lines[0]["milliseconds"] == 1.23


@pytest.mark.parametrize("app_env", ENVIRONMENTS)
def test_neither_body_nor_query_nor_key_is_logged(guarded: Flask, caplog: pytest.LogCaptureFixture, app_env: str):
    with caplog.at_level(logging.DEBUG):
        guarded.test_client().post(
            "/predict?token=query-secret", json=TRIP | {"note": "body-secret"}, headers={"X-API-Key": KEY}
        )
        guarded.test_client().post("/predict", json=TRIP, headers={"X-API-Key": "key-secret"})
    text = "\n".join(lines(caplog, app_env))
    assert "secret" not in text
    assert digest(KEY) not in text


@pytest.mark.parametrize("app_env", ENVIRONMENTS)
@pytest.mark.parametrize("ending", ["%0A", "%0D%0A", "%C2%85", "%E2%80%A8", "%1B%5B2J"])
def test_a_client_cannot_forge_a_line(client: FlaskClient, caplog: pytest.LogCaptureFixture, app_env: str, ending: str):
    with caplog.at_level(logging.INFO, logger="taxi_api"):
        client.get(f"/x{ending}2024-09-18 INFO forged", headers={"User-Agent": "x"})
    (line,) = lines(caplog, app_env)
    assert len(line.splitlines()) == 1
    assert line.isprintable()


def test_a_long_path_is_cut(client: FlaskClient, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, logger="taxi_api"):
        client.get("/" + "a" * 5000)
    assert len(lines(caplog)[0]) < 1000


def test_a_readable_line_says_what_happened(client: FlaskClient, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, logger="taxi_api"):
        client.get("/v1/model", headers={"X-Request-ID": "abc"})
    (line,) = lines(caplog, "development")
    assert " INFO taxi_api.requests GET /v1/model 200 " in line
    assert line.endswith(" ms client=127.0.0.1 key=None id=abc")


@pytest.mark.parametrize("app_env", ENVIRONMENTS)
def test_a_cause_is_logged_with_its_traceback(app_env: str, caplog: pytest.LogCaptureFixture):
    try:
        {}["the cause"]
    except KeyError:
        logging.getLogger("taxi_api").exception("failed")
    (line,) = lines(caplog, app_env)
    assert "KeyError: 'the cause'" in line
    assert "Traceback" in line
    assert len(line.splitlines()) == 1 or app_env == "development"


def test_the_level_is_honoured(predictor: Predictor, capsys: pytest.CaptureFixture[str]):
    create_app(Settings(log_level="ERROR"), predictor).test_client().get("/v1/model")
    assert capsys.readouterr().err == ""
    create_app(Settings(), predictor).test_client().get("/v1/model")
    assert "GET /v1/model 200" in capsys.readouterr().err


def test_a_probe_that_finds_nothing_wrong_is_not_worth_a_line(predictor: Predictor, capsys: pytest.CaptureFixture[str]):
    for level, said in (("INFO", ""), ("DEBUG", "GET /health 200")):
        create_app(Settings(log_level=level), predictor).test_client().get("/health")
        assert said in capsys.readouterr().err
        app = create_app(Settings(log_level=level), predictor)
        app.extensions["predictor"] = None
        app.extensions["model_follower"] = SimpleNamespace(status=SimpleNamespace(problem="gone"))
        app.test_client().get("/ready")
        assert "GET /ready 503" in capsys.readouterr().err


def test_the_time_it_took_is_told(client: FlaskClient):
    name, duration = client.get("/health").headers["Server-Timing"].split(";dur=")
    assert name == "app"
    assert float(duration) >= 0


def test_production_says_at_the_start_what_is_open(caplog: pytest.LogCaptureFixture):
    exposure.warn_if_open(Settings(app_env="production", cors_origins=("*",)))
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    for variable in ("TAXI_API_KEYS", "TAXI_RATE_LIMIT", "TAXI_CORS_ORIGINS"):
        assert variable in record.getMessage()


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(app_env="production", api_keys=(ApiKey("app", digest(KEY)),), rate_limit="9/minute"),
    ],
)
def test_nothing_is_said_in_development_or_when_all_is_closed(settings: Settings, caplog: pytest.LogCaptureFixture):
    exposure.warn_if_open(settings)
    assert caplog.records == []
