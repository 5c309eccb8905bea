"""What a million predictions cost: ``python -m benchmarks.capacity docs/benchmarks``.

Reads what ``benchmarks.serving`` and ``benchmarks.lambda_memory`` measured, and writes a page and a picture beside it.
Prices are AWS's list prices on demand, us-east-1, x86, and change: compare them with the pages named here.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.lambda_memory import WHOLE_CPU_MB

PRICES_OF = "2025"
# https://aws.amazon.com/lambda/pricing/ and https://aws.amazon.com/api-gateway/pricing/
LAMBDA_GB_SECOND = 0.0000166667
LAMBDA_MILLION = 0.20
REST_API_MILLION, HTTP_API_MILLION = 3.50, 1.00
# https://aws.amazon.com/ec2/pricing/on-demand/; two vCPUs, of which it may use 20 % each all day long, and for more
# than that it pays by the hour of a vCPU.
T3_MEDIUM_HOUR, T3_VCPUS, T3_BASELINE, T3_EXTRA_VCPU_HOUR = 0.0416, 2, 0.4, 0.05
_HOURS = 730
_MONTHS = (1, 10, 100, 1_000, 10_000)
# What is asked for at once: name of the run, predictions of a request.
_RUNS = (
    ("one trip", "single, 16", 1),
    ("a batch of 1,000", "batch of 1,000", 1_000),
    ("a batch of 10,000", "batch of 10,000", 10_000),
    ("a matrix of 50 x 50", "matrix of 50 x 50", 2_500),
)


def main() -> None:
    """Write the page and the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of serving.json and lambda_memory.json")
    folder = parser.parse_args().folder
    runs = json.loads((folder / "serving.json").read_text())["servers"]["ours"]["runs"]
    functions = {int(mb): found for mb, found in json.loads((folder / "lambda_memory.json").read_text()).items()}
    (folder / "capacity.md").write_text(page(runs, functions))
    picture(runs, functions).savefig(folder / "capacity.png", dpi=110)


def lambda_million(memory: int, milliseconds: float) -> float:
    """Return the dollars of a million warm requests to a function, without a gateway.

    Args:
        memory: of the function, in MB.
        milliseconds: that one takes; Lambda bills each one that has begun.

    """
    return math.ceil(milliseconds) / 1000 * memory / 1024 * LAMBDA_GB_SECOND * 1e6 + LAMBDA_MILLION


def t3_month(predictions: float, rate: float) -> float:
    """Return the dollars a month of as many t3.medium as it takes.

    Args:
        predictions: in the month, evenly spread.
        rate: predictions a second that one vCPU gives.

    """
    busy = predictions / (_HOURS * 3600) / rate
    machines = max(1, math.ceil(busy / T3_VCPUS))
    extra = max(0.0, busy - machines * T3_BASELINE)
    return _HOURS * (machines * T3_MEDIUM_HOUR + extra * T3_EXTRA_VCPU_HOUR)


