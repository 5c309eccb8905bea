"""Memory against time on Lambda: ``python -m benchmarks.lambda_memory --out docs/benchmarks/lambda_memory.json``.

Lambda gives a function CPU in proportion to its memory, one whole at 1,769 MB. The image runs here under the same
quota, behind AWS's Runtime Interface Emulator that its base image brings, and is asked once cold and then warm; the
emulator says how long each took.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.servers import free_port

EVENT = (Path(__file__).parents[1] / "tests/events/rest_predict.json").read_bytes()
MEMORY = (512, 1024, 1769, 3008)
WHOLE_CPU_MB = 1769
_WARM = 100


def main() -> int:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="docker", help="or podman")
    parser.add_argument("--image", default="taxi-prediction")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--out", type=Path, help="file for the results, as JSON")
    options = parser.parse_args()
    found: dict[int, dict[str, float]] = {}
    for memory in MEMORY:
        runs = [_run(options.engine, options.image, memory) for _ in range(options.starts)]
        warm = sorted(duration for run in runs for duration in run[1])
        found[memory] = {
            "cold_ms": round(statistics.median(run[0] for run in runs)),
            "warm_ms": round(statistics.median(warm), 2),
            "p99_ms": round(warm[int(len(warm) * 0.99)], 2),
        }
        print(f"{memory} MB: {found[memory]}", flush=True)
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def _run(engine: str, image: str, memory: int) -> tuple[float, list[float]]:
    """Return the milliseconds of a cold start and of warm predictions."""
    port, name = free_port(), f"lambda-memory-{time.time_ns()}"
    cpus = str(memory / WHOLE_CPU_MB)
    limits = ["--cpus", cpus, "--memory", f"{memory}m", "-e", f"AWS_LAMBDA_FUNCTION_MEMORY_SIZE={memory}"]
    start = [engine, "run", "-d", "--name", name, *limits, "-p", f"127.0.0.1:{port}:8080", image]
    subprocess.run(start, check=True, capture_output=True)
    try:
        for number in range(_WARM + 1):
            _invoke(port, patient=number == 0)
        log = subprocess.run([engine, "logs", name], capture_output=True, text=True, check=True)
    finally:
        subprocess.run([engine, "rm", "-f", "-t", "1", name], check=True, capture_output=True)
    text = log.stdout + log.stderr
    (init,) = re.findall(r"INIT REPORT\(durationMs: ([\d.]+)\)", text)
    durations = [float(found) for found in re.findall(r"INVOKE RTDONE\(.*duration: ([\d.]+)ms\)", text)]
    return float(init), durations[1:]


def _invoke(port: int, *, patient: bool) -> None:
    url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
    for attempt in range(50):
        try:
            with urllib.request.urlopen(url, EVENT, timeout=60) as answer:
                found = json.load(answer)
        except (urllib.error.URLError, ConnectionError):
            if not patient or attempt == 49:
                raise
            time.sleep(0.1)
        else:
            if found["statusCode"] != 200:
                sys.exit(f"the function answered {found}")
            return


if __name__ == "__main__":
    sys.exit(main())
