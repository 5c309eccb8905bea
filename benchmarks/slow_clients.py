"""Do slow clients hold up the others? ``python -m benchmarks.slow_clients``.

wrk asks for single trips on 16 connections: alone, while clients send a byte of a request now and then, and while
clients ask for big answers that they hardly read. The three take turns on one gunicorn of two workers; medians of the
rounds, and how many times the 99th percentile is that of wrk alone.
"""

import argparse
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

from benchmarks.serving.load import cpu_seconds, put_under_load
from benchmarks.serving.trips import as_json, made_up
from tests.servers import running

MOST_TIMES = 3.0
CONNECTIONS = 16
# Below this share of a CPU for so many seconds a server has nothing more to do than to look after its slow clients.
_IDLE_SHARE, _IDLE_SECONDS = 0.2, 2
# Does what the client does now and then; OSError when it was turned out.
Behaviour = Callable[[socket.socket], Iterator[None]]
# More than the system takes off the server's hands at once.
_BIG = b"GET /apidocs/assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n" * 5


def main() -> int:
    """Measure and print; return 1 if the others wait longer than they may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slow", type=int, default=200, help="slow clients at a time")
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    bodies = [as_json(trip) for trip in made_up(1_000)]
    kinds: dict[str, Behaviour | None] = {
        "alone": None,
        "bytes now and then": _dribble,
        "answers hardly read": _sip,
    }
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    with running(LOG_LEVEL="WARNING") as server:
        for _ in range(options.rounds):
            for kind, behave in kinds.items():
                with ExitStack() as stack:
                    if behave:
                        stack.enter_context(_slow(server.url, options.slow, behave))
                        _settle(server.process.pid)
                    measured = put_under_load(
                        f"{server.url}/predict",
                        bodies,
                        root_pid=server.process.pid,
                        connections=CONNECTIONS,
                        seconds=options.seconds,
                        core=None,
                    )
                found[kind].append(measured.p99)
    medians = {kind: statistics.median(values) for kind, values in found.items()}
    for kind, p99 in medians.items():
        print(f"{kind:<20} p99 {p99:6.2f} ms, {p99 / medians['alone']:.2f} times")
    return int(max(medians.values()) > MOST_TIMES * medians["alone"])


def _settle(pid: int) -> None:
    """Wait until the server has sent what the system takes of the big answers, some 800 MB: that is no slowness."""
    idle = 0
    while idle < _IDLE_SECONDS:
        before = cpu_seconds(pid)
        time.sleep(1)
        idle = idle + 1 if cpu_seconds(pid) - before < _IDLE_SHARE else 0


def _dribble(client: socket.socket) -> Iterator[None]:
    while True:
        client.send(b"P")
        yield


def _sip(client: socket.socket) -> Iterator[None]:
    client.send(_BIG)
    while True:
        yield
        with suppress(TimeoutError):
            if not client.recv(50):
                raise ConnectionResetError


@contextmanager
def _slow(url: str, count: int, behave: Behaviour) -> Iterator[None]:
    """Keep so many slow clients busy until the end of the block; those that are turned out come again."""
    host, _, port = urlsplit(url).netloc.partition(":")
    stop = threading.Event()

    def keep_busy() -> None:
        with ExitStack() as stack:
            clients: list[Iterator[None]] = []
            while not stop.wait(0.2):
                while len(clients) < count:
                    client = stack.enter_context(socket.create_connection((host, int(port)), timeout=0.05))
                    clients.append(behave(client))
                for one in list(clients):
                    try:
                        next(one)
                    except OSError:
                        clients.remove(one)

    thread = threading.Thread(target=keep_busy)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
