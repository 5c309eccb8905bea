"""One console for every command: progress and notes go to stderr, results to stdout."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

notes = Console(stderr=True, highlight=False)
# A log has no width of its own; without one, tables would be folded into 80 columns.
results = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def progress() -> Progress:
    """Return a progress display for counted steps; it disappears when it is done."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=notes,
        transient=True,
    )
