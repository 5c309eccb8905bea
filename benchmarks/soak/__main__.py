"""Load and faults at once, for as long as wanted: ``python -m benchmarks.soak --minutes 15``.

A gunicorn of two workers answers predictions, batches, matrices and bad input while workers are killed, reloaded, and
given other bundles, good ones and damaged ones, and while slow clients hold connections. With ``--redis``, ``--mlflow``
and ``--disk``, Redis and MLflow stop and return, and the disk of the cache is full at times; with ``--memory 512`` the
server has so many megabytes, and at times less than it needs. Every answer is checked against what the bundle that it
names gives offline. The last third of the time has load alone, to see whether memory
and descriptors stay where they are.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.soak.clients import Tally, ask, dawdle
from benchmarks.soak.surroundings import Disk, Folder, Memory, Redis, Registry, Surrounding
from taxi_api.model.predictor import Predictor
from taxi_api.model.store import load_predictor
from tests.servers import Server

CLIENTS = 6
MOST_GROWTH = 0.05
MOST_OPENED = 5


def main() -> int:
    """Run, print what happened as JSON, and return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--redis", action="store_true", help="limit rates in Redis: all requests go through Flask then")
    parser.add_argument("--mlflow", action="store_true", help="follow the champion of an MLflow server, not a folder")
    parser.add_argument("--disk", action="store_true", help="keep the cache on a small disk, which is filled; as root")
    parser.add_argument("--memory", type=int, metavar="MB", help="memory of the server and its workers; as root")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bundles = Registry(folder, stack) if options.mlflow else Folder(folder)
        surroundings: list[Surrounding] = [bundles]
        if options.redis:
            surroundings.append(Redis(folder, stack))
        if options.disk:
            surroundings.append(Disk(folder, stack))
        memory = Memory(options.memory, stack) if options.memory else None
        if memory:
            surroundings.append(memory)
        settings = {"MODEL_POLL_SECONDS": "1", "LOG_LEVEL": "CRITICAL"}
        for surrounding in surroundings:
            settings |= surrounding.settings
        server = Server(**settings)
        stack.callback(server.stop)
        if memory:
            memory.cap.hold(server.process.pid)
        server.wait()
        offline = {found.bundle.version: found for found in map(load_predictor, map(str, bundles.good))}
        report = _run(server, surroundings, memory, offline, options.minutes * 60, options.seed)
    print(json.dumps(report, indent=1))
    return int(bool(report["broken promises"]))


def _run(
    server: Server,
    surroundings: list[Surrounding],
    memory: Memory | None,
    offline: dict[str, Predictor],
    seconds: float,
    seed: int,
) -> dict[str, Any]:
    pick, tally, stop = random.Random(seed), Tally(), threading.Event()
    clients = [threading.Thread(target=ask, args=(server.url, offline, tally, stop, seed + n)) for n in range(CLIENTS)]
    clients.append(threading.Thread(target=dawdle, args=(server.url, stop)))
    for client in clients:
        client.start()
    happened: Counter[str] = Counter()
    kills: list[float] = []
    begun = time.monotonic()

    def kill() -> None:
        kills.append(time.monotonic())
        os.kill(pick.choice(sorted(server.workers())), signal.SIGKILL)

    faults = {"worker killed": kill, "reload": lambda: server.process.send_signal(signal.SIGHUP)}
    for surrounding in surroundings:
        faults |= surrounding.faults(pick)
    while time.monotonic() < begun + seconds * 2 / 3:
        name = pick.choice(list(faults))
        faults[name]()
        happened[name] += 1
        time.sleep(pick.uniform(2, 5))
    for surrounding in surroundings:
        surrounding.restore()
    time.sleep(10)
    before, calm = _footprint(server), tally.answered.total()
    time.sleep(max(seconds / 3 - 10, 20))
    after = _footprint(server)
    stop.set()
    for client in clients:
        client.join()

    if memory:
        kills += memory.kills
    growth = {pid: after[pid][0] / before[pid][0] - 1 for pid in before if pid in after}
    # A worker that is killed takes along what it had: at most one request of each client.
    stray = [when for when in tally.lost if not any(0 <= when - killed < 2 for killed in kills)]
    broken = [
        *tally.wrong[:5],
        *([f"{len(stray)} requests lost without a killed worker"] if stray else []),
        *([f"{len(tally.lost)} requests lost to {len(kills)} kills"] if len(tally.lost) > CLIENTS * len(kills) else []),
        *(["the memory did not suffice"] if memory and memory.cap.kills > len(memory.kills) else []),
        *(["a worker was replaced in the calm"] if set(after) != set(before) else []),
        *([f"memory grew by {max(growth.values()):.1%}"] if max(growth.values(), default=0) > MOST_GROWTH else []),
        *(["descriptors leak"] if _open_files(after) > _open_files(before) + MOST_OPENED else []),
    ]
    return {
        "seconds": round(time.monotonic() - begun),
        "answers": dict(tally.answered),
        "answers in the calm": tally.answered.total() - calm,
        "versions": dict(tally.versions),
        "faults": dict(happened),
        "lost with a killed worker": len(tally.lost) - len(stray),
        **({"killed by the kernel": memory.cap.kills, "most memory, MB": memory.cap.peak >> 20} if memory else {}),
        "wrong answers": len(tally.wrong),
        "memory growth": [round(value, 4) for value in growth.values()],
        "resident MB, descriptors": [[round(memory / 1e6), files] for memory, files in after.values()],
        "descriptors at the start of the calm": _open_files(before),
        "broken promises": broken,
    }


def _open_files(footprint: dict[int, tuple[int, int]]) -> int:
    """Return the descriptors of all workers together: which of them has the slow clients is chance."""
    return sum(files for _, files in footprint.values())


def _footprint(server: Server) -> dict[int, tuple[int, int]]:
    """Return resident bytes and open descriptors of each worker."""
    found = {}
    for pid in server.workers():
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        found[pid] = (pages * os.sysconf("SC_PAGE_SIZE"), len(list(Path(f"/proc/{pid}/fd").iterdir())))
    return found


if __name__ == "__main__":
    sys.exit(main())
