"""A disk of its own, to be filled: Linux, as root."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[bool]:
    """Mount a disk of a size such as 1m over the folder until the end of the block; yield whether it could be done."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "taxi-test", str(folder)]
    mounted = bool(shutil.which("mount")) and not subprocess.run(command, capture_output=True, check=False).returncode
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
