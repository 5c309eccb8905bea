"""What a cold start costs on Lambda: ``python -m benchmarks.cold_start``; ``--heavy`` measures the usual way as well.

AWS's own runtime client runs the handler in a fresh process, as Lambda starts it, with a Runtime API of this machine.
CPU time is the kernel's, of the whole process: from its start until it asks for the first event, and until it has
answered that. The best of so many starts counts, because a busy machine only ever adds.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.serving.load import cpu_seconds
from tests.lambda_runtime import environment

HERE = Path(__file__).parent
EVENT = json.loads((HERE.parent / "tests/events/rest_predict.json").read_text())
OURS = "taxi_api.lambda_handler.handler"
HEAVY = "benchmarks.serving.apps.tutorial.handler"
MOST_MILLISECONDS = 450
LEAST_RATIO = 8


def main() -> int:
    """Measure and print; return 1 if the start is over its budget."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--heavy", help="interpreter that has benchmarks/serving/requirements/tutorial.txt")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    found: dict[str, Any] = {"ours": _starts(OURS, sys.executable, options.starts)}
    print(_line("this service", found["ours"]))
    failed = found["ours"]["init_cpu_ms"] > MOST_MILLISECONDS
    if options.heavy:
        found["heavy"] = _starts(HEAVY, options.heavy, max(3, options.starts // 3))
        found["ratio"] = round(found["heavy"]["init_cpu_ms"] / found["ours"]["init_cpu_ms"], 1)
        print(_line("FastAPI, MLflow, XGBoost, pandas", found["heavy"]))
        print(f"ratio {found['ratio']}")
        failed |= found["ratio"] < LEAST_RATIO
    found["imports"] = _imports(OURS.rpartition(".")[0])
    print("the dearest imports, by package, in milliseconds:")
    for name, milliseconds in found["imports"].items():
        print(f"  {milliseconds:6.1f}  {name}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return int(failed)


def _starts(handler: str, python: str, count: int) -> dict[str, float]:
    inits, firsts = [], []
    # One more, unmeasured: the first reads files from the disk.
    for _ in range(count + 1):
        with environment(handler, python, APP_ENV="production") as started:
            inits.append(cpu_seconds(started.process.pid) * 1e3)
            answer = started.invoke(EVENT)
            firsts.append(cpu_seconds(started.process.pid) * 1e3)
            if answer["statusCode"] != 200:
                raise SystemExit(f"{handler} answered {answer}")
    return {
        "init_cpu_ms": round(min(inits[1:])),
        "init_cpu_ms_median": round(sorted(inits[1:])[count // 2]),
        "first_answer_cpu_ms": round(min(firsts[1:])),
    }


def _line(name: str, found: dict[str, float]) -> str:
    return (
        f"{name:<34} init {found['init_cpu_ms']:5.0f} ms CPU (median {found['init_cpu_ms_median']:.0f}),"
        f" with the first answer {found['first_answer_cpu_ms']:.0f}"
    )


def _imports(module: str, most: int = 15) -> dict[str, float]:
    """Return the top-level packages that take longest to import, in milliseconds of their own."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import {module}"],
        cwd=HERE.parent,
        env=os.environ | {"AWS_LAMBDA_FUNCTION_NAME": "taxi-prediction-dev"},
        capture_output=True,
        text=True,
        check=True,
    )
    own: dict[str, float] = {}
    for line in run.stderr.splitlines():
        if line.startswith("import time:") and not line.endswith("imported package"):
            itself, _, name = line.removeprefix("import time:").split("|")
            package = name.strip().split(".")[0]
            own[package] = own.get(package, 0) + int(itself) / 1e3
    return dict(sorted(own.items(), key=lambda entry: -entry[1])[:most])


if __name__ == "__main__":
    sys.exit(main())
