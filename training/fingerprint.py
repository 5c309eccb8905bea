"""Which data a model was made from, so that anyone can tell whether theirs is the same."""

import hashlib
from pathlib import Path

from training.console import progress
from training.errors import TrainingError
from training.records import find_files


def fingerprint(folder: Path) -> dict[str, str]:
    """Return path -> sha256 of all trip record files under a folder; raise TrainingError if one is unreadable."""
    digests = {}
    with progress() as bar:
        for file in bar.track(find_files(folder), description="data fingerprint"):
            try:
                with file.path.open("rb") as content:
                    digest = hashlib.file_digest(content, "sha256").hexdigest()
            except OSError as problem:
                raise TrainingError(f"{file.path} cannot be read: {problem.strerror}") from problem
            digests[file.path.relative_to(folder).as_posix()] = digest
    return digests


def combined(digests: dict[str, str]) -> str:
    """Return one digest for all files and their names."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
