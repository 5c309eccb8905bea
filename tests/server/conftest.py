"""A server of one process, in a thread, around a small app."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from typing import Any, Self

import pytest

from taxi_api.server.limits import Limits
from taxi_api.server.loop import Loop

QUICK = frozenset({"/quick"})


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answer with what was asked; ``/slow`` takes a while, ``/big`` says much."""
    body, path = environ["wsgi.input"].read(), environ["PATH_INFO"]
    if path == "/slow":
        time.sleep(0.4)
    answer = b"x" * 20_000_000 if path == "/big" else f"{environ['REQUEST_METHOD']} {path} ".encode("latin-1") + body
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer]


class Running:
    """A server at ``address``."""

    def __init__(self, wsgi: Callable[..., Any] = app, *, connections: int = 1000, root: str = "", **limits: Any):
        listener = socket.create_server(("127.0.0.1", 0))
        self.address = listener.getsockname()
        base = {"wsgi.url_scheme": "http", "SCRIPT_NAME": root, "SERVER_NAME": "localhost", "SERVER_PORT": "80"}
        self.loop = Loop(
            [listener],
            wsgi,
            base,
            limits=Limits(**limits),
            threads=4,
            connections=connections,
            quick_paths=QUICK,
        )
        self._clients: list[Client] = []
        self._go = True
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while self._go:
            self.loop.turn()
        self.loop.stop(5)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.__exit__()
        self.begin_stop()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def begin_stop(self) -> None:
        self._go = False

    def client(self) -> "Client":
        """Return a new connection; it is closed with the server, if not before."""
        self._clients.append(Client(self.address))
        return self._clients[-1]

    def ask(self, data: bytes) -> tuple[int, bytes]:
        with self.client() as client:
            client.send(data)
            return client.answer()


class Client:
    """A connection of which every byte is ours."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=10)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def makefile(self, _mode: str) -> Any:
        """Give ``HTTPResponse`` what it asks a socket for, but keep what it reads ahead."""
        return _Kept(self._file)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def response(self, method: str = "GET") -> HTTPResponse:
        response = HTTPResponse(self, method=method)  # type: ignore[arg-type]
        response.begin()
        return response

    def answer(self, method: str = "GET") -> tuple[int, bytes]:
        response = self.response(method)
        return response.status, response.read()

    def is_closed(self) -> bool:
        """Wait for the end of the connection; False if there is more to read."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True


class _Kept:
    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def close(self) -> None:
        """Leave the file open for the next answer."""


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with Running(body_bytes=100_000) as running:
        yield running
