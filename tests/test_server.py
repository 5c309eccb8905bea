"""The service as it is started for real: gunicorn with the project's configuration."""

import json
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from select import select

import pytest

from taxi_api.model.store import DEFAULT_BUNDLE
from tests.model.test_bundle import edit_json, sign
from tests.servers import free_port, running, start

TRIP = b'{"PULocationID": 1, "DOLocationID": 2, "trip_distance": 5.0}'


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(LOG_LEVEL="WARNING") as server:
        yield server.url
    assert server.log == ""


def post(url: str, body: bytes, **headers: str) -> tuple[int, dict, dict]:
    request = urllib.request.Request(
        f"{url}/predict", data=body, headers={"Content-Type": "application/json"} | headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), json.load(error)


def test_the_example_of_the_deployment_guide_is_answered(url: str):
    status, headers, answer = post(url, TRIP, **{"X-Request-ID": "abc"})
    assert status == 200
    assert headers["X-Request-ID"] == "abc"
    assert answer["interval"]["lower"] < answer["duration"] < answer["interval"]["upper"]


def test_a_chunked_body_is_limited_too(url: str):
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        )
        try:
            for _ in range(100):
                connection.sendall(b"400\r\n" + b" " * 1024 + b"\r\n")
            connection.sendall(b"0\r\n\r\n")
        except OSError:
            pass  # refused before all of it was sent
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_full_batch_is_answered_with_the_limits_as_they_are(url: str, chunked: bool):
    row = json.loads(TRIP) | {"pickup_datetime": "2024-09-18T08:30:00"}
    body = json.dumps({"trips": [row | {"id": f"{number:036}"} for number in range(10_000)]}, indent=1).encode()
    pieces = iter([body[:1_000_000], body[1_000_000:]]) if chunked else body
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/predict/batch", pieces, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert len(json.load(answer)["predictions"]) == 10_000


def refused(**environment: str) -> str:
    """Start the server where it must not start; return the line that says why."""
    server = start(**({"PORT": str(free_port())} | environment))
    _, errors = server.communicate(timeout=60)
    assert server.returncode == 1
    lines = [line for line in errors.splitlines() if " INFO " not in line]
    assert len(lines) == 1, errors
    return lines[0]


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"PORT": "eighty"}, "cannot start: PORT='eighty' is not usable: write a whole number from 1 to 65535"),
        ({"LOG_LEVEL": "loud"}, "cannot start: LOG_LEVEL='loud' is not usable: write DEBUG, "),
        ({"MODEL_URI": "/nowhere"}, "cannot start: model bundle /nowhere: manifest.json cannot be read"),
    ],
)
def test_a_bad_setting_stops_the_start_with_one_line(environment: dict[str, str], line: str):
    assert refused(**environment).startswith(line)


def test_an_altered_bundle_stops_the_start_and_is_named(tmp_path: Path):
    folder = Path(shutil.copytree(DEFAULT_BUNDLE, tmp_path / "bundle"))
    with (folder / "model.onnx").open("r+b") as model:
        model.seek(1000)
        model.write(b"\x00\x01\x02")
    line = refused(MODEL_URI=str(folder))
    assert line.startswith(f"cannot start: model bundle {folder}: model.onnx is not what manifest.json")


def test_a_wrong_golden_answer_stops_the_start_and_is_named(tmp_path: Path):
    folder = Path(shutil.copytree(DEFAULT_BUNDLE, tmp_path / "bundle"))
    edit_json(folder / "golden.json", lambda golden: golden["answers"]["upper"].__setitem__(3, 1.0))
    sign(folder)
    assert refused(MODEL_URI=str(folder)).startswith(f"cannot start: model bundle {folder}: golden answer 3 ")


def test_a_connection_goes_on_after_an_answer_that_did_not_need_the_body(url: str):
    host, port = url.removeprefix("http://").split(":")
    next_request = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"PUT /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        # A client that already has its answer may send the next request with the rest of this one.
        early = bool(select([connection], [], [], 0.5)[0])
        connection.sendall(b"0123456789" + (next_request if early else b""))
        assert status_of_answer(connection) == 405
        if not early:
            connection.sendall(next_request)
        assert status_of_answer(connection) == 200


def status_of_answer(connection: socket.socket) -> int:
    """Read one whole answer."""
    with HTTPResponse(connection) as answer:
        answer.begin()
        answer.read()
        return answer.status
