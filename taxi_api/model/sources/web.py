"""Small files over HTTP, from servers that may be slow, wrong or endless."""

import time
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from taxi_api.model.sources import SourceError

MOST_BYTES = 64 * 1024 * 1024
_SOCKET_SECONDS = 5.0
_ALTOGETHER_SECONDS = 60.0
_CHUNK = 64 * 1024
_REASON_BYTES = 300


class _NoRedirect(HTTPRedirectHandler):
    """Takes a redirect for an error: it would carry credentials to another host."""

    def redirect_request(self, *_args: Any) -> None:
        """Follow nothing."""


_opener = build_opener(_NoRedirect)


def get(url: str, headers: Mapping[str, str], *, most: int = MOST_BYTES, method: str = "GET", hint: str = "") -> bytes:
    """Return the body of an answer 200 of up to ``most`` bytes.

    Args:
        url: http or https, without credentials: it is part of error messages.
        headers: of the request.
        most: bytes to read before giving up.
        method: of the request.
        hint: what to do about an answer 401 or 403.

    Raises:
        SourceError: another answer, none within a minute, or a longer one.

    """
    until = time.monotonic() + _ALTOGETHER_SECONDS
    request = Request(url, headers=dict(headers), method=method)  # noqa: S310 - callers check the scheme
    try:
        with _opener.open(request, timeout=_SOCKET_SECONDS) as answer:
            if answer.status != 200:  # noqa: PLR2004
                raise SourceError(f"{url} answers {answer.status}")
            return _body(answer, url, most, until)
    except HTTPError as problem:
        with problem:
            raise SourceError(f"{url} answers {problem.code} {_reason(problem)}{_advice(problem.code, hint)}") from None
    except (OSError, HTTPException, ValueError) as problem:
        # urllib hands some errors over as they are, a few of them ValueErrors.
        raise SourceError(f"{url} does not answer: {str(problem) or type(problem).__name__}") from None


def _body(answer: Any, url: str, most: int, until: float) -> bytes:
    parts, size = [], 0
    while chunk := answer.read1(_CHUNK):
        parts.append(chunk)
        size += len(chunk)
        if size > most:
            raise SourceError(f"{url} answers more than {most} bytes")
        if time.monotonic() > until:
            raise SourceError(f"{url} is too slow: {size} bytes in {_ALTOGETHER_SECONDS:.0f} s")
    missing = answer.length
    if missing:
        raise SourceError(f"{url} broke off, {missing} bytes before the end")
    return b"".join(parts)


def _reason(problem: HTTPError) -> str:
    try:
        text = problem.read1(_REASON_BYTES).decode("utf-8", "replace")
    except (OSError, HTTPException, ValueError, AttributeError):
        text = ""
    return " ".join(text.split()) or str(problem.reason)


def _advice(status: int, hint: str) -> str:
    return f"; {hint}" if hint and status in {401, 403} else ""
