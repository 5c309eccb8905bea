"""Monthly trip records from TLC's public file server: each file arrives whole and checked, or not at all.

A file on its way is ``<name>.part``, and ``<name>.part.etag`` holds the ETag of the version that its bytes belong to,
so that a later run continues the same version or starts over. ``SHA256SUMS`` in the same folder lists what was
fetched; ``sha256sum -c SHA256SUMS`` checks it without this program.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Literal

import requests
from rich import progress

from training.console import notes
from training.errors import TrainingError
from training.months import Month, month_range

TLC_URL = "https://d37ci6vzurychx.cloudfront.net/trip-data"
COLOURS = ("green", "yellow")
SUMS_NAME = "SHA256SUMS"

_TRIES = 5
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_TIMEOUTS = (10.0, 60.0)  # seconds to connect, seconds without a byte
# What arrived of a chunk when the connection drops is lost, so chunks are small.
_CHUNK = 64 * 1024
_MAGIC = b"PAR1"
_SMALLEST_PARQUET = 12
# The bucket behind the CDN forbids listing, and S3 then answers 403 rather than 404 for a name that does not exist.
_ABSENT = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
# If-Range accepts strong validators only; a weak ETag (W/"...") does not promise the same bytes.
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]*"')
_SUMS_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")


@dataclass(frozen=True)
class Fetched:
    """One file in the target folder: its size in bytes, its SHA-256 in hex, and how it came there.

    ``resumed`` means that it was continued after it had broken off, in this run or an earlier one.
    """

    path: Path
    bytes: int
    sha256: str
    how: Literal["fetched", "resumed", "already there"]


class _PassingError(Exception):
    """A transfer broke off for a reason that may pass; ``wait`` is how many seconds the server asked for."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class _AbsentError(Exception):
    """The server has no such file."""


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
    with _storing(to):
        to.mkdir(parents=True, exist_ok=True)
    sums = _read_sums(to / SUMS_NAME)
    done: list[Fetched] = []
    absent: list[str] = []
    with requests.Session() as session, _bar() as bar:
        fetcher = _Fetcher(session, bar, pause)
        for colour, month in wanted:
            target = to / f"{colour}_tripdata_{month}.parquet"
            url = f"{base_url.rstrip('/')}/{target.name}"
            try:
                file = _present(target, sums.get(target.name)) or fetcher.fetch(url, target)
            except _AbsentError:
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


