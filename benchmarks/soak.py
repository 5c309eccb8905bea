"""Load and faults at once, for as long as wanted: ``python -m benchmarks.soak --minutes 15``.

A gunicorn of two workers answers predictions, batches, matrices and bad input while workers are killed, reloaded, and
given other bundles, good ones and damaged ones, while Redis stops and returns, and while slow clients hold connections.
Every answer is checked against what the bundle that it names gives offline. The last third of the time has load alone,
to see whether memory and descriptors stay where they are.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from benchmarks.serving.trips import Trip, as_json, made_up
from benchmarks.variant import make_variant
from taxi_api.model.features import Trips
from taxi_api.model.predictor import Predictor
from taxi_api.model.store import DEFAULT_BUNDLE, load_predictor
from tests.servers import Server, free_port

CLIENTS = 6
SLOW_CLIENTS = 50
MOST_GROWTH = 0.05
_TRIPS = made_up(400)
_BAD: tuple[tuple[str, bytes, int], ...] = (
    ("/predict", b'{"PULocationID": 1, "DOLocationID": 999}', 422),
    ("/predict", b"{", 400),
    ("/predict", b'{"PULocationID": 1, "DOLocationID": 2, "trip_distance": 1e999}', 422),
    ("/v1/predict/batch", b'{"trips": 1}', 422),
    ("/nowhere", b"{}", 404),
)


@dataclass
class Tally:
    """What the clients saw."""

    answered: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)


def main() -> int:
    """Run, print what happened as JSON, and return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--redis", action="store_true", help="limit rates in Redis: all requests go through Flask then")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        good = {"first": DEFAULT_BUNDLE, "second": make_variant(DEFAULT_BUNDLE, folder / "second")}
        offline = {found.bundle.version: found for found in map(load_predictor, map(str, good.values()))}
        served = folder / "served"
        _put(good["first"], served)
        settings = {"MODEL_URI": str(served), "MODEL_POLL_SECONDS": "1", "LOG_LEVEL": "CRITICAL"}
        redis = _Redis(folder) if options.redis else None
        if redis:
            stack.callback(redis.stop)
            settings |= {"TAXI_RATE_LIMIT": "100000000/minute", "TAXI_RATE_LIMIT_STORAGE": redis.url}
        server = Server(**settings)
        stack.callback(server.stop)
        server.wait()
        report = _run(server, served, good, offline, redis, options.minutes * 60, options.seed)
    print(json.dumps(report, indent=1))
    return int(bool(report["broken promises"]))


def _run(
    server: Server,
    served: Path,
    good: dict[str, Path],
    offline: dict[str, Predictor],
    redis: "_Redis | None",
    seconds: float,
    seed: int,
) -> dict[str, Any]:
    pick, tally, stop = random.Random(seed), Tally(), threading.Event()
    clients = [threading.Thread(target=_ask, args=(server.url, offline, tally, stop, seed + n)) for n in range(CLIENTS)]
    clients.append(threading.Thread(target=_dawdle, args=(server.url, stop)))
    for client in clients:
        client.start()
    faults: Counter[str] = Counter()
    kills: list[float] = []
    begun = time.monotonic()

    def kill() -> None:
        kills.append(time.monotonic())
        os.kill(pick.choice(sorted(server.workers())), signal.SIGKILL)

    def damage() -> None:
        _put(good["second"], served, damaged=True)

    kinds: list[tuple[str, Callable[[], object]]] = [
        ("worker killed", kill),
        ("reload", lambda: server.process.send_signal(signal.SIGHUP)),
        ("bundle swapped", lambda: _put(good[pick.choice(list(good))], served)),
        ("damaged bundle", damage),
    ]
    if redis:
        kinds += [("Redis stopped or back", redis.toggle)]
    while time.monotonic() < begun + seconds * 2 / 3:
        name, fault = pick.choice(kinds)
        fault()
        faults[name] += 1
        time.sleep(pick.uniform(2, 5))
    if redis and not redis.running:
        redis.toggle()
    _put(good["first"], served)
    time.sleep(10)
    before, calm = _footprint(server), tally.answered.total()
    time.sleep(max(seconds / 3 - 10, 20))
    after = _footprint(server)
    stop.set()
    for client in clients:
        client.join()

    growth = {pid: after[pid][0] / before[pid][0] - 1 for pid in before if pid in after}
    # A worker that is killed takes along what it had: at most one request of each client.
    stray = [when for when in tally.lost if not any(0 <= when - killed < 2 for killed in kills)]
    broken = [
        *tally.wrong[:5],
        *([f"{len(stray)} requests lost without a killed worker"] if stray else []),
        *([f"{len(tally.lost)} requests lost to {len(kills)} kills"] if len(tally.lost) > CLIENTS * len(kills) else []),
        *(["a worker was replaced in the calm"] if set(after) != set(before) else []),
        *([f"memory grew by {max(growth.values()):.1%}"] if max(growth.values(), default=0) > MOST_GROWTH else []),
        *(["descriptors leak"] if any(after[pid][1] > before[pid][1] + 5 for pid in growth) else []),
    ]
    return {
        "seconds": round(time.monotonic() - begun),
        "answers": dict(tally.answered),
        "answers in the calm": tally.answered.total() - calm,
        "versions": dict(tally.versions),
        "faults": dict(faults),
        "lost with a killed worker": len(tally.lost) - len(stray),
        "wrong answers": len(tally.wrong),
        "memory growth": [round(value, 4) for value in growth.values()],
        "resident MB, descriptors": [[round(memory / 1e6), files] for memory, files in after.values()],
        "broken promises": broken,
    }