def page(runs: dict[str, Any], functions: dict[int, dict[str, float]]) -> str:
    """Return what the figures come to, as Markdown.

    Args:
        runs: of this service, from ``benchmarks.serving``.
        functions: milliseconds by memory of the function in MB, from ``benchmarks.lambda_memory``.

    """
    rate = runs["single, 16"]["rate"]
    function = lambda_million(WHOLE_CPU_MB, functions[WHOLE_CPU_MB]["warm_ms"])
    behind_rest = function + REST_API_MILLION
    idle, sustained = t3_month(0, rate), rate * T3_BASELINE
    at_once = [
        f"| {what} | {runs[run]['rate'] * size:,.0f} | {1e6 / (runs[run]['rate'] * size):,.1f} s |"
        for what, run, size in _RUNS
    ]
    by_memory = [
        f"| {memory:,} MB | {memory / WHOLE_CPU_MB:.2f} | {found['cold_ms']:,.0f} ms | {found['warm_ms']:.1f} ms"
        f" | {found['p99_ms']:.1f} ms | ${lambda_million(memory, found['warm_ms']):.2f} |"
        for memory, found in functions.items()
    ]
    by_month = [
        f"| {millions:,} million | ${millions * function:,.2f} | ${millions * behind_rest:,.2f}"
        f" | ${t3_month(millions * 1e6, rate):,.2f} | ${t3_month(millions * 1e6, rate) / millions:,.3f} |"
        for millions in _MONTHS
    ]
    return f"""# Capacity and cost

Made by `python -m benchmarks.capacity docs/benchmarks` from what [serving.md](serving.md) and
`benchmarks.lambda_memory` measured; do not edit. Prices are AWS's list prices on demand (us-east-1, x86, {PRICES_OF}),
without free tiers, taxes and traffic.

![Dollars a month by predictions a month](capacity.png)

## What one vCPU answers
One worker on one hardware thread, the load generator on another.

| asked for at once | predictions a second | a million take |
| --- | ---: | ---: |
{_lines(at_once)}

## Lambda by memory
The image under the CPU quota that Lambda gives for the memory, behind AWS's Runtime Interface Emulator: median of the
starts, median and 99th percentile of warm predictions, one at a time.

| memory | CPU | cold start | a prediction, warm | p99 | a million warm predictions |
| ---: | ---: | ---: | ---: | ---: | ---: |
{_lines(by_memory)}

With less than a whole CPU a request may have to wait for the next slice of it. API Gateway adds, for a million,
${REST_API_MILLION:.2f} as a REST API and ${HTTP_API_MILLION:.2f} as an HTTP API, more than the function itself; a
function URL adds nothing. A batch is one request.

## A month of single predictions
Lambda with {WHOLE_CPU_MB:,} MB; and as many t3.medium as it takes, evenly loaded, without a load balancer, with
unlimited credits beyond their baseline of {T3_BASELINE} CPUs (${T3_EXTRA_VCPU_HOUR:.2f} a vCPU and hour).

| predictions a month | Lambda | with a REST API | t3.medium | each million on it |
| ---: | ---: | ---: | ---: | ---: |
{_lines(by_month)}

A t3.medium costs ${idle:.2f} a month whether it is asked or not. From {idle / behind_rest:.0f} million predictions a
month on it is cheaper than Lambda behind a REST API, from {idle / function:.0f} million on cheaper than Lambda alone.
At its baseline it answers {sustained:,.0f} a second, {sustained * _HOURS * 3600 / 1e9:.1f} billion a month. A vCPU
there and a hardware thread here are not the same; on the machine itself, measure with
`python -m benchmarks.serving --peers ours --connections 16 --batches ""`.
"""


def _lines(rows: list[str]) -> str:
    return "\n".join(rows)


def picture(runs: dict[str, Any], functions: dict[int, dict[str, float]]) -> Figure:
    """Return dollars a month by predictions a month."""
    months = [10 ** (exponent / 10) for exponent in range(50, 101)]
    rate = runs["single, 16"]["rate"]
    function = lambda_million(WHOLE_CPU_MB, functions[WHOLE_CPU_MB]["warm_ms"])
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    axes = figure.subplots()
    for label, colour, dollars in (
        ("Lambda and a REST API", "#7f8c8d", [month / 1e6 * (function + REST_API_MILLION) for month in months]),
        ("Lambda and an HTTP API", "#95a5a6", [month / 1e6 * (function + HTTP_API_MILLION) for month in months]),
        ("Lambda alone", "#2c3e50", [month / 1e6 * function for month in months]),
        ("t3.medium", "#c0392b", [t3_month(month, rate) for month in months]),
    ):
        axes.plot(months, dollars, label=label, color=colour)
    axes.set(xscale="log", yscale="log", xlabel="predictions a month, one a request", ylabel="dollars a month")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main()
