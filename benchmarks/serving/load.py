"""One server under load: requests per second and waiting times as wrk sees them, CPU time as the kernel counts it."""

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
# Bodies in turn, and figures that a program can read.
_SCRIPT = """
local bodies = {}
for line in io.lines(os.getenv("BENCH_BODIES")) do bodies[#bodies + 1] = line end
local n = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function()
  n = n % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[n])
end
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\\nRESULT {"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "failed": %d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout + errors.status))
end
"""


@dataclass(frozen=True)
class Measured:
    """What one run of load gave.

    Attributes:
        rate: requests per second.
        cpu: the server's CPU time per request, in microseconds, over all of its processes.
        p50: median waiting time, in milliseconds.
        p99: 99th percentile of the waiting times, in milliseconds.

    """

    rate: float
    cpu: float
    p50: float
    p99: float


class LoadError(Exception):
    """Requests failed: such a run says nothing."""


def put_under_load(
    url: str, bodies: Sequence[bytes], *, root_pid: int, connections: int, seconds: float, core: int | None
) -> Measured:
    """Send the bodies in turn for so long and measure.

    Args:
        url: address to post to.
        bodies: JSON without line breaks.
        root_pid: the server's first process.
        connections: kept open, each with one request at a time.
        seconds: duration of the load.
        core: CPU that the load generator keeps to; None for any.

    Raises:
        LoadError: a request failed, or was not answered with success.

    """
    with tempfile.TemporaryDirectory() as folder:
        script, lines = Path(folder) / "post.lua", Path(folder) / "bodies"
        script.write_text(_SCRIPT)
        lines.write_bytes(b"\n".join(bodies) + b"\n")
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(script), url]
        if core is not None:
            command = ["taskset", "-c", str(core), *command]
        before = cpu_seconds(root_pid)
        run = subprocess.run(
            command, env=os.environ | {"BENCH_BODIES": str(lines)}, capture_output=True, text=True, check=True
        )
        used = cpu_seconds(root_pid) - before
    (line,) = [line for line in run.stdout.splitlines() if line.startswith("RESULT ")]
    found = json.loads(line.removeprefix("RESULT "))
    if found["failed"] or not found["requests"]:
        raise LoadError(f"{url}: {found['failed']} of {found['requests']} requests failed")
    return Measured(
        rate=found["requests"] / found["microseconds"] * 1e6,
        cpu=used / found["requests"] * 1e6,
        p50=found["p50"] / 1e3,
        p99=found["p99"] / 1e3,
    )


def processes(root_pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [root_pid]
    for pid in found:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            found += [int(child) for child in children.read_text().split()]
    return found


def cpu_seconds(root_pid: int) -> float:
    """Return the CPU time that a process tree has used, with that of children that have ended."""
    return sum(sum(map(int, _stat(pid)[11:15])) for pid in processes(root_pid)) / _TICK


def resident_megabytes(root_pid: int) -> float:
    """Return the memory of the largest process of a tree: the worker's."""
    page = os.sysconf("SC_PAGE_SIZE")
    return max(int(_stat(pid)[21]) * page for pid in processes(root_pid)) / 1e6


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/pid/stat after the name, which may have spaces."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
