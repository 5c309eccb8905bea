"""What a cache between the client and the service may rely on."""

from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from taxi_api.app import create_app
from taxi_api.model.predictor import Predictor
from taxi_api.settings import Settings
from tests.http.test_errors import assert_problem

TRIP = "/v1/predict?PULocationID=161&DOLocationID=132"
TIMED = f"{TRIP}&pickup_datetime={quote('2024-09-18T08:30:00')}"
KEPT = ["/v1/zones", "/v1/zones?borough=Queens", "/v1/zones/161", "/v1/model", TIMED]


@pytest.mark.parametrize("path", KEPT)
def test_an_answer_that_holds_says_so_and_is_not_sent_twice(client: FlaskClient, path: str):
    first = client.get(path)
    assert first.status_code == 200
    assert first.headers["Cache-Control"] == "max-age=300"
    etag = first.headers["ETag"]
    assert etag.startswith('"'), "a strong one"

    again = client.get(path, headers={"If-None-Match": f'"other", {etag}'})
    assert again.status_code == 304
    assert again.get_data() == b""
    assert again.headers["ETag"] == etag
    assert again.headers["Cache-Control"] == "max-age=300"
    assert again.headers["X-Request-ID"]

    changed = client.get(path, headers={"If-None-Match": '"other"'})
    assert changed.status_code == 200
    assert changed.get_data() == first.get_data()


@pytest.mark.parametrize("path", KEPT)
def test_head_is_get_without_the_body(client: FlaskClient, path: str):
    head, get = client.head(path), client.get(path)
    assert head.get_data() == b""
    for name in ("ETag", "Content-Length", "Content-Type", "Cache-Control"):
        assert head.headers[name] == get.headers[name]


def test_different_answers_have_different_etags(client: FlaskClient):
    paths = [*KEPT, "/v1/zones/162", f"{TIMED}&trip_distance=17"]
    etags = {client.get(path).headers["ETag"] for path in paths}
    etags.add(client.get("/v1/zones/161", headers={"Accept": "application/geo+json"}).headers["ETag"])
    assert len(etags) == len(paths) + 1


def test_a_prediction_for_now_is_asked_for_again(client: FlaskClient):
    assert client.get(TRIP).headers["Cache-Control"] == "no-cache"


def test_a_wish_for_another_version_is_refused(client: FlaskClient):
    problem = assert_problem(client.get("/v1/model", headers={"If-Match": '"other"'}), 412)
    assert "If-Match" in problem["detail"]
    etag = client.get("/v1/model").headers["ETag"]
    assert client.get("/v1/model", headers={"If-Match": etag}).status_code == 200


@pytest.mark.parametrize(("seconds", "stated"), [(0, "no-cache"), (60, "max-age=60")])
def test_the_operator_says_how_long(predictor: Predictor, seconds: int, stated: str):
    client = create_app(Settings(cache_seconds=seconds), predictor).test_client()
    assert {client.get(path).headers["Cache-Control"] for path in KEPT} == {stated}


def test_errors_carry_no_permission_to_keep_them(client: FlaskClient):
    for path in ("/v1/zones/0", "/v1/zones?city=Boston", "/v1/predict"):
        response = client.get(path)
        assert response.status_code in {404, 422}
        assert "Cache-Control" not in response.headers
        assert "ETag" not in response.headers
