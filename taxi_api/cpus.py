"""How many CPUs this process may use, which in a container is often fewer than the machine has."""

import math
import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable(quota: Path = _QUOTA) -> int:
    """Return the number of CPUs by affinity and, where there is one, the container's quota, rounded up; at least 1."""
    # Not everywhere is there an affinity.
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        limit, period = quota.read_text().split()
        count = min(count, math.ceil(int(limit) / int(period)))
    except (OSError, ValueError):
        pass  # no quota, or none in this form
    return max(count, 1)
