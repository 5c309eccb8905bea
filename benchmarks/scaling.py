"""How cost grows with what is asked and with workers: ``python -m benchmarks.scaling --out docs/benchmarks/scaling``.

Batches and matrices go through the whole app in this process, in CPU time, best of five. Workers are gunicorn's, asked
by wrk for single trips on 64 connections.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

from flask.testing import FlaskClient
from matplotlib.figure import Figure

from benchmarks.serving import trips
from benchmarks.serving.load import cpu_seconds, put_under_load
from taxi_api.app import create_app
from taxi_api.settings import Settings
from tests.servers import running

BATCHES = (1, 10, 100, 1_000, 10_000, 100_000)
SIDES = (1, 3, 10, 30, 100)
WORKERS = (1, 2, 3, 4)
_REPEATS = 5

# Milliseconds of CPU by size.
Curve = dict[int, float]


def main() -> None:
    """Measure and write a page, a picture and the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="name of the files to write, without a suffix")
    options = parser.parse_args()
    app = create_app(Settings(log_level="WARNING", max_batch=max(BATCHES), max_body_bytes=50_000_000))
    client = app.test_client()
    batch = {size: _batch(client, size) for size in BATCHES}
    matrix = {side * side: _matrix(client, side) for side in SIDES}
    workers = {count: _workers(count) for count in WORKERS}
    options.out.with_suffix(".json").write_text(
        json.dumps({"batch_ms": batch, "matrix_ms": matrix, "workers": workers}, indent=1) + "\n"
    )
    options.out.with_suffix(".md").write_text(_page(batch, matrix, workers, options.out.name))
    _picture(batch, matrix, workers).savefig(options.out.with_suffix(".png"), dpi=110)


def _batch(client: FlaskClient, size: int) -> float:
    body = trips.columns(trips.made_up(size))
    return _milliseconds(lambda: client.post("/v1/predict/batch", data=body, content_type="application/json"))


def _matrix(client: FlaskClient, side: int) -> float:
    zones = list(range(1, side + 1))
    body = trips.as_json({"sources": zones, "destinations": [100 + zone for zone in zones]})
    return _milliseconds(lambda: client.post("/v1/matrix", data=body, content_type="application/json"))


def _milliseconds(ask: Callable[[], object]) -> float:
    found = []
    for _ in range(_REPEATS):
        begin = time.process_time()
        answer = ask()
        found.append(time.process_time() - begin)
        assert answer.status_code == 200, answer.text[:300]  # type: ignore[attr-defined] # noqa: S101
    return round(min(found) * 1e3, 3)


def _workers(count: int) -> dict[str, float]:
    bodies = [trips.one([trip]) for trip in trips.made_up(100)]
    with running(WEB_CONCURRENCY=str(count), APP_ENV="production") as server:
        found = put_under_load(
            f"{server.url}/predict", bodies, root_pid=server.process.pid, connections=64, seconds=4, core=None
        )
        total = cpu_seconds(server.process.pid)
    return {"rate": round(found.rate), "cpu_us": round(found.cpu), "p99_ms": found.p99, "cpu_s": round(total, 1)}


def _page(batch: Curve, matrix: Curve, workers: dict[int, dict[str, float]], name: str) -> str:
    lines = [
        "# How cost grows",
        "",
        "Made by `python -m benchmarks.scaling --out docs/benchmarks/scaling`; do not edit.",
        "",
        f"![CPU time by size, requests by workers]({name}.png)",
    ]
    for title, what, curve in (("A batch", "trips", batch), ("A matrix", "cells", matrix)):
        lines += ["", f"## {title}", f"| {what} | CPU ms | µs each |", "| ---: | ---: | ---: |"]
        lines += [f"| {size:,} | {cost:,.2f} | {cost / size * 1e3:,.1f} |" for size, cost in curve.items()]
    lines += ["", "## Workers", "wrk needs a part of the same CPUs.", ""]
    lines += ["| workers | requests/s | CPU µs a request | p99 ms |", "| ---: | ---: | ---: | ---: |"]
    lines += [
        f"| {count} | {found['rate']:,} | {found['cpu_us']:,} | {found['p99_ms']:.1f} |"
        for count, found in workers.items()
    ]
    return "\n".join(lines) + "\n"


def _picture(batch: Curve, matrix: Curve, workers: dict[int, dict[str, float]]) -> Figure:
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for label, curve in (("trips of a batch", batch), ("cells of a matrix", matrix)):
        left.plot(list(curve), list(curve.values()), marker="o", label=label)
    left.set(xscale="log", yscale="log", xlabel="size of a request", ylabel="CPU time, ms")
    left.legend(frameon=False)
    right.plot(list(workers), [found["rate"] for found in workers.values()], marker="o", color="#c0392b")
    right.set(xlabel="workers", ylabel="predictions a second", xticks=list(workers), ylim=(0, None))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main()