class _Part:
    """The unfinished copy of one file, and the ETag of the version that it is a copy of."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._etag = target.with_name(f"{target.name}.part.etag")

    def kept(self) -> tuple[int, str]:
        """Return how many bytes can be continued and their ETag; (0, "") when their version is not known."""
        with _storing(self.path):
            if not (self.path.exists() and self._etag.exists()):
                return 0, ""
            etag = self._etag.read_text(encoding="ascii", errors="replace")
            size = self.path.stat().st_size
        return (size, etag) if size and _STRONG_ETAG.fullmatch(etag) else (0, "")

    def begin(self, etag: str) -> None:
        """Empty the file for a version that begins now."""
        with _storing(self.path):
            # Empty first: cut off between the two lines, old bytes would otherwise pass as the new version.
            self.path.write_bytes(b"")
            self._etag.write_text(etag, encoding="ascii", errors="replace")

    def append(self, chunks: Iterable[bytes]) -> int:
        """Add the chunks as they come; return the size reached, in bytes."""
        with _storing(self.path), self.path.open("ab") as file:
            for chunk in chunks:
                file.write(chunk)
            return file.tell()

    def discard(self) -> None:
        """Remove every trace of it."""
        with _storing(self.path):
            self.path.unlink(missing_ok=True)
            self._etag.unlink(missing_ok=True)

    def finish(self, target: Path) -> None:
        """Give the file its real name."""
        with _storing(target):
            self.path.replace(target)
            self._etag.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Fetcher:
    """Fetches one file after another over one session, with one progress bar and one way to wait."""

    session: requests.Session
    bar: progress.Progress
    pause: Callable[[float], None]

    def fetch(self, url: str, target: Path) -> Fetched:
        """Fetch one file, with several tries; raise _AbsentError if there is none."""
        part = _Part(target)
        try:
            resumed = self._try_often(url, part)
        except _AbsentError:
            part.discard()
            raise
        with _storing(part.path):
            size = part.path.stat().st_size
        if not _is_parquet(part.path):
            part.discard()
            raise TrainingError(
                f"{url} answered {size} bytes that are no Parquet file; check the base URL or try later"
            )
        digest = _digest(part.path)
        part.finish(target)
        return Fetched(target, size, digest, "resumed" if resumed else "fetched")

    def _try_often(self, url: str, part: _Part) -> bool:
        wait = _FIRST_PAUSE
        for tries_left in reversed(range(_TRIES)):
            try:
                return self._try_once(url, part)
            except _PassingError as error:
                if not tries_left:
                    raise TrainingError(
                        f"{url} could not be fetched in {_TRIES} tries ({error}); "
                        f"run the command again later, it continues what has arrived"
                    ) from error
                seconds = max(wait, error.wait)
                notes.print(f"{part.path.stem}: {error}; trying again in {seconds:.0f} s", markup=False)
                self.pause(seconds)
                wait *= 2
        raise AssertionError("unreachable: the last try returns or raises")

    def _try_once(self, url: str, part: _Part) -> bool:
        """Ask once and store what comes; return whether it continued earlier bytes. The part is whole on return."""
        offset, etag = part.kept()
        # The lengths that are compared are those of the file, so nothing may be compressed on the way.
        headers = {"Accept-Encoding": "identity"}
        if offset:
            headers |= {"Range": f"bytes={offset}-", "If-Range": etag}
        try:
            with self.session.get(url, headers=headers, stream=True, timeout=_TIMEOUTS) as answer:
                return self._store(answer, part, offset, etag)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            raise _PassingError(_root_cause(error)) from error
        except requests.RequestException as error:
            raise TrainingError(f"{url} cannot be asked for ({error}); check the base URL") from error

    def _store(self, answer: requests.Response, part: _Part, offset: int, etag: str) -> bool:
        continues = _continues(answer, offset, etag)
        if not continues:
            _refuse_all_but_whole(answer, part, offset)
            offset = 0
            part.begin(answer.headers.get("ETag", ""))
        total = _total(answer)
        task = self.bar.add_task(part.path.stem, total=total, completed=offset)
        try:
            size = part.append(self._shown(answer.iter_content(_CHUNK), task))
        finally:
            self.bar.remove_task(task)
        if total is not None and size != total:
            raise _PassingError(f"{size} bytes are there, the server announced {total}")
        return continues

    def _shown(self, chunks: Iterable[bytes], task: progress.TaskID) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self.bar.update(task, advance=len(chunk))


def _continues(answer: requests.Response, offset: int, etag: str) -> bool:
    """Tell whether the answer is the rest of the version that the first ``offset`` bytes belong to."""
    # A server may honour Range and ignore If-Range, so the ETag is compared here too.
    return (
        bool(offset)
        and answer.status_code == HTTPStatus.PARTIAL_CONTENT
        and answer.headers.get("Content-Range", "").startswith(f"bytes {offset}-")
        and answer.headers.get("ETag") == etag
    )


def _refuse_all_but_whole(answer: requests.Response, part: _Part, offset: int) -> None:
    """Return if the answer is a whole file; otherwise raise what follows from its status."""
    status = answer.status_code
    if status == HTTPStatus.OK:
        return
    if status in _ABSENT:
        raise _AbsentError
    if offset and status in (HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
        part.discard()
        raise _PassingError("the server's file is not the one that was begun")
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        asked = answer.headers.get("Retry-After", "")
        raise _PassingError(f"status {status}", min(float(asked), _LONGEST_PAUSE) if asked.isdecimal() else 0.0)
    raise TrainingError(f"{answer.url} answered status {status}; check the base URL")


def _total(answer: requests.Response) -> int | None:
    """Return the size of the whole file in bytes, or None when the server does not say."""
    if answer.status_code == HTTPStatus.PARTIAL_CONTENT:
        text = answer.headers["Content-Range"].rpartition("/")[2]
    else:
        text = answer.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def _root_cause(error: BaseException) -> str:
    """Return the innermost message: the outer ones repeat the address and the names of classes."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error) or type(error).__name__


def _present(path: Path, listed: str | None) -> Fetched | None:
    """Return the file if it is there and as listed, or None if it is not there; raise TrainingError if it differs."""
    with _storing(path):
        if not path.exists():
            return None
        size = path.stat().st_size
    digest = _digest(path)
    if listed is not None and digest != listed:
        raise TrainingError(
            f"{path} is not the file listed in {SUMS_NAME}; delete it and run again to fetch it anew, "
            f"or delete its line there to keep it as it is"
        )
    if not _is_parquet(path):
        raise TrainingError(f"{path} is not a whole Parquet file; delete it and run again to fetch it")
    return Fetched(path, size, digest, "already there")


def _is_parquet(path: Path) -> bool:
    with _storing(path), path.open("rb") as file:
        head = file.read(len(_MAGIC))
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(_MAGIC)))
        return size >= _SMALLEST_PARQUET and head == _MAGIC == file.read()


def _digest(path: Path) -> str:
    with _storing(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_sums(path: Path) -> dict[str, str]:
    """Return digests in hex by file name, as ``sha256sum`` writes them; empty when there is no list."""
    with _storing(path):
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
    with _storing(path):
        part.write_text("".join(f"{sums[name]}  {name}\n" for name in sorted(sums)), encoding="utf-8")
        part.replace(path)


@contextmanager
def _storing(path: Path) -> Iterator[None]:
    """Turn an error of the disk into a TrainingError that names the path."""
    try:
        yield
    except requests.RequestException:
        raise  # an OSError too, but of the network
    except OSError as error:
        raise TrainingError(
            f"{path} cannot be written or read ({error.strerror or error}); "
            f"free some space, correct the permissions, or choose another folder, and run again"
        ) from error


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
