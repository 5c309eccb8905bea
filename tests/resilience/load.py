"""Clients that ask without a pause."""

import http.client
import json
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.servers import wait_until

TRIP = json.dumps({"PULocationID": 161, "DOLocationID": 132, "trip_distance": 17.5}).encode()
CLIENTS = 4


class Load:
    """Clients that ask without a pause, each request on a connection of its own or all on one that is kept."""

    def __init__(self, url: str, *, keep: bool = False) -> None:
        self.answered = 0
        self.failures: list[str] = []
        # A client that is not let in any more goes home; it lost no request. Once the server has been told to stop,
        # that is also a reset of a connection on which nothing has been answered: nobody had taken it yet.
        self.refused = threading.Event()
        self.told_to_stop = False
        self._address = urlsplit(url).netloc
        self._keep = keep
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=20)
        while not self._stop.is_set():
            fresh = connection.sock is None
            try:
                if fresh:
                    connection.connect()
            except ConnectionRefusedError:
                self.refused.set()
                return
            try:
                connection.request("POST", "/predict", TRIP, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                content = answer.read()
                if answer.status != 200 or not json.loads(content)["duration"]:
                    self.failures.append(str(answer.status))
                self.answered += 1
                if not self._keep:
                    connection.close()
            except (OSError, http.client.HTTPException) as problem:
                connection.close()
                if fresh and self.told_to_stop and isinstance(problem, ConnectionResetError):
                    self.refused.set()
                    return
                self.failures.append(repr(problem))
        connection.close()


def more(load: Load) -> None:
    """Wait until a hundred more requests are answered."""
    before = load.answered
    wait_until(lambda: load.answered > before + 100)
