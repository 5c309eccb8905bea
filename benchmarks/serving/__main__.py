"""The service and what a user would pick instead, on the same trips: ``python -m benchmarks.serving``.

Every server has one process and one CPU to itself while it is measured, the load generator has another. Servers are
measured in turns, run by run, so that all meet the same moods of the machine, which last seconds: many short rounds
say more than a few long ones. Medians over the rounds count. Before the clock starts, servers of the same model have to
give the same minutes.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import venv
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.serving import trips
from benchmarks.serving.load import Measured, put_under_load, resident_megabytes
from benchmarks.serving.peers import PEERS, ROOT, Running

TRIPS = trips.made_up(100)
CONNECTIONS = (1, 16, 64)
BATCHES = (1_000, 10_000)
SIDE = 50
_REQUIREMENTS = Path(__file__).parent / "requirements"
_SAME_MINUTES = 0.011


def main() -> int:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=",".join(PEERS), help="servers to measure, of: %(default)s")
    parser.add_argument("--connections", default=",".join(map(str, CONNECTIONS)))
    parser.add_argument("--batches", default=",".join(map(str, BATCHES)), help="trips in a request; empty for none")
    parser.add_argument("--seconds", type=int, default=1, help="duration of each run")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--environments", type=Path, default=ROOT / ".venv" / "bench", help="folder for installations")
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    names = options.peers.split(",")
    for tool, package in (("wrk", "wrk"), ("nginx", "nginx-light")):
        if tool in ("wrk", *names) and not shutil.which(tool):
            sys.exit(f"{tool} is missing; on Debian and Ubuntu: apt-get install {package}")
    connections = [int(number) for number in options.connections.split(",")]
    batches = [int(number) for number in options.batches.split(",") if number]
    runs: dict[str, dict[str, list[Measured]]] = {name: {} for name in names}
    memory: dict[str, float] = {}
    # With one CPU there is nothing to keep apart.
    server_core, load_core = (0, 1) if (os.cpu_count() or 1) > 1 else (None, None)
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(Running(PEERS[name], _python(name, options.environments), server_core))
            for name in names
        }
        _check_answers(servers)
        plans = {
            name: {run[0]: run[1:] for run in _runs(server, connections, batches)} for name, server in servers.items()
        }
        for number in range(options.rounds):
            for run in dict.fromkeys(run for plan in plans.values() for run in plan):
                # Back and forth: whoever is measured after a busy neighbour is so no more often than others.
                for name in [name for name in names[:: -1 if number % 2 else 1] if run in plans[name]]:
                    path, bodies, clients = plans[name][run]
                    runs[name].setdefault(run, []).append(
                        put_under_load(
                            servers[name].url + path,
                            bodies,
                            root_pid=servers[name].process.pid,
                            connections=clients,
                            seconds=options.seconds,
                            core=load_core,
                        )
                    )
        memory = {name: resident_megabytes(server.process.pid) for name, server in servers.items()}
    results = {
        "machine": _machine(),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "servers": {
            name: {
                "what": PEERS[name].what,
                "resident_mb": round(memory[name]),
                "runs": {run: _median(measured) for run, measured in runs[name].items()},
            }
            for name in names
        },
    }
    print(_table(results))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0


def _python(name: str, environments: Path) -> str:
    """Return an interpreter with what a server needs, installed on first use."""
    wanted = PEERS[name].environment
    if not wanted:
        return sys.executable
    folder, requirements = environments / wanted, _REQUIREMENTS / f"{wanted}.txt"
    python = folder / "bin" / "python"
    if not (folder / ".installed").exists():
        print(f"installing {requirements.name} ...", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
        (folder / ".installed").touch()
    return str(python)


def _check_answers(servers: dict[str, Running]) -> None:
    """Leave if servers of the same model do not answer the same minutes."""
    expected: list[float] = []
    for name, server in servers.items():
        peer = server.peer
        if peer.durations is None or not peer.same_model:
            continue
        found = [peer.durations(json.loads(server.post(peer.path, peer.body([trip]))))[0] for trip in TRIPS]
        if peer.batch is not None:
            path, body = peer.batch
            found += peer.durations(json.loads(server.post(path, body(TRIPS))))
        expected = expected or found
        if max(abs(one - other) for one, other in zip(found, expected, strict=True)) > _SAME_MINUTES:
            sys.exit(f"{name} does not answer what {next(iter(servers))} does")


def _runs(server: Running, connections: list[int], batches: list[int]) -> list[tuple[str, str, list[bytes], int]]:
    """Return name, path, bodies and number of connections of each run of a server."""
    peer = server.peer
    found = [(f"single, {count}", peer.path, [peer.body([trip]) for trip in TRIPS], count) for count in connections]
    if peer.batch is not None:
        path, body = peer.batch
        found += [(f"batch of {size:,}", path, [body(trips.made_up(size))], 1) for size in batches]
        if batches:
            path, body = peer.matrix or peer.batch
            found.append((f"matrix of {SIDE} x {SIDE}", path, [body(trips.every_pair(SIDE))], 1))
    return found


def _median(measured: list[Measured]) -> dict[str, Any]:
    columns = {name: [asdict(one)[name] for one in measured] for name in ("rate", "cpu", "p50", "p99")}
    found: dict[str, Any] = {name: round(statistics.median(values), 3) for name, values in columns.items()}
    return found | {"rounds": {name: [round(value, 3) for value in values] for name, values in columns.items()}}


def _machine() -> dict[str, Any]:
    cpu = Path("/proc/cpuinfo").read_text().partition("model name")[2].partition(":")[2].partition("\n")[0].strip()
    return {"cpu": cpu, "cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


def _table(results: dict[str, Any]) -> str:
    lines = []
    for name, server in results["servers"].items():
        lines.append(f"{name}: {server['what']}; {server['resident_mb']} MB")
        for run, found in server["runs"].items():
            lines.append(
                f"  {run:<16} {found['rate']:9.1f} requests/s  {found['cpu']:9.0f} µs CPU"
                f"  p50 {found['p50']:8.2f} ms  p99 {found['p99']:8.2f} ms"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
