"""Does a change make requests or the start dearer? ``python -m benchmarks.regression --base origin/main``.

The base is checked out beside this tree and measured by the same script in turns with it, so that both meet the same
moods of the machine: how it starts, and then as a server of one worker, as it is deployed. What counts is CPU time, as
a ratio, with the spread of the ratios of single rounds.
"""

import argparse
import http.client
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.serving import trips
from benchmarks.serving.load import cpu_seconds
from tests.servers import free_port

HERE = Path(__file__).parents[1]
# Runs in either tree: only what every version has.
START = """
import time
begin = time.process_time()
from taxi_api.app import create_app
create_app()
print(time.process_time() - begin)
"""
# Name, path, body of a request, and how many are sent.
_REQUESTS = (
    ("POST /predict", "/predict", trips.one(trips.made_up(1)), 4_000),
    ("POST /v1/predict/batch, 1,000 trips", "/v1/predict/batch", trips.columns(trips.made_up(1_000)), 100),
)
_WARM_UP = 50
_START_SECONDS = 30

# Seconds of CPU by what they were spent on.
Costs = dict[str, float]


def main() -> int:
    """Compare, print and write the table; return 1 if anything became dearer beyond the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="origin/main", help="commit or branch to hold this tree against")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--limit", type=float, default=1.15, help="highest ratio that passes")
    parser.add_argument("--out", type=Path, help="file for the table as Markdown")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        _git("worktree", "add", "--detach", str(base), options.base)
        try:
            rounds = [_round(base, HERE, swapped=number % 2 == 1) for number in range(options.rounds)]
        finally:
            _git("worktree", "remove", "--force", str(base))
    table, dearer = judge(rounds, options.base, options.limit)
    print(table)
    if options.out:
        options.out.write_text(table)
    return int(dearer)


def judge(rounds: list[tuple[Costs, Costs]], base: str, limit: float) -> tuple[str, bool]:
    """Return a table of the costs, of the base and now in each round, and whether anything became dearer.

    A ratio above the limit counts unless a quarter of the rounds found no change at all: that is chance.
    """
    lines = [f"CPU time against `{base}`, medians of {len(rounds)} rounds in turns:", ""]
    lines += ["| | base | now | ratio | spread of half the rounds | |", "| --- | ---: | ---: | ---: | ---: | --- |"]
    dearer = False
    for name in rounds[0][1]:
        before, now = ([pair[side][name] for pair in rounds] for side in (0, 1))
        ratios = [late / early for early, late in zip(before, now, strict=True)]
        ratio = statistics.median(ratios)
        low, _, high = statistics.quantiles(ratios, n=4)
        failed = ratio > limit and low > 1
        dearer |= failed
        lines.append(
            f"| {name} | {statistics.median(before) * 1e3:.3f} ms | {statistics.median(now) * 1e3:.3f} ms"
            f" | {ratio:.2f} | {low:.2f} to {high:.2f} | {'dearer' if failed else ''} |"
        )
    return "\n".join(lines) + "\n", dearer


def _round(base: Path, now: Path, *, swapped: bool) -> tuple[Costs, Costs]:
    """Return the costs of both trees; whoever is measured first, it is so in every other round."""
    if swapped:
        later = _measure(now)
        return _measure(base), later
    return _measure(base), _measure(now)


def _measure(tree: Path) -> Costs:
    """Return what a start costs, and requests to a server of one worker."""
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(tree),
        "APP_ENV": "production",
        "WEB_CONCURRENCY": "1",
        "PORT": str(free_port()),
    }
    start = subprocess.run(
        [sys.executable, "-c", START], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    if start.returncode != 0:
        sys.exit(f"{tree} cannot be measured:\n{start.stderr}")
    command = [sys.executable, "-m", "gunicorn", "taxi_api.wsgi:app"]
    with subprocess.Popen(command, cwd=tree, env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            connection = _connected(int(environment["PORT"]))
            costs = {name: _asked(connection, server.pid, *request) for name, *request in _REQUESTS}
        finally:
            server.send_signal(signal.SIGTERM)
    return {"start": float(start.stdout), **costs}


def _connected(port: int) -> http.client.HTTPConnection:
    """Return a connection to a server that is being started."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/ready")
            if connection.getresponse().read():
                return connection
        except OSError:
            if time.monotonic() > deadline:
                raise
        connection.close()
        time.sleep(0.05)


def _asked(connection: http.client.HTTPConnection, pid: int, path: str, body: bytes, times: int) -> float:
    """Return the seconds of CPU that the server needs for a request."""
    for number in range(-_WARM_UP, times):
        if number == 0:
            before = cpu_seconds(pid)
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != http.client.OK:
            sys.exit(f"{path} was answered with {answer.status}: {text[:300]!r}")
    return (cpu_seconds(pid) - before) / times


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=HERE, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
