"""What several workers do together: metrics that add up, and a log that a program can read."""

import json
import os
import signal
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from tests.http.test_metrics import Samples, parse, value
from tests.servers import Server, running, wait_until

TRIP = b'{"PULocationID": 161, "DOLocationID": 132}'


def predict(server: Server) -> None:
    request = urllib.request.Request(f"{server.url}/predict", TRIP, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


def scrape(server: Server) -> Samples:
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=10) as answer:
        return parse(answer.read().decode())


def counted(server: Server) -> float:
    return value(scrape(server), "taxi_http_requests_total", method="POST", route="/predict", status="200")


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the workers in /proc")
def test_counts_add_up_over_workers_and_outlive_them(tmp_path: Path):
    leftover = tmp_path / "counter_1.db"
    leftover.write_bytes(b"from an earlier start")
    kept = tmp_path / "notes.txt"
    kept.write_text("not ours")
    with running(LOG_LEVEL="WARNING", PROMETHEUS_MULTIPROC_DIR=str(tmp_path)) as server:
        for _ in range(40):
            predict(server)
        both = server.workers()
        assert len(both) == 2
        # A worker counts what it has put off within a quarter of a second.
        wait_until(lambda: {counted(server) for _ in range(6)} == {40})

        os.kill(min(both), signal.SIGKILL)
        wait_until(lambda: len(server.workers() - {min(both)}) == 2)
        for _ in range(10):
            predict(server)
        wait_until(lambda: {counted(server) for _ in range(6)} == {50})
        samples = scrape(server)
        assert value(samples, "taxi_predictions_total", basis="zone_pair") == 50
        # What only a living worker can tell is there once, not once for each that ever lived.
        assert [number for (name, _), number in samples.items() if name == "taxi_model_info"] == [1]
        assert not list(tmp_path.glob(f"gauge_live*_{min(both)}.db"))
        # A worker that has just begun has made its file and written nothing into it.
        (tmp_path / "histogram_999999.db").touch()
        assert counted(server) == 50
    assert sorted(path.name for path in tmp_path.iterdir()) == [kept.name]


def test_in_production_every_line_is_json_and_one_says_what_is_open():
    with running(APP_ENV="production") as server:
        for _ in range(5):
            predict(server)
    entries = [json.loads(line) for line in server.log.splitlines()]
    assert all({"time", "level", "logger", "message"} <= set(entry) for entry in entries)
    loggers = Counter(entry["logger"] for entry in entries)
    assert loggers["gunicorn.error"] > 0
    assert sum(entry.get("route") == "/predict" for entry in entries) == 5
    (warning,) = [entry for entry in entries if entry["level"] == "WARNING"]
    assert "TAXI_API_KEYS" in warning["message"]
    assert "TAXI_RATE_LIMIT" in warning["message"]
