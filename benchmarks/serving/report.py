"""The results as a page and a picture: ``python -m benchmarks.serving.report docs/benchmarks/serving.json``."""

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

# What the figures are held to: run, figure, server, and how many times better this service has to be.
TARGETS = (
    ("single, 16", "cpu", "mlflow", 25.0),
    ("single, 16", "cpu", "tutorial", 5.0),
    ("single, 16", "cpu", "lean", 0.75),
    ("single, 16", "cpu", "constant-flask", 0.85),
    ("single, 16", "rate", "mlflow", 25.0),
    ("single, 16", "rate", "lean", 0.75),
    ("single, 16", "p99", "lean", 1 / 1.3),
    ("batch of 10,000", "cpu", "mlflow", 4.0),
    ("batch of 10,000", "cpu", "lean", 1.5),
    ("batch of 10,000", "rate", "mlflow", 4.0),
)
MOST_MEGABYTES = 90
_FIGURES = {"cpu": "CPU time", "rate": "requests a second", "p99": "99th percentile"}


def main() -> None:
    """Write the page and the picture beside the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    path = parser.parse_args().results
    results = json.loads(path.read_text())
    path.with_suffix(".md").write_text(page(results, path))
    picture(results).savefig(path.with_suffix(".png"), dpi=110)


def page(results: dict[str, Any], path: Path) -> str:
    """Return the results as Markdown."""
    machine, servers = results["machine"], results["servers"]
    lines = [
        "# Serving, side by side",
        "",
        "Made by `make bench`; do not edit. What it means is in [BENCHMARKS.md](../BENCHMARKS.md).",
        "",
        f"{machine['cpus']} CPUs ({machine['cpu']}), {machine['system']}, Python {machine['python']}; every server one"
        f" process on one CPU, wrk on another; medians of {results['rounds']} rounds of {results['seconds']} s in"
        " turns. `OMP_NUM_THREADS=1` for all: libraries that share a row among threads, as scikit-learn's trees do,"
        " collapse without it.",
        "",
        f"![CPU time of a request by server]({path.with_suffix('.png').name})",
        "",
        "## Ratios",
        "How many times as much CPU or time the other one needs for a request, and how many times as many requests a",
        "second this service answers: the median over the rounds of the ratios in a round, the least and the most.",
        "",
        "| what | against | ratio | of | to reach | |",
        "| --- | --- | ---: | --- | ---: | --- |",
    ]
    ours = servers["ours"]["runs"]
    for run, figure, name, least in TARGETS:
        if name in servers and run in servers[name]["runs"]:
            both = (servers[name]["runs"][run]["rounds"][figure], ours[run]["rounds"][figure])
            ratios = [theirs / mine for theirs, mine in zip(*both, strict=True)]
            if figure == "rate":
                ratios = [1 / ratio for ratio in ratios]
            ratio, spread = statistics.median(ratios), f"{min(ratios):.2f} to {max(ratios):.2f}"
            met = "" if ratio >= least else "not reached"
            lines.append(f"| {_FIGURES[figure]}, {run} | {name} | {ratio:.2f} | {spread} | {least:.2f} | {met} |")
    megabytes = servers["ours"]["resident_mb"]
    met = "" if megabytes <= MOST_MEGABYTES else ", which is too much"
    lines += [
        "",
        f"A worker of this service took {megabytes} MB in the end, of {MOST_MEGABYTES} that it may take{met}.",
    ]
    for run in ours:
        lines += ["", f"## {run[0].upper()}{run[1:]}{' connections' if run.startswith('single') else ' trips'}"]
        lines += ["| server | requests/s | CPU µs a request | p50 ms | p99 ms |", "| --- | ---: | ---: | ---: | ---: |"]
        for name, server in servers.items():
            if run in server["runs"]:
                found = server["runs"][run]
                lines.append(
                    f"| {name} | {found['rate']:,.1f} | {found['cpu']:,.0f} | {found['p50']:.2f} | {found['p99']:.2f} |"
                )
    lines += ["", "## Servers", "| server | what | resident MB |", "| --- | --- | ---: |"]
    lines += [f"| {name} | {server['what']} | {server['resident_mb']} |" for name, server in servers.items()]
    return "\n".join(lines) + "\n"


def picture(results: dict[str, Any], run: str = "single, 16") -> Figure:
    """Return the CPU time of a request by server, on a scale of tenfolds."""
    shown = {name: server["runs"][run]["cpu"] for name, server in results["servers"].items()}
    shown = dict(sorted(shown.items(), key=lambda entry: -entry[1]))
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    colours = ["#c0392b" if name == "ours" else "#7f8c8d" for name in shown]
    bars = axes.barh(list(shown), list(shown.values()), color=colours)
    axes.bar_label(bars, [f" {value:,.0f}" for value in shown.values()])
    axes.set(xscale="log", xlabel="CPU time of a request, µs, one trip at a time on 16 connections")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main()
