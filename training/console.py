"""One console for every command: progress and notes go to stderr, results to stdout."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

notes = Console(stderr=True, highlight=False)
results = Console(highlight=False)


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
