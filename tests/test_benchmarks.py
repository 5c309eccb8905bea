"""Benchmarks that docs quote: that they still run, not what they measure."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.regression import judge

ROOT = Path(__file__).parents[1]


def _run(module: str, *arguments: str) -> str:
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_steps_of_a_prediction_are_measured() -> None:
    """It puts results in place of steps by name; a step that goes by another name must not be left out unnoticed."""
    table = _run("steps", "--requests", "10", "--repeats", "1")

    assert len(re.findall(r"^\| .+ \| -?\d+ \|$", table, re.MULTILINE)) == 12


@pytest.mark.parametrize(
    ("ratios", "dearer"),
    [([1.2] * 8, True), ([1.1] * 8, False), ([0.8] * 8, False), ([0.9, 0.9, 0.9, 1.2, 1.2, 1.2, 1.3, 1.3], False)],
    ids=["dearer", "within the limit", "cheaper", "by chance"],
)
def test_a_change_that_makes_requests_dearer_is_noticed(ratios: list[float], dearer: bool):
    rounds = [({"start": 0.2, "a request": 2e-4}, {"start": 0.2, "a request": 2e-4 * ratio}) for ratio in ratios]

    table, found = judge(rounds, "main", limit=1.15)

    assert found is dearer
    assert ("| dearer |" in table) is dearer


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """Return a folder with results of a server that answers 1,000 single trips a second."""
    runs = {"single, 16": 1_000.0, "batch of 1,000": 300.0, "batch of 10,000": 30.0, "matrix of 50 x 50": 100.0}
    ours = {"runs": {name: {"rate": rate} for name, rate in runs.items()}}
    (tmp_path / "serving.json").write_text(json.dumps({"servers": {"ours": ours}}))
    times = {"cold_ms": 400, "warm_ms": 1.2, "p99_ms": 3.0}
    (tmp_path / "lambda_memory.json").write_text(json.dumps({"1024": times, "1769": times}))
    return tmp_path


def test_capacity_is_worked_out_from_what_was_measured(measured: Path) -> None:
    pytest.importorskip("matplotlib", reason="only serving is installed")

    _run("capacity", str(measured))

    page = (measured / "capacity.md").read_text()
    assert "| one trip | 1,000 | 1,000.0 s |" in page
    assert "| a batch of 10,000 | 300,000 | 3.3 s |" in page
    # Begun milliseconds are billed whole: 2 ms of 1 GB, a million times, are 3 cents beside the 20 for asking.
    assert "| 1,024 MB | 0.58 | 400 ms | 1.2 ms | 3.0 ms | $0.23 |" in page
    # 10 billion a month are 3,805 a second: two machines, whose baseline is 0.8 of the 3.8 CPUs.
    assert "| 10,000 million | $2,575.85 | $37,575.85 | $170.42 | $0.017 |" in page
    assert (measured / "capacity.png").stat().st_size > 1_000
