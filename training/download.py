"""Monthly trip records from TLC's public file server: each file arrives whole and checked, or not at all.

``SHA256SUMS`` in the target folder lists what was fetched; ``sha256sum -c SHA256SUMS`` checks it without this program.
"""

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import requests
from rich import progress

from training.console import notes
from training.errors import TrainingError
from training.months import Month, month_range
from training.records import COLOURS
from training.transfer import AbsentError, Fetched, Fetcher, digest_of, is_parquet, storing

TLC_URL = "https://d37ci6vzurychx.cloudfront.net/trip-data"
SUMS_NAME = "SHA256SUMS"
_SUMS_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")


def download(
    first: Month,
    last: Month,
    colours: Sequence[str],
    to: Path,
    base_url: str = TLC_URL,
    *,
    pause: Callable[[float], None] = time.sleep,
) -> list[Fetched]:
    """Fetch every month from first to last, both included, of each colour into the folder ``to``; return the files.

    Files that are there already are checked against ``SHA256SUMS`` and left alone. ``pause`` waits the given seconds
    before another try. Raise TrainingError for an unknown colour, a month that TLC has not published (once the others
    have been fetched), a file that was altered, a server that keeps failing, or a folder that cannot be written.
    """
    wanted = [(colour, month) for colour in _known(colours) for month in month_range(first, last)]
    with storing(to):
        to.mkdir(parents=True, exist_ok=True)
    sums = _read_sums(to / SUMS_NAME)
    done: list[Fetched] = []
    absent: list[str] = []
    with requests.Session() as session, _bar() as bar:
        fetcher = Fetcher(session, bar, pause)
        for colour, month in wanted:
            target = to / f"{colour}_tripdata_{month}.parquet"
            url = f"{base_url.rstrip('/')}/{target.name}"
            try:
                file = _present(target, sums.get(target.name)) or fetcher.fetch(url, target)
            except AbsentError:
                absent.append(f"{colour} {month} ({url})")
                continue
            done.append(file)
            if sums.get(target.name) != file.sha256:
                sums[target.name] = file.sha256
                _write_sums(to / SUMS_NAME, sums)
    if absent:
        raise TrainingError(
            f"TLC has not published {', '.join(absent)}: it publishes with about two months' delay, so ask for earlier "
            f"months or try again later; the other {len(done)} file(s) asked for are in {to}"
        )
    return done


def _known(colours: Sequence[str]) -> list[str]:
    strange = sorted(set(colours) - set(COLOURS))
    if strange or not colours:
        raise TrainingError(f"there are no trip records of colour {', '.join(strange) or 'none'}; use green or yellow")
    return list(dict.fromkeys(colours))


def _present(path: Path, listed: str | None) -> Fetched | None:
    """Return the file if it is there and as listed, or None if it is not there; raise TrainingError if it differs."""
    with storing(path):
        if not path.exists():
            return None
        size = path.stat().st_size
    digest = digest_of(path)
    if listed is not None and digest != listed:
        raise TrainingError(
            f"{path} is not the file listed in {SUMS_NAME}; delete it and run again to fetch it anew, "
            f"or delete its line there to keep it as it is"
        )
    if not is_parquet(path):
        raise TrainingError(f"{path} is not a whole Parquet file; delete it and run again to fetch it")
    return Fetched(path, size, digest, "already there")


def _read_sums(path: Path) -> dict[str, str]:
    """Return digests in hex by file name, as ``sha256sum`` writes them; empty when there is no list."""
    with storing(path):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    sums = {}
    for number, line in enumerate(lines, start=1):
        match = _SUMS_LINE.fullmatch(line)
        if match is None:
            raise TrainingError(f"line {number} of {path} is not a digest and a file name; correct or delete it")
        sums[match[2]] = match[1].lower()
    return sums


def _write_sums(path: Path, sums: dict[str, str]) -> None:
    part = path.with_name(f"{path.name}.part")
    with storing(path):
        part.write_text("".join(f"{sums[name]}  {name}\n" for name in sorted(sums)), encoding="utf-8")
        part.replace(path)


def _bar() -> progress.Progress:
    """Return a progress display for bytes: how many, how fast, and how long still."""
    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
        console=notes,
        transient=True,
    )
