"""Work that an app puts off until its answer is sent, or for a moment longer."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from taxi_api.server import LATER, SOON
from tests.server.conftest import Running

GET = b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n"


each_way = pytest.mark.parametrize("until", [LATER, SOON])


def putting_off(until: str, work: Callable[[], object]) -> Callable[..., list[bytes]]:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        environ[until](work)
        start_response("200 OK", [])
        return [b"done"]

    return app


@each_way
def test_the_client_need_not_wait_for_it(until: str):
    arrived, found = threading.Event(), []
    with Running(putting_off(until, lambda: found.append(arrived.wait(5)))) as server, server.client() as client:
        client.send(GET)
        assert client.answer() == (200, b"done")
        arrived.set()
    assert found == [True]


@each_way
@pytest.mark.parametrize("path", [b"/quick", b"/in-a-thread"])
def test_each_piece_is_done_once_whatever_becomes_of_the_client(until: str, path: bytes):
    done: list[str] = []
    with Running(putting_off(until, lambda: done.append("done"))) as server:
        with server.client() as client:
            client.send(GET.replace(b"/quick", path) * 20)
            for _ in range(20):
                assert client.answer() == (200, b"done")
        with server.client() as leaver:
            leaver.send(GET.replace(b"/quick", path))
            assert leaver.answer() == (200, b"done")
            server.begin_stop()
    assert len(done) == 21


def test_it_is_done_though_nobody_asks_for_anything_else():
    done = threading.Event()
    with Running(putting_off(SOON, done.set)) as server, server.client() as client:
        client.send(GET)
        assert client.answer() == (200, b"done")
        assert done.wait(5)


@each_way
def test_a_failure_is_logged_and_stops_nothing(until: str, caplog: pytest.LogCaptureFixture):
    with Running(putting_off(until, lambda: 1 / 0)) as server, server.client() as client:
        for _ in range(2):
            client.send(GET)
            assert client.answer() == (200, b"done")
    assert sum(record.exc_info is not None for record in caplog.records) == 2


@each_way
def test_what_the_last_answers_put_off_is_done_before_the_server_ends(until: str):
    done: list[str] = []
    server = Running(putting_off(until, lambda: done.append("done")))
    with server.client() as client:
        client.send(GET)
        server.loop.stop(5)
        assert client.answer() == (200, b"done")
    assert done == ["done"]