def _ask(url: str, offline: dict[str, Predictor], tally: Tally, stop: threading.Event, seed: int) -> None:
    """Send a mix of requests on one connection and check every answer."""
    pick = random.Random(seed)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    while not stop.is_set():
        kind = pick.choices(("predict", "batch", "matrix", "bad"), (70, 10, 5, 15))[0]
        trips = pick.sample(_TRIPS, 50 if kind == "batch" else 1)
        path, body, expected = _request(kind, trips, pick)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = json.load(response)
        except (OSError, http.client.HTTPException):
            tally.lost.append(time.monotonic())
            connection.close()
            continue
        tally.answered[kind] += 1
        if response.status != expected:
            tally.wrong.append(f"{path}: {response.status}, not {expected}: {answer}")
        elif kind in {"predict", "batch"}:
            version = answer["model"]["version"]
            tally.versions[version] += 1
            found = [answer] if kind == "predict" else answer["predictions"]
            given = [(one["duration"], one["interval"]["lower"], one["interval"]["upper"]) for one in found]
            if np.abs(np.array(given) - _offline(offline[version], trips)).max() > 0.011:
                tally.wrong.append(f"{path}: {given[0]} is not what {version} answers to {trips[0]}")
    connection.close()


def _request(kind: str, trips: list[Trip], pick: random.Random) -> tuple[str, bytes, int]:
    if kind == "bad":
        return pick.choice(_BAD)
    if kind == "batch":
        return "/v1/predict/batch", as_json({"trips": trips}), 200
    if kind == "matrix":
        zones = pick.sample(range(1, 264), 10)
        return "/v1/matrix", as_json({"sources": zones[:5], "destinations": zones[5:]}), 200
    return "/predict", as_json(trips[0]), 200


def _offline(predictor: Predictor, trips: list[Trip]) -> Any:
    columns = [[trip[name] for trip in trips] for name in ("PULocationID", "DOLocationID", "trip_distance")]
    pickup = np.array([trip["pickup_datetime"] for trip in trips], "datetime64[s]")
    return predictor.predict(Trips(*map(np.array, columns), pickup)).minutes


def _dawdle(url: str, stop: threading.Event) -> None:
    """Hold connections that send a byte now and then."""
    host, _, port = urlsplit(url).netloc.partition(":")
    held: list[socket.socket] = []
    while not stop.wait(0.2):
        with suppress(OSError):
            held.append(socket.create_connection((host, int(port)), timeout=5))
        for one in held:
            with suppress(OSError):
                one.send(b"P")
        if len(held) > SLOW_CLIENTS:
            held.pop(0).close()
    for one in held:
        one.close()


def _put(bundle: Path, served: Path, *, damaged: bool = False) -> None:
    """Put a bundle in the place of the one that is served, by renames as a deployment does it."""
    new, old = served.with_name("new"), served.with_name("old")
    shutil.copytree(bundle, new)
    if damaged:
        with (new / "model.onnx").open("r+b") as model:
            model.seek(100_000)
            model.write(b"damaged")
    if served.exists():
        served.rename(old)
    new.rename(served)
    shutil.rmtree(old, ignore_errors=True)


def _footprint(server: Server) -> dict[int, tuple[int, int]]:
    """Return resident bytes and open descriptors of each worker."""
    found = {}
    for pid in server.workers():
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        found[pid] = (pages * os.sysconf("SC_PAGE_SIZE"), len(list(Path(f"/proc/{pid}/fd").iterdir())))
    return found


class _Redis:
    """A Redis server that stops and returns."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self._port}"
        self.running = False
        self.toggle()

    def toggle(self) -> None:
        if self.running:
            self._process.kill()
            self._process.wait()
        else:
            arguments = ("--port", str(self._port), "--save", "", "--dir", str(self._folder))
            self._process = subprocess.Popen(["redis-server", *arguments], stdout=subprocess.DEVNULL)
        self.running = not self.running

    def stop(self) -> None:
        if self.running:
            self.toggle()


if __name__ == "__main__":
    sys.exit(main())
