"""What answers tell a browser: who may call, and how little an answer may do."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from taxi_api.app import create_app
from taxi_api.model.predictor import Predictor
from taxi_api.settings import Settings

PAGE, STRANGER = "https://app.example.com", "https://evil.example.com"
TRIP = {"PULocationID": 161, "DOLocationID": 132}


@pytest.fixture(scope="module")
def shared(predictor: Predictor) -> Flask:
    settings = {
        "TAXI_CORS_ORIGINS": f"{PAGE}, http://localhost:3000",
        "TAXI_API_KEYS": "0" * 64,
        "TAXI_RATE_LIMIT": "1/day",
    }
    return create_app(Settings.from_environment(settings), predictor)


def preflight(app: Flask, origin: str) -> dict[str, str]:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type, x-api-key"}
    response = app.test_client().options("/predict", headers={"Origin": origin} | asked)
    assert response.status_code == 200
    return dict(response.headers)


def test_a_preflight_of_a_known_page_is_answered_without_key_or_limit(shared: Flask):
    for _ in range(3):
        answer = preflight(shared, PAGE)
        assert answer["Access-Control-Allow-Origin"] == PAGE
        assert "POST" in answer["Access-Control-Allow-Methods"]
        assert set(answer["Access-Control-Allow-Headers"].lower().split(", ")) == {"content-type", "x-api-key"}
        assert "Origin" in answer["Vary"]
        assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize("origin", [STRANGER, "null", "https://app.example.com.evil.example", "http://app.example.com"])
def test_a_preflight_of_any_other_page_is_not(shared: Flask, origin: str):
    assert "Access-Control-Allow-Origin" not in preflight(shared, origin)


def test_a_known_page_may_read_errors_too(shared: Flask):
    response = shared.test_client().post("/predict", json=TRIP, headers={"Origin": PAGE})
    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == PAGE
    shown = response.headers["Access-Control-Expose-Headers"]
    assert {"X-Request-ID", "Retry-After", "RateLimit-Reset"} <= set(shown.split(", "))


def test_every_page_may_call_if_the_settings_say_so(predictor: Predictor):
    client = create_app(Settings(cors_origins=("*",)), predictor).test_client()
    assert client.get("/health", headers={"Origin": STRANGER}).headers["Access-Control-Allow-Origin"] == "*"


def test_no_page_may_call_by_default(client: FlaskClient):
    assert "Access-Control-Allow-Origin" not in client.get("/health", headers={"Origin": PAGE}).headers


@pytest.mark.parametrize(
    "path", ["/health", "/nowhere", "/openapi.json", "/apidocs/", "/apidocs/assets/swagger-ui.css"]
)
def test_every_answer_carries_the_headers(client: FlaskClient, path: str):
    with client.get(path) as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        policy = response.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert ("script-src 'self'" in policy) == path.startswith("/apidocs")
