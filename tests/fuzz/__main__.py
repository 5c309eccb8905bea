"""``python -m tests.fuzz``: run Schemathesis with all its checks; further arguments are passed on to it."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from taxi_api.api_keys import digest, new_key
from tests.servers import ROOT, running

CONFIGURATION = Path(__file__).parent / "schemathesis.toml"
SECONDS = 150
LEAST_CASES = 2000


def main() -> int:
    key = new_key()
    settings = {"LOG_LEVEL": "ERROR", "TAXI_API_KEYS": digest(key)}
    with running(**settings) as server, tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        status = subprocess.run(
            [
                *(
                    sys.executable,
                    "-m",
                    "schemathesis.cli",
                    "--config-file",
                    str(CONFIGURATION),
                    "run",
                    f"{server.url}/openapi.json",
                ),
                *("--header", f"X-API-Key: {key}"),
                *("--checks", "all"),
                # The only state is what the answers name: zones that other requests then ask for.
                *("--phases", "examples,coverage,fuzzing,stateful"),
                *("--max-time", str(SECONDS)),
                # The same cases each time, so that a failure comes from a change; pass another seed for others.
                *("--seed", "2024"),
                *("--report", "json", "--report-json-path", str(report)),
                "--no-color",
                *sys.argv[1:],
            ],
            cwd=folder,
            env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.fuzz.hooks", "PYTHONPATH": str(ROOT)},
            check=False,
            timeout=SECONDS + 90,
        ).returncode
        cases = json.loads(report.read_text())["test_cases"]["generated"]
    if cases < LEAST_CASES:
        sys.stderr.write(f"only {cases} cases in {SECONDS} seconds; at least {LEAST_CASES} have to be tried\n")
        return 1
    if "ERROR" in server.log:
        sys.stderr.write(server.log)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
