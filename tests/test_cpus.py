import os
from pathlib import Path

import pytest

from taxi_api import cpus


@pytest.mark.parametrize(
    ("quota", "affinity", "usable"),
    [
        (None, 4, 4),
        ("max 100000", 4, 4),
        ("100000 100000", 4, 1),
        ("150000 100000", 4, 2),
        ("10000 100000", 4, 1),
        ("800000 100000", 4, 4),
        ("nonsense", 2, 2),
    ],
)
def test_a_container_counts_what_it_may_use(
    quota: str | None, affinity: int, usable: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(affinity)), raising=False)
    path = tmp_path / "cpu.max"
    if quota is not None:
        path.write_text(quota)
    assert cpus.usable(path) == usable
