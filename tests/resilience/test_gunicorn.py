"""A real gunicorn under load, while its workers are killed, replaced and stopped."""

import http.client
import json
import os
import signal
import threading
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import pytest

from tests.servers import Server, running, wait_until

TRIP = json.dumps({"PULocationID": 161, "DOLocationID": 132, "trip_distance": 17.5}).encode()
CLIENTS = 4

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the workers in /proc")


class Load:
    """Clients that ask without a pause, each request on a connection of its own."""

    def __init__(self, server: Server) -> None:
        self.answered = 0
        self.failures: list[str] = []
        self.refused = threading.Event()
        self._address = urlsplit(server.url).netloc
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
        while not self._stop.is_set():
            connection = http.client.HTTPConnection(self._address, timeout=20)
            try:
                connection.connect()
            except ConnectionRefusedError:
                # Nobody listens any more: not a request that was lost.
                self.refused.set()
                return
            try:
                connection.request("POST", "/predict", TRIP, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                if answer.status != 200 or not json.load(answer)["duration"]:
                    self.failures.append(str(answer.status))
                self.answered += 1
            except (OSError, http.client.HTTPException) as problem:
                self.failures.append(repr(problem))
            finally:
                connection.close()


def workers(server: Server) -> set[int]:
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return {int(child) for child in children}


def test_a_killed_worker_takes_no_more_requests_with_it_than_it_had():
    with running(LOG_LEVEL="WARNING") as server, Load(server) as load:
        wait_until(lambda: load.answered > 50)
        before = workers(server)
        os.kill(min(before), signal.SIGKILL)
        wait_until(lambda: len(workers(server) - {min(before)}) == 2)
        after = load.answered
        wait_until(lambda: load.answered > after + 50)
    assert len(load.failures) <= CLIENTS


def test_a_reload_replaces_every_worker_without_a_failed_request():
    with running(LOG_LEVEL="WARNING") as server, Load(server) as load:
        wait_until(lambda: load.answered > 50)
        before = workers(server)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(workers(server)) == 2 and not workers(server) & before, seconds=30)
        after = load.answered
        wait_until(lambda: load.answered > after + 50)
    assert load.failures == []
