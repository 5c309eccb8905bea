"""A corpus of hostile requests against a real gunicorn: each gets an answer, none a 5xx, and the server stays well."""

import gzip
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Server, running

CORPUS = sorted((Path(__file__).parent / "hostile").iterdir())
ROUTES = (
    "/predict",
    "/v1/predict/batch",
    "/v1/matrix",
    "/v1/explain",
    "/invocations",
    "/v2/models/taxi-duration/infer",
)
TYPES = ("application/json", "text/csv", "application/xml", "application/json; charset=utf-16", "")
TRIP = b'{"PULocationID": 161, "DOLocationID": 132, "trip_distance": 17.5, "pickup_datetime": "2024-09-18T08:30:00"}'


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running(LOG_LEVEL="ERROR") as started:
        before = started.workers()
        yield started
        assert started.workers() == before, "a worker had to be replaced"
    assert started.log == ""


def post(server: Server, path: str, body: bytes, **headers: str) -> int:
    """Return the status of the answer, which must be well-formed."""
    request = urllib.request.Request(server.url + path, body, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            content = answer.read()
            assert b"NaN" not in content
            assert b"Infinity" not in content
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            problem, code = json.load(error), error.code
    assert problem["status"] == code
    return code


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_a_hostile_body_is_an_answer_or_a_named_error(server: Server, path: Path):
    body = path.read_bytes()
    encoding = {"Content-Encoding": "gzip"} if path.suffix == ".gz" else {}
    for route in ROUTES:
        for content_type in TYPES:
            status = post(server, route, body, **{"Content-Type": content_type}, **encoding)
            assert status < 500, f"{path.name} to {route} as {content_type!r}: {status}"


@pytest.mark.parametrize(
    "body",
    [
        b'{"PULocationID": 1, "DOLocationID": 2, "pickup_datetime": "' + b"x" * 5_000_000 + b'"}',
        b'{"' + b"x" * 5_000_000 + b'": 1}',
        b'{"PULocationID": 1, "DOLocationID": 2, "trip_distance": ' + b"9" * 1_000_000 + b"}",
        b'{"trips": [' + b"{}," * 300_000 + b"{}]}",
        b'{"trips": [' + b'{"PULocationID":1,"DOLocationID":2},' * 25_000 + b"{}]}",
        b"," * 1_000_000,
    ],
    ids=["long text", "long key", "long number", "many empty rows", "many rows", "commas"],
)
@pytest.mark.parametrize("route", ["/predict", "/v1/predict/batch"])
def test_a_large_hostile_body_is_refused(server: Server, route: str, body: bytes):
    started = time.monotonic()
    assert 400 <= post(server, route, body, **{"Content-Type": "application/json"}) < 500
    # A hang, not a measure of speed.
    assert time.monotonic() - started < 10


def test_a_compressed_body_is_not_unpacked(server: Server):
    small = gzip.compress(TRIP)
    assert post(server, "/predict", small, **{"Content-Type": "application/json", "Content-Encoding": "gzip"}) >= 400


HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
SMUGGLED = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding:\n chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + SMUGGLED,
        HEAD + b"Content-Length: 0, 44\r\n\r\n" + SMUGGLED,
        HEAD + b"Content-Length: 0x0\r\n\r\n" + SMUGGLED,
        HEAD + b"X: y\nContent-Length: 44\r\n\r\n" + SMUGGLED,
        HEAD + b"X: y\rContent-Length: 44\r\n\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\n\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n0\r\n\r\n" + SMUGGLED,
    ],
)
def test_a_request_cannot_hide_another(server: Server, sent: bytes):
    answers = exchange(server, sent)
    assert answers.startswith(b"HTTP/1.1 400 ")
    assert answers.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("length", [b"5", b"100000", b"18446744073709551616", b"-5"])
def test_a_wrong_length_costs_only_its_own_connection(server: Server, length: bytes):
    answers = exchange(server, HEAD + b"Content-Length: " + length + b"\r\n\r\n" + TRIP)
    assert b"HTTP/1.1 5" not in answers
    assert post(server, "/predict", TRIP, **{"Content-Type": "application/json"}) == 200


def test_a_flood_of_headers_is_refused(server: Server):
    flood = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 100) for number in range(10_000))
    assert exchange(server, HEAD + flood + b"\r\n").startswith(b"HTTP/1.1 431 ")


def exchange(server: Server, sent: bytes) -> bytes:
    """Return all that a server answers to bytes and the end of the client's side."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has heard enough
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        return received
