"""Secrets are planted everywhere, and then looked for in everything that leaves the service."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from taxi_api.api_keys import digest, new_key
from tests.servers import Server, free_port

REQUESTS: tuple[tuple[str, str, bytes | None], ...] = (
    ("GET", "/health", None),
    ("GET", "/ready", None),
    ("GET", "/metrics", None),
    ("GET", "/v1/model", None),
    ("GET", "/v1/zones?name=planted-query", None),
    ("GET", "/openapi.json", None),
    ("GET", "/apidocs/", None),
    ("GET", "/nowhere", None),
    ("POST", "/predict", b'{"PULocationID": 1, "DOLocationID": 2}'),
    ("POST", "/predict", b'{"planted-body'),
    ("POST", "/v1/predict/batch", b'{"trips": [{"note": "planted-body"}]}'),
    ("DELETE", "/predict", b""),
)


def ask(server: Server, method: str, path: str, body: bytes | None, key: str) -> str:
    headers = {"Content-Type": "application/json", "X-API-Key": key, "Authorization": "Bearer planted-token"}
    request = urllib.request.Request(server.url + path, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return f"{answer.headers}{answer.read().decode()}"
    except urllib.error.HTTPError as error:
        with error:
            return f"{error.headers}{error.read().decode()}"


@contextmanager
def alive(environment: dict[str, str]) -> Iterator[Server]:
    """Run a server that need not be ready."""
    server = Server(**environment)
    try:
        server.wait("/health")
        yield server
    finally:
        server.stop()


def test_what_is_secret_stays_inside():
    key, closed = new_key(), free_port()
    environment = {
        "LOG_LEVEL": "DEBUG",
        "APP_ENV": "production",
        "MODEL_POLL_SECONDS": "1",
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{closed}",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIAPLANTEDSECRET",
        "AWS_SECRET_ACCESS_KEY": "planted-aws",
        "AWS_SESSION_TOKEN": "planted-session",
        "MLFLOW_TRACKING_URI": f"http://user:planted-mlflow@127.0.0.1:{closed}",
        "TAXI_API_KEYS": digest(key),
        "TAXI_RATE_LIMIT": "100000/minute",
        "TAXI_RATE_LIMIT_STORAGE": f"redis://:planted-redis@127.0.0.1:{closed}",
    }
    for model in ("s3://bucket/models", "models:/taxi-duration@champion", ""):
        with alive(environment | {"MODEL_URI": model}) as server:
            said = [ask(server, *request, shown) for request in REQUESTS for shown in (key, "planted-key")]
        lines = [line for line in server.log.splitlines() if line.startswith("{")]
        assert len(lines) > len(said) / 2
        assert all(json.loads(line) for line in lines)
        for text in (*said, server.log):
            assert key not in text
            # What a caller wrote may come back to that caller alone: in problems, not in the log.
            for word in ("planted-aws", "planted-session", "planted-mlflow", "planted-redis", "planted-token"):
                assert word not in text
        for word in ("planted-key", "planted-query", "planted-body"):
            assert word not in server.log
