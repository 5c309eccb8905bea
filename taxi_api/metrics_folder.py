"""The folder in which gunicorn's workers keep their metrics, so that any of them can add them all up.

Its name has to be in the environment before ``prometheus_client`` is imported, which looks for it there.
"""

import os
import tempfile
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "taxi-metrics-"


def prepare(named: str, parent: str | None = None) -> Path:
    """Return the folder, made if it is not there, with its name in the environment.

    Args:
        named: the folder that the settings name, or empty for a temporary one.
        parent: where to make a temporary one, by default where the system does.

    """
    folder = Path(named or tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    folder.mkdir(parents=True, exist_ok=True)
    os.environ[VARIABLE] = str(folder)
    return folder


def empty(folder: Path) -> None:
    """Remove what former workers left; nothing but their files."""
    for file in folder.glob("*.db"):
        file.unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Remove the files and, if it is a temporary one, the folder."""
    empty(folder)
    if folder.name.startswith(_PREFIX):
        folder.rmdir()
