"""Fetched bundles in a folder of this machine, which workers and containers share and which outlives them."""

import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from taxi_api.model.bundle import MANIFEST, BundleError
from taxi_api.model.sources import Found, Remote

_logger = logging.getLogger(__name__)
_DRAFT = ".draft-"
_KEPT = 3
_OLD_DRAFT_SECONDS = 3600


class Cached:
    """A remote place and a local folder: ``<folder>/<place>/<digest>/`` is a bundle, ``serving.json`` names the last.

    Everything appears under its name by a rename, complete or not at all, so that nobody needs a lock.
    """

    def __init__(self, remote: Remote, folder: Path, place: str) -> None:
        """Take the remote place, the folder for all places, and what tells this place from others."""
        self._remote = remote
        self._folder = folder / hashlib.sha256(place.encode()).hexdigest()[:16]
        self._serving = self._folder / "serving.json"

    def look(self) -> Found:
        """Ask the remote place."""
        return self._remote.look()

    @contextmanager
    def open(self, found: Found) -> Iterator[Path]:
        """Lend the bundle's folder, after fetching it if it is not there or not whole.

        A cache that cannot be written is said in the log and done without.
        """
        folder = self._folder / found.digest
        if _digest(folder) == found.digest:
            try:
                yield folder
            except Exception:
                # Whatever is wrong with it, the next attempt shall have a fresh one.
                shutil.rmtree(folder, ignore_errors=True)
                raise
            return
        files = self._remote.fetch(found)
        fetched = hashlib.sha256(files[MANIFEST]).hexdigest()
        if fetched != found.digest:
            raise BundleError(
                f"its {MANIFEST} has sha256 {fetched[:12]}… where {found.digest[:12]}… is promised;"
                " register the bundle again"
            )
        with tempfile.TemporaryDirectory(prefix="taxi-bundle-") as elsewhere:
            draft = self._draft(files) or _written(files, Path(elsewhere))
            try:
                # The caller proves the bundle before it gets its name, so that the cache holds none that is bad.
                yield draft
                if draft != Path(elsewhere):
                    _move(draft, folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)

    def last(self) -> Found | None:
        """Return the bundle that served last; None if there is none or the cache cannot be read."""
        try:
            found = Found(**json.loads(self._serving.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
        return found if _digest(self._folder / str(found.digest)) == found.digest else None

    def keep(self, found: Found) -> None:
        """Name this bundle as the one that served last, and remove those of long ago."""
        if self.last() == found or not (self._folder / found.digest).is_dir():
            return
        try:
            descriptor, draft = tempfile.mkstemp(prefix=_DRAFT, dir=self._folder)
            with os.fdopen(descriptor, "w") as file:
                json.dump(found._asdict(), file)
            Path(draft).replace(self._serving)
            self._tidy(found.digest)
        except OSError as problem:
            _logger.warning("model cache %s: cannot remember what serves (%s)", self._folder, problem.strerror)

    def _draft(self, files: Mapping[str, bytes]) -> Path | None:
        draft = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=self._folder))
            return _written(files, draft)
        except OSError as problem:
            _logger.warning(
                "model cache %s cannot be written (%s): the model serves, but is lost at a restart; free or mount it",
                self._folder,
                problem.strerror,
            )
            if draft is not None:
                shutil.rmtree(draft, ignore_errors=True)
            return None

    def _tidy(self, serving: str) -> None:
        """Remove all but the newest bundles, and drafts that nobody finished."""
        bundles = [path for path in self._folder.iterdir() if path.is_dir() and path.name != serving]
        drafts = [path for path in bundles if path.name.startswith(_DRAFT)]
        others = sorted(set(bundles) - set(drafts), key=_modified, reverse=True)
        old = [path for path in drafts if time.time() - _modified(path) > _OLD_DRAFT_SECONDS]
        for path in (*others[_KEPT - 1 :], *old):
            shutil.rmtree(path, ignore_errors=True)


def _written(files: Mapping[str, bytes], folder: Path) -> Path:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def _move(draft: Path, folder: Path) -> None:
    try:
        if _digest(folder) != folder.name:
            shutil.rmtree(folder, ignore_errors=True)
        draft.replace(folder)
    except OSError as problem:
        # Another worker was first, with the same files.
        if not folder.is_dir():
            _logger.warning("model cache %s cannot be written (%s)", folder, problem.strerror)


def _digest(folder: Path) -> str | None:
    try:
        return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    except OSError:
        return None


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
