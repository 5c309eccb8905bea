"""HTTP/1.1 as clients speak it, and as they must not."""

import json
import socket
import threading
import time
from contextlib import ExitStack
from typing import Any

import pytest

from tests.server.conftest import Running

GET = b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n"


def post(body: bytes, path: str = "/quick", headers: str = "") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize("path", ["/quick", "/other"])
def test_a_connection_is_used_again(server: Running, path: str):
    with server.client() as client:
        for number in range(3):
            client.send(post(b"%d" % number, path))
            assert client.answer() == (200, b"POST %s %d" % (path.encode(), number))


def test_requests_sent_ahead_are_answered_in_order(server: Running):
    # More than a turn's worth, some at once and some in threads, in pieces that end anywhere.
    sent = b"".join(post(b"%d" % n, "/quick" if n % 3 else "/other") for n in range(100))
    with server.client() as client:
        for start in range(0, len(sent), 1000):
            client.send(sent[start : start + 1000])
        assert [int(client.answer()[1].split()[2]) for _ in range(100)] == list(range(100))


def test_a_client_that_reads_late_gets_all_answers_in_order(server: Running):
    # Far more than the system's buffers hold, so that sending ends in the middle of an answer, again and again.
    bodies = [b"%d " % number + b"x" * (number * 37 % 4000) for number in range(4000)]
    with server.client() as client:
        sender = threading.Thread(target=lambda: [client.send(post(body)) for body in bodies])
        sender.start()
        time.sleep(0.3)
        for body in bodies:
            assert client.answer() == (200, b"POST /quick " + body)
        sender.join()


def test_many_clients_at_once_each_get_their_own_answer(server: Running):
    with ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(100)]
        for turn in range(3):
            for number, client in enumerate(clients):
                client.send(post(b"%d %d" % (turn, number), "/quick" if number % 5 else "/other"))
            # Some are gone before their answer.
            clients.pop().__exit__()
            for number, client in enumerate(clients):
                assert client.answer()[1].split()[2:] == [b"%d" % turn, b"%d" % number]


def test_a_request_may_come_byte_by_byte(server: Running):
    with server.client() as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post(b"hello") + GET:
            client.send(bytes([byte]))
        assert client.answer() == (200, b"POST /quick hello")
        assert client.answer() == (200, b"GET /quick ")


def test_a_chunked_body_is_put_together():
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ)
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()]

    with Running(app) as server:
        head = b"POST /quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunks = b"5;name=value\r\nhello\r\n1\r\n \r\n005\r\nworld\r\n0\r\nX-Trailer: dropped\r\n\r\n"
        assert server.ask(head + chunks + GET) == (200, b"hello world")
        assert seen["CONTENT_LENGTH"] == "11"
        assert "HTTP_TRANSFER_ENCODING" not in seen
        assert "HTTP_X_TRAILER" not in seen


def test_a_client_that_asks_first_is_told_to_go_on(server: Running):
    with server.client() as client:
        client.send(b"POST /quick HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n")
        assert client.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"hello")
        assert client.answer() == (200, b"POST /quick hello")
        # One that does not wait is not told.
        client.send(post(b"hello", headers="Expect: 100-continue\r\n"))
        assert client.answer() == (200, b"POST /quick hello")


def test_a_client_that_asks_first_with_too_much_is_answered_instead(server: Running):
    with server.client() as client:
        client.send(b"POST /quick HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5000000\r\n\r\n")
        # The app decides what it says; here it says what it got.
        assert client.answer() == (200, b"POST /quick ")
        assert client.is_closed()


