"""A bundle in a plain folder, which may be replaced."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from taxi_api.model.bundle import MANIFEST
from taxi_api.model.sources import Found, SourceError


class FolderSource:
    """A folder on this machine. It is read where it is; nothing is copied."""

    def __init__(self, path: Path) -> None:
        """Take the folder of a bundle."""
        self._path = path

    def look(self) -> Found:
        """Read the manifest; raise SourceError if it cannot be read."""
        try:
            manifest = (self._path / MANIFEST).read_bytes()
        except OSError as problem:
            raise SourceError(
                f"model bundle {self._path}: {MANIFEST} cannot be read ({problem.strerror});"
                " is this the folder of a bundle?"
            ) from problem
        return Found(hashlib.sha256(manifest).hexdigest(), "folder")

    @contextmanager
    def open(self, _found: Found) -> Iterator[Path]:
        """Lend the folder."""
        yield self._path

    def last(self) -> None:
        """Return None: what the folder has is at hand anyway."""

    def keep(self, found: Found) -> None:
        """Remember nothing."""
