"""What a probe costs beside a prediction: ``python -m benchmarks.probes``.

A load balancer asks often, from several places: that must not cost what answers cost. CPU time of the server for each
request, in turns on one connection that is kept, medians of the rounds.
"""

import json
import socket
import statistics
from urllib.parse import urlsplit

from benchmarks.serving.load import cpu_seconds
from tests.servers import running

# Enough for the kernel's clock of processes, which counts hundredths of a second.
REQUESTS = 16_000
ROUNDS = 5
_AHEAD = 16
_TRIP = json.dumps(
    {"PULocationID": 161, "DOLocationID": 132, "trip_distance": 17.5, "pickup_datetime": "2024-09-18T08:30:00"}
).encode()
_HOST = b" HTTP/1.1\r\nHost: localhost\r\n"
ASKED = {
    "GET /health": b"GET /health" + _HOST + b"\r\n",
    "GET /ready": b"GET /ready" + _HOST + b"\r\n",
    "POST /predict": b"POST /predict%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
    % (_HOST, len(_TRIP), _TRIP),
}


def main() -> None:
    """Measure and print a line for each."""
    found: dict[str, list[float]] = {name: [] for name in ASKED}
    with running(WEB_CONCURRENCY="1", APP_ENV="production") as server:
        address = urlsplit(server.url)
        with socket.create_connection((str(address.hostname), int(address.port or 0))) as connection:
            for _ in range(ROUNDS):
                for name, request in ASKED.items():
                    before = cpu_seconds(server.process.pid)
                    _ask(connection, request)
                    found[name].append((cpu_seconds(server.process.pid) - before) / REQUESTS * 1e6)
    for name, times in found.items():
        shares = [time / prediction for time, prediction in zip(times, found["POST /predict"], strict=True)]
        share = f"{statistics.median(shares):.2f} of a prediction ({min(shares):.2f} to {max(shares):.2f})"
        print(f"{name:14} {statistics.median(times):6.1f} µs CPU, {share}")


def _ask(connection: socket.socket, request: bytes) -> None:
    """Send the request again and again, some ahead, and see that each is answered with 200."""
    for _ in range(REQUESTS // _AHEAD):
        connection.sendall(request * _AHEAD)
        received = b""
        while received.count(b"\r\n\r\n") < _AHEAD or not received.endswith(b"}\n"):
            received += connection.recv(1 << 16)
        if received.count(b"HTTP/1.1 200 OK\r\n") != _AHEAD:
            raise SystemExit(f"not every request was answered: {received[:200]!r}")


if __name__ == "__main__":
    main()