@pytest.mark.parametrize(
    ("head", "stays"),
    [
        (b"GET /quick HTTP/1.1\r\nHost: x\r\n", True),
        (b"GET /quick HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", False),
        (b"GET /quick HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n", False),
        (b"GET /quick HTTP/1.0\r\n", False),
        (b"GET /quick HTTP/1.0\r\nConnection: keep-alive\r\n", True),
    ],
)
def test_a_connection_ends_when_the_client_wants_it(server: Running, head: bytes, stays: bool):
    with server.client() as client:
        client.send(head + b"\r\n")
        response = client.response()
        assert response.read() == b"GET /quick "
        assert response.will_close is not stays
        if stays:
            client.send(GET)
            assert client.answer() == (200, b"GET /quick ")
        else:
            assert client.is_closed()


def test_a_client_may_close_its_side_after_a_request(server: Running):
    with server.client() as client:
        client.send(post(b"hello", "/slow"))
        client.socket.shutdown(socket.SHUT_WR)
        assert client.answer() == (200, b"POST /slow hello")


def test_an_answer_to_head_has_the_length_but_not_the_body(server: Running):
    with server.client() as client:
        client.send(b"HEAD /quick HTTP/1.1\r\nHost: x\r\n\r\n" + GET)
        response = client.response("HEAD")
        assert response.headers["Content-Length"] == str(len(b"HEAD /quick "))
        assert response.read() == b""
        assert client.answer() == (200, b"GET /quick ")


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_some_answers_have_no_body(status: str):
    def app(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(status, [])
        return [b"not to be sent"]

    with Running(app) as server, server.client() as client:
        client.send(GET + GET)
        for _ in range(2):
            response = client.response()
            assert (response.status, response.headers["Content-Length"]) == (int(status[:3]), None)
            assert response.read() == b""


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),  # TLS
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"hello\r\n\r\n", 400),
        (b"GET /quick\r\n\r\n", 505),
        (b"GET /quick HTTP/3.0\r\nHost: x\r\n\r\n", 400),
        (b"GET /qu\0ick HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET http://[/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /quick HTTP/1.1\r\n\r\n", 400),
        (b"GET /quick HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET /quick HTTP/1.1\nHost: x\n\n", 400),
        (b"GET /quick HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
        (b"GET /quick HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET /quick HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", 400),
        (b"GET /quick HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", 400),
        (b"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\nx", 400),
        (b"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 1e3\r\n\r\nx", 400),
        (b"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\nx", 400),
        (b"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400),
        (b"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\nxx", 400),
        (b"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
        (b"POST /quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
        (b"POST /quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
        (b"POST /quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello world\r\n", 400),
        (b"POST /quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400),
        (b"POST /quick HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 5\r\n\r\n", 417),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /quick?" + b"x" * 200_000, 414),
        (b"GET /quick HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET /quick HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 200_000, 431),
    ],
)
def test_what_is_not_http_is_refused_and_the_connection_ends(server: Running, sent: bytes, status: int):
    with server.client() as client:
        # What came before is answered all the same.
        client.send(GET + sent)
        assert client.answer() == (200, b"GET /quick ")
        client.socket.shutdown(socket.SHUT_WR)
        response = client.response()
        problem = json.load(response)
        assert (response.status, problem["status"]) == (status, status)
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.headers["Connection"] == "close"
        assert response.headers["X-Request-ID"] == problem["request_id"]
        assert client.is_closed()


@pytest.mark.parametrize(
    "head",
    [
        b"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n\r\n",
        b"POST /quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1c9c380\r\n",
    ],
)
def test_a_client_that_sends_too_much_still_reads_its_answer(server: Running, head: bytes):
    with server.client() as client:
        client.send(head)
        for _ in range(300):
            client.send(b"x" * 100_000)
        status, answer = client.answer()
        assert (status, answer[:12]) == (200, b"POST /quick ")
        # As much as it takes to know that it is too much, not all of it.
        assert len(answer) < 300_000
        assert client.is_closed()


def test_chunks_that_are_mostly_not_body_are_too_much(server: Running):
    with server.client() as client:
        client.send(b"POST /quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(10):
            client.send(b"1;" + b"e" * 50_000 + b"\r\nx\r\n")
        assert client.answer()[0] == 413
