"""One file over HTTP: continued where it broke off, checked, and renamed only when it is whole.

A file on its way is ``<name>.part``, and ``<name>.part.etag`` holds the ETag of the version that its bytes belong to,
so that a later run continues the same version or starts over.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Literal

import requests
from rich import progress

from training.console import notes
from training.errors import TrainingError

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


class AbsentError(Exception):
    """The server has no such file."""


class _Part:
    """The unfinished copy of one file, and the ETag of the version that it is a copy of."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._etag = target.with_name(f"{target.name}.part.etag")

    def kept(self) -> tuple[int, str]:
        """Return how many bytes can be continued and their ETag; (0, "") when their version is not known."""
        with storing(self.path):
            if not (self.path.exists() and self._etag.exists()):
                return 0, ""
            etag = self._etag.read_text(encoding="ascii", errors="replace")
            size = self.path.stat().st_size
        return (size, etag) if size and _STRONG_ETAG.fullmatch(etag) else (0, "")

    def begin(self, etag: str) -> None:
        """Empty the file for a version that begins now."""
        with storing(self.path):
            # Empty first: cut off between the two lines, old bytes would otherwise pass as the new version.
            self.path.write_bytes(b"")
            self._etag.write_text(etag, encoding="ascii", errors="replace")

    def append(self, chunks: Iterable[bytes]) -> int:
        """Add the chunks as they come; return the size reached, in bytes."""
        with storing(self.path), self.path.open("ab") as file:
            for chunk in chunks:
                file.write(chunk)
            return file.tell()

    def discard(self) -> None:
        """Remove every trace of it."""
        with storing(self.path):
            self.path.unlink(missing_ok=True)
            self._etag.unlink(missing_ok=True)

    def finish(self, target: Path) -> None:
        """Give the file its real name."""
        with storing(target):
            self.path.replace(target)
            self._etag.unlink(missing_ok=True)


@dataclass(frozen=True)
class Fetcher:
    """Fetches one file after another over one session, with one progress bar and one way to wait."""

    session: requests.Session
    bar: progress.Progress
    pause: Callable[[float], None]

    def fetch(self, url: str, target: Path) -> Fetched:
        """Fetch one file, with several tries; raise AbsentError if there is none."""
        part = _Part(target)
        try:
            resumed = self._try_often(url, part)
        except AbsentError:
            part.discard()
            raise
        with storing(part.path):
            size = part.path.stat().st_size
        if not is_parquet(part.path):
            part.discard()
            raise TrainingError(
                f"{url} answered {size} bytes that are no Parquet file; check the base URL or try later"
            )
        digest = digest_of(part.path)
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
        raise AbsentError
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


def is_parquet(path: Path) -> bool:
    """Tell whether a file begins and ends as Parquet files do."""
    with storing(path), path.open("rb") as file:
        head = file.read(len(_MAGIC))
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(_MAGIC)))
        return size >= _SMALLEST_PARQUET and head == _MAGIC == file.read()


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with storing(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def storing(path: Path) -> Iterator[None]:
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
