"""Clients that are slow, many or greedy: they are ended, and the others do not notice."""

import json
import time
from contextlib import suppress

import pytest

from tests.server.conftest import Client, Running
from tests.servers import wait_until

GET = b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", None),
        (GET, 200),
        (b"GET /quick HTTP/1.1\r\nHost", 408),
        (b"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhell", 408),
        (b"POST /quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell", 408),
    ],
)
def test_a_client_that_stops_sending_is_ended(sent: bytes, answer: int | None):
    limits = {"keep_alive_seconds": 0.3, "head_seconds": 0.3, "transfer_seconds": 0.3, "linger_seconds": 0.3}
    with Running(**limits) as server, server.client() as client:
        client.send(sent)
        if answer:
            assert client.answer()[0] == answer
        assert client.is_closed()


def test_a_client_that_sends_a_byte_now_and_then_is_ended():
    with Running(head_seconds=0.5, keep_alive_seconds=5) as server, server.client() as client:
        started = time.monotonic()
        with suppress(OSError):
            for byte in b"GET /quick HTTP/1.1\r\n" + b"X: y\r\n" * 1000:
                client.send(bytes([byte]))
                time.sleep(0.02)
        assert 0.4 < time.monotonic() - started < 10


def test_a_client_that_does_not_read_is_ended():
    with Running(transfer_seconds=0.5, bytes_per_second=10**9) as server, server.client() as client:
        client.send(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(1.5)
        received = 0
        try:
            while piece := client.socket.recv(1_000_000):
                received += len(piece)
        except ConnectionResetError:
            pass
        assert received < 20_000_000


def test_a_client_that_reads_steadily_gets_all_of_it():
    with Running(transfer_seconds=0.3, bytes_per_second=10_000_000) as server, server.client() as client:
        client.send(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n" + GET)
        response = client.response()
        received = 0
        while piece := response.read(1_000_000):
            received += len(piece)
            time.sleep(0.03)
        assert received == 20_000_000
        assert client.answer()[0] == 200


def test_hundreds_of_slow_clients_stop_nobody():
    with Running() as server:
        slow = [server.client() for _ in range(300)]
        for number, client in enumerate(slow):
            client.send((b"GET /quick HTTP/1.1\r\nX: ", b"POST /quick HTTP/1.1\r\nHost: x\r\n", b"")[number % 3])
        for _ in range(20):
            assert server.ask(GET) == (200, b"GET /quick ")
        # They are not ended before their time.
        slow[0].send(b"y\r\nHost: x\r\n\r\n")
        assert slow[0].answer() == (200, b"GET /quick ")


def test_a_long_answer_holds_up_nobody_else(server: Running):
    with server.client() as one, server.client() as other:
        one.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        started = time.monotonic()
        other.send(GET)
        assert other.answer()[0] == 200
        assert time.monotonic() - started < 0.3
        assert one.answer() == (200, b"GET /slow ")


@pytest.mark.parametrize("beginning", [b"", b"GET /quick HTTP/1.1\r\n"])
def test_a_newcomer_takes_the_place_of_the_longest_waiting(beginning: bytes):
    with Running(connections=5) as server:
        waiting = []
        for _ in range(5):
            waiting.append(server.client())
            waiting[-1].send(beginning)
            time.sleep(0.05)
        assert server.ask(GET)[0] == 200
        assert waiting[0].is_closed()
        waiting[4].send(GET if not beginning else b"Host: x\r\n\r\n")
        assert waiting[4].answer()[0] == 200


def test_a_newcomer_waits_while_all_places_are_at_work():
    with Running(connections=2) as server:
        clients = []
        for _ in range(4):
            clients.append(server.client())
            clients[-1].send(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            time.sleep(0.05)
        assert [client.answer()[0] for client in clients] == [200] * 4


def begin_upload(server: Running, size: int, sent: int) -> Client:
    client = server.client()
    client.send(b"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * sent)
    return client


def test_large_bodies_share_what_may_be_held_and_small_ones_do_not_mind():
    with Running(body_bytes=1_000_000, small_body_bytes=10_000, held_bytes=500_000) as server:
        first = begin_upload(server, 450_000, 400_000)
        time.sleep(0.2)
        second = begin_upload(server, 450_000, 400_000)
        response = second.response()
        assert (response.status, response.headers["Retry-After"]) == (503, "1")
        assert json.load(response)["status"] == 503
        small = begin_upload(server, 9_000, 9_000)
        assert small.answer()[0] == 200
        first.send(b"x" * 50_000)
        assert first.answer()[0] == 200
        # What was held is free again.
        third = begin_upload(server, 450_000, 450_000)
        assert third.answer()[0] == 200


def test_a_stop_answers_what_has_arrived_and_what_comes_at_once():
    with Running(last_call_seconds=0.5) as server:
        idle, working, late = server.client(), server.client(), server.client()
        for client in (idle, late):
            client.send(GET)
            assert client.response().read()
        working.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.1)
        server.begin_stop()
        wait_until(lambda: server.loop.stopping)
        late.send(GET)
        for client, path in ((late, b"/quick"), (working, b"/slow")):
            response = client.response()
            assert (response.status, response.read()) == (200, b"GET %s " % path)
            assert response.headers["Connection"] == "close"
            assert client.is_closed()
        assert idle.is_closed()
    with pytest.raises(ConnectionRefusedError):
        server.client()
