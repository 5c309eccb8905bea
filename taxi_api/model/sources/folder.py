"""A bundle in a plain folder, which may be replaced."""

import hashlib
from pathlib import Path

from taxi_api.model.bundle import FILES, MANIFEST
from taxi_api.model.sources import Found, SourceError


class FolderSource:
    """A folder on this machine."""

    def __init__(self, path: Path) -> None:
        """Take the folder of a bundle."""
        self._path = path

    def look(self) -> Found:
        """Read the manifest; raise SourceError if it cannot be read."""
        return Found(hashlib.sha256(self._read(MANIFEST)).hexdigest(), "folder")

    def fetch(self, _found: Found) -> dict[str, bytes]:
        """Return the files that are there at the moment; raise SourceError if one cannot be read."""
        return {name: self._read(name) for name in (MANIFEST, *FILES)}

    def _read(self, name: str) -> bytes:
        try:
            return (self._path / name).read_bytes()
        except OSError as problem:
            raise SourceError(
                f"model bundle {self._path}: {name} cannot be read ({problem.strerror});"
                " is this the folder of a bundle?"
            ) from problem
