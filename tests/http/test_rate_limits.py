import logging
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis
from flask.testing import FlaskClient

from taxi_api.api_keys import digest
from taxi_api.app import create_app
from taxi_api.model.predictor import Predictor
from taxi_api.settings import Settings
from tests.http.test_errors import assert_problem
from tests.servers import free_port, wait_until

TRIP = {"PULocationID": 161, "DOLocationID": 132}


def limited(predictor: Predictor, **variables: str) -> FlaskClient:
    return create_app(Settings.from_environment({"TAXI_RATE_LIMIT": "3/hour"} | variables), predictor).test_client()


def statuses(client: FlaskClient, times: int, **more: object) -> list[int]:
    return [client.post("/predict", json=TRIP, **more).status_code for _ in range(times)]


def test_beyond_the_limit_a_caller_is_told_how_long_to_wait(predictor: Predictor):
    client = limited(predictor)
    for left in (2, 1, 0):
        response = client.post("/predict", json=TRIP)
        assert response.status_code == 200
        assert response.headers["RateLimit-Limit"] == "3"
        assert response.headers["RateLimit-Remaining"] == str(left)
        assert 1 <= int(response.headers["RateLimit-Reset"]) <= 3600
        assert "Retry-After" not in response.headers
    response = client.post("/predict", json=TRIP)
    problem = assert_problem(response, 429)
    assert "3/hour" in problem["detail"]
    assert response.headers["RateLimit-Remaining"] == "0"
    assert response.headers["Retry-After"] == response.headers["RateLimit-Reset"]
    assert 1 <= int(response.headers["Retry-After"]) <= 3600


def test_all_routes_share_the_limit_but_probes_have_none(predictor: Predictor):
    client = limited(predictor)
    assert [client.post(path, json=TRIP).status_code for path in ("/predict", "/v1/predict")] == [200, 200]
    assert client.get("/openapi.json").status_code == 200
    assert client.get("/openapi.json").status_code == 429
    for path in ("/health", "/ready", "/metrics"):
        response = client.get(path)
        assert response.status_code == 200
        assert "RateLimit-Limit" not in response.headers


def test_each_address_has_its_own_limit_and_no_client_can_choose_one(predictor: Predictor):
    client = limited(predictor)
    assert statuses(client, 4, environ_overrides={"REMOTE_ADDR": "192.0.2.1"}) == [200, 200, 200, 429]
    assert statuses(client, 1, environ_overrides={"REMOTE_ADDR": "192.0.2.2"}) == [200]
    pretended = {"X-Forwarded-For": "192.0.2.3", "X-API-Key": "made up"}
    assert statuses(client, 1, environ_overrides={"REMOTE_ADDR": "192.0.2.1"}, headers=pretended) == [429]


def test_each_key_has_its_own_limit_wherever_it_comes_from(predictor: Predictor):
    client = limited(predictor, TAXI_API_KEYS=f"a:{digest('one')},a:{digest('two')},b:{digest('three')}")
    for address, key, status in (
        ("192.0.2.1", "one", 200),
        ("192.0.2.2", "one", 200),
        ("192.0.2.3", "two", 200),  # the same label
        ("192.0.2.4", "two", 429),
        ("192.0.2.4", "three", 200),
    ):
        where = {"environ_overrides": {"REMOTE_ADDR": address}, "headers": {"X-API-Key": key}}
        assert statuses(client, 1, **where) == [status]


def test_keys_cannot_be_tried_without_limit(predictor: Predictor):
    client = limited(predictor, TAXI_API_KEYS=digest("one"))
    assert statuses(client, 4, headers={"X-API-Key": "guess"}) == [401, 401, 401, 429]


class RedisServer:
    """A Redis server without a disk, on a port that it keeps over restarts."""

    def __init__(self, folder: Path, program: str) -> None:
        self._program = program
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
        )
        wait_until(self.answers)

    def answers(self) -> bool:
        with redis.Redis(port=self.port) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer(tmp_path, program)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def test_workers_count_together_in_redis(predictor: Predictor, redis_server: RedisServer):
    one, other = (limited(predictor, TAXI_RATE_LIMIT_STORAGE=redis_server.url) for _ in range(2))
    assert [statuses(client, 1) for client in (one, other, one, other, one)] == [[200], [200], [200], [429], [429]]


def test_without_redis_requests_are_limited_in_memory_until_it_is_back(
    predictor: Predictor, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
):
    client = limited(predictor, TAXI_RATE_LIMIT_STORAGE=redis_server.url)
    assert statuses(client, 2) == [200, 200]

    redis_server.stop()
    # Memory starts from nothing, and it counts.
    assert statuses(client, 5) == [200, 200, 200, 429, 429]
    warnings = [record for record in caplog.records if record.levelname in {"WARNING", "ERROR", "CRITICAL"}]
    assert [record.getMessage() for record in warnings] == [
        "Rate limit storage unreachable - falling back to in-memory storage"
    ]

    redis_server.start()
    # This Redis remembers nothing; until the limiter asks for it again, memory refuses.
    wait_until(lambda: statuses(client, 1) == [200])
    assert statuses(client, 3) == [200, 200, 429]


def test_many_requests_at_once_lose_redis_without_a_failure_or_an_error_in_the_log(
    predictor: Predictor, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
):
    client = limited(predictor, TAXI_RATE_LIMIT="1000/hour", TAXI_RATE_LIMIT_STORAGE=redis_server.url)

    def call(number: int) -> int:
        if number == 40:
            redis_server.stop()
        return client.application.test_client().post("/predict", json=TRIP).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(call, range(200))) == {200}
    assert {record.levelname for record in caplog.records if record.levelno > logging.INFO} == {"WARNING"}


def test_a_start_without_redis_serves_all_the_same(predictor: Predictor):
    client = limited(predictor, TAXI_RATE_LIMIT_STORAGE=f"redis://127.0.0.1:{free_port()}/0")
    assert statuses(client, 4) == [200, 200, 200, 429]
