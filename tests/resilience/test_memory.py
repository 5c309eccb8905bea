"""A real gunicorn in a container's share of memory."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.resilience.load import CLIENTS, Load, more
from tests.resilience.memory import MemoryCap, memory_cap
from tests.servers import Server, wait_until

MEGABYTE = 1 << 20
TRIP = {"PULocationID": 161, "DOLocationID": 132, "trip_distance": 17.5}
BATCH = json.dumps({"trips": [TRIP] * 10_000}).encode()

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="Linux only")


@pytest.fixture
def cap() -> Iterator[MemoryCap]:
    with memory_cap() as found:
        if found is None:
            pytest.skip("needs the right to make a control group")
        yield found


@pytest.fixture
def server(cap: MemoryCap) -> Iterator[Server]:
    found = Server(LOG_LEVEL="CRITICAL")
    try:
        cap.hold(found.process.pid)
        found.wait()
        yield found
    finally:
        found.stop()


def batch(server: Server) -> int:
    """Ask for ten thousand trips; return how many were answered."""
    request = urllib.request.Request(f"{server.url}/v1/predict/batch", BATCH, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return len(json.load(answer)["predictions"])


def test_two_workers_live_on_256_mb(server: Server, cap: MemoryCap):
    cap.limit(256 * MEGABYTE)
    with Load(server.url, keep=True) as load:
        assert [batch(server) for _ in range(8)] == [10_000] * 8
        more(load)
    assert load.failures == []
    assert cap.kills == 0


def test_a_worker_that_the_kernel_kills_for_its_memory_costs_what_was_in_it(server: Server, cap: MemoryCap):
    with Load(server.url) as load:
        more(load)
        before = server.workers()
        cap.exhaust()
        cap.limit(None)
        wait_until(lambda: len(server.workers()) == 2 and server.workers() != before)
    assert cap.kills > 0
    assert len(load.failures) <= CLIENTS * cap.kills
    with Load(server.url) as load:
        more(load)
    assert load.failures == []
    assert batch(server) == 10_000
