"""A cap on the memory of a server and its workers, as a container has it: Linux, as root."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

_GROUPS = Path("/sys/fs/cgroup")
_NAME = "taxi-test"
# Takes less than a worker has, for a second, when it is told to.
_GREEDY = (sys.executable, "-c", "import time; input(); held = b'1' * (64 << 20); time.sleep(1)")


class _Files(NamedTuple):
    """Where the two versions of Linux's control groups keep the same things."""

    limit: str
    used: str
    peak: str
    events: str
    unlimited: str


_VERSION_1 = _Files(
    "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control", "-1"
)
_VERSION_2 = _Files("memory.max", "memory.current", "memory.peak", "memory.events", "max")


class MemoryCap:
    """A control group. What a process in it starts is in it, too."""

    def __init__(self, group: Path, files: _Files) -> None:
        self._group = group
        self._files = files

    def hold(self, pid: int) -> None:
        """Put a process into the group."""
        (self._group / "cgroup.procs").write_text(str(pid))

    def limit(self, size: int | None) -> None:
        """Allow so many bytes, or any number; version 1 refuses less than what is in use."""
        (self._group / self._files.limit).write_text(self._files.unlimited if size is None else str(size))

    def exhaust(self) -> None:
        """Let a process need more than there is, so that the kernel kills the largest one, which is another."""
        with subprocess.Popen(_GREEDY, stdin=subprocess.PIPE) as greedy:
            self.hold(greedy.pid)
            # More may be in use by the time of the limit, which is then refused.
            with suppress(OSError):
                self.limit(self.used + (16 << 20))
                greedy.communicate(b"now\n")
            greedy.kill()

    @property
    def used(self) -> int:
        """Bytes in use."""
        return self._number(self._files.used)

    @property
    def peak(self) -> int:
        """Most bytes that ever were."""
        return self._number(self._files.peak)

    @property
    def kills(self) -> int:
        """How many processes the kernel has killed for want of memory."""
        lines = (self._group / self._files.events).read_text().splitlines()
        return int(dict(line.split() for line in lines).get("oom_kill", 0))

    def _number(self, name: str) -> int:
        return int((self._group / name).read_text())


@contextmanager
def memory_cap() -> Iterator[MemoryCap | None]:
    """Make a group without a limit for the block, at whose end it must be empty; None if that cannot be done."""
    version_1 = _GROUPS / "memory"
    files = _VERSION_1 if version_1.is_dir() else _VERSION_2
    group = (version_1 if version_1.is_dir() else _GROUPS) / f"{_NAME}-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        yield None
        return
    try:
        yield MemoryCap(group, files) if (group / files.limit).exists() else None
    finally:
        group.rmdir()
