"""Does a change make requests or the start dearer? ``python -m benchmarks.regression --base origin/main``.

The base is checked out beside this tree and measured by the same script in turns with it, so that both meet the same
moods of the machine. What counts is CPU time, as a ratio, with the spread of the ratios of single rounds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parents[1]
# Runs in either tree: only what every version has.
MEASURE = """
import json, os, time
begin = time.process_time()
from taxi_api.app import create_app
from taxi_api.settings import Settings
client = create_app(Settings(log_level="WARNING")).test_client()
found = {"start": time.process_time() - begin}
trip = {"PULocationID": 161, "DOLocationID": 132, "trip_distance": 17.5, "pickup_datetime": "2024-09-18T08:30:00"}
trips = {"trips": [dict(trip, DOLocationID=1 + n % 263) for n in range(1000)]}
for name, path, body, times in (
    ("POST /predict", "/predict", trip, 400),
    ("POST /v1/predict/batch, 1,000 trips", "/v1/predict/batch", trips, 8),
):
    data = json.dumps(body)
    for _ in range(3):
        assert client.post(path, data=data, content_type="application/json").status_code == 200
    begin = time.process_time()
    for _ in range(times):
        client.post(path, data=data, content_type="application/json")
    found[name] = (time.process_time() - begin) / times
print(json.dumps(found))
"""


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
            rounds = [(_measure(base), _measure(HERE)) for _ in range(options.rounds)]
        finally:
            _git("worktree", "remove", "--force", str(base))
    table, dearer = _judge(rounds, options.base, options.limit)
    print(table)
    if options.out:
        options.out.write_text(table)
    return int(dearer)


def _judge(rounds: list[tuple[dict[str, float], dict[str, float]]], base: str, limit: float) -> tuple[str, bool]:
    lines = [f"CPU time against `{base}`, medians of {len(rounds)} rounds in turns:", ""]
    lines += ["| | base | now | ratio | spread of half the rounds | |", "| --- | ---: | ---: | ---: | ---: | --- |"]
    dearer = False
    for name in rounds[0][1]:
        before, now = ([pair[side][name] for pair in rounds] for side in (0, 1))
        ratios = [late / early for early, late in zip(before, now, strict=True)]
        ratio = statistics.median(ratios)
        low, _, high = statistics.quantiles(ratios, n=4)
        # A ratio above the limit by chance has a spread that reaches below it.
        failed = ratio > limit and low > 1
        dearer |= failed
        lines.append(
            f"| {name} | {statistics.median(before) * 1e3:.3f} ms | {statistics.median(now) * 1e3:.3f} ms"
            f" | {ratio:.2f} | {low:.2f} to {high:.2f} | {'dearer' if failed else ''} |"
        )
    return "\n".join(lines) + "\n", dearer


def _measure(tree: Path) -> dict[str, float]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(tree)}
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{tree} cannot be measured:\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=HERE, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
