"""Folders that appear whole or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from taxi_api.model.bundle import MANIFEST
from training.errors import TrainingError


@contextmanager
def bundle_folder(out: Path) -> Iterator[Path]:
    """Lend an empty folder that takes the place of ``out`` when the block ends without an error, and else goes away.

    An older bundle at ``out`` stays until then. Raises TrainingError if ``out`` holds something else than a bundle, or
    if writing fails.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).is_file()):
        raise TrainingError(f"{out} is or holds something that is not a bundle; give --out a new folder")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as problem:
        raise TrainingError(f"cannot write beside {out}: {problem.strerror}") from problem
    try:
        draft.chmod(0o755)  # mkdtemp makes it private
        yield draft
        _replace(draft, out)
    except OSError as problem:
        raise TrainingError(f"cannot write the bundle {out}: {problem.strerror}") from problem
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _replace(draft: Path, out: Path) -> None:
    """Put the finished folder in place of an older one; a crash in between leaves one of the two whole beside it."""
    old = draft.with_name(draft.name + "-old")
    if out.exists():
        out.replace(old)
    draft.replace(out)
    shutil.rmtree(old, ignore_errors=True)
