"""The error contract: one shape, whatever went wrong and whoever noticed it."""

import logging

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from werkzeug.exceptions import TooManyRequests, default_exceptions
from werkzeug.test import TestResponse

from taxi_api.app import create_app
from taxi_api.model.predictor import Predictor
from taxi_api.schemas.problem import ProblemSchema
from taxi_api.settings import Settings


def assert_problem(response: TestResponse, status: int) -> dict:
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    problem = response.get_json()
    assert ProblemSchema().validate(problem) == {}
    assert set(problem) - {"errors"} == {"type", "title", "status", "detail", "instance", "request_id"}
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["request_id"] == response.headers["X-Request-ID"]
    return problem


@pytest.fixture
def failing(predictor: Predictor) -> Flask:
    """An app with routes that fail in every way."""
    app = create_app(Settings(), predictor)

    @app.get("/status/<int:status>")
    def fail_with_status(status: int):
        abort(status)

    @app.get("/crash")
    def crash():
        raise RuntimeError("secret: 7cc1f9")

    @app.get("/retry")
    def retry():
        raise TooManyRequests(retry_after=7)

    return app


@pytest.mark.parametrize("status", sorted(default_exceptions))
def test_every_status_that_werkzeug_knows_is_a_problem(failing: Flask, status: int):
    response = failing.test_client().get(f"/status/{status}")
    problem = assert_problem(response, status)
    assert problem["title"] != "Error"
    assert problem["instance"] == f"/status/{status}"


def test_headers_that_belong_to_an_error_are_kept(failing: Flask):
    client = failing.test_client()
    assert client.get("/retry").headers["Retry-After"] == "7"
    assert set(client.post("/retry").headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_an_unexpected_error_tells_the_log_and_not_the_client(failing: Flask, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.ERROR, logger="taxi_api"):
        response = failing.test_client().get("/crash")
    problem = assert_problem(response, 500)
    assert "7cc1f9" not in response.get_data(as_text=True)
    assert "7cc1f9" in caplog.text
    assert problem["request_id"] in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/predict/", 404),
        ("GET", "/apidocs/assets/none.js", 404),
        ("GET", "/apidocs/../../etc/passwd", 404),
        ("POST", "/openapi.json", 405),
        ("DELETE", "/health", 405),
        ("POST", "/predict", 415),
    ],
)
def test_real_routes_answer_with_problems(client: FlaskClient, method: str, path: str, status: int):
    assert_problem(client.open(path, method=method), status)


def test_invalid_fields_are_a_problem_with_errors(client: FlaskClient):
    problem = assert_problem(client.post("/predict", json={}), 422)
    assert set(problem["errors"]) == {"PULocationID", "DOLocationID"}


@pytest.mark.parametrize("given", ["abc-123", "a" * 128, "1-5759e988-bd862e3fe1be46a994272793", "Root=1-abc/x:y@z"])
def test_a_usable_request_id_comes_back(client: FlaskClient, given: str):
    assert client.get("/health", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "a" * 129, "two words", "<script>", "a;b", "\u00e9"])
def test_an_unusable_request_id_is_replaced(client: FlaskClient, given: str):
    returned = client.get("/health", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert returned != given
    assert len(returned) == 32


def test_request_ids_differ(client: FlaskClient):
    assert len({client.get("/health").headers["X-Request-ID"] for _ in range(20)}) == 20
