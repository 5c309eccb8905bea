"""A WSGI app is called for a request; what it answers becomes bytes."""

import logging
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import orjson

from taxi_api import request_id, security_headers
from taxi_api.problems import MEDIA_TYPE, problem_of
from taxi_api.server.parser import Environ, Request

WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# The server says how the connection goes on; the app does not know.
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})
_WITHOUT_BODY = ("1", "204", "304")
_logger = logging.getLogger(__name__)


class _Answer:
    """The ``start_response`` of one exchange."""

    __slots__ = ("headers", "pieces", "status")

    def __init__(self) -> None:
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.pieces: list[bytes] = []

    def __call__(
        self, status: str, headers: list[tuple[str, str]], _exc_info: object = None
    ) -> Callable[[bytes], object]:
        # Nothing has left yet, so that an app may change its mind for an error, as exc_info says.
        self.status, self.headers = status, headers
        return self.pieces.append


def answer(app: WsgiApp, request: Request, stopping: Callable[[], bool]) -> tuple[bytes, bool]:
    """Return the whole answer to a request, and whether the connection closes after it.

    Args:
        app: a WSGI app; whatever it does, nothing is raised.
        request: its environment is the app's to change.
        stopping: whether all connections close; asked when the app is done.

    """
    if request.refusal:
        return refusal(*request.refusal), True
    environ = request.environ
    # The app may write into its environment, and hand it on.
    method, protocol = environ["REQUEST_METHOD"], environ["SERVER_PROTOCOL"]
    try:
        start_response = _Answer()
        pieces = app(environ, start_response)
        try:
            body = b"".join((*start_response.pieces, *pieces))
        finally:
            close = getattr(pieces, "close", None)
            if close:
                close()
        last = not request.keep_alive or stopping()
        return _bytes_of(start_response, body, method, protocol, last=last), last
    except Exception:
        _logger.exception("the app failed to answer %s %s", method, environ.get("PATH_INFO"))
        return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed; its log has the cause."), True


def _bytes_of(start_response: _Answer, body: bytes, method: str, protocol: str, *, last: bool) -> bytes:
    status = start_response.status
    has_length = bodyless = status.startswith(_WITHOUT_BODY)
    lines = [f"HTTP/1.1 {status}", f"Date: {_date()}"]
    for name, value in start_response.headers:
        lower = name.lower()
        if lower not in _HOP_BY_HOP:
            has_length = has_length or lower == "content-length"
            lines.append(f"{name}: {value}")
    if not has_length:
        lines.append(f"Content-Length: {len(body)}")
    if last:
        lines.append("Connection: close")
    elif protocol == "HTTP/1.0":
        lines.append("Connection: keep-alive")
    head = "\r\n".join(lines) + "\r\n\r\n"
    if not head.count("\n") == head.count("\r") == len(lines) + 1:
        raise ValueError("a header has a line break")
    return head.encode("latin-1") + (b"" if bodyless or method == "HEAD" else body)


def refusal(status: HTTPStatus, detail: str) -> bytes:
    """Return the answer to what is not a request that the app can be asked; the connection closes after it."""
    identity = request_id.new()
    _logger.info("refused: %d %s id=%s", status, detail, identity)
    # What was asked for is not always known.
    problem = problem_of(status, detail, "/", identity)
    start_response = _Answer()
    start_response(
        f"{status.value} {status.phrase}",
        [
            ("Content-Type", MEDIA_TYPE),
            (request_id.HEADER, identity),
            *security_headers.DATA.items(),
            *([("Retry-After", "1")] if status is HTTPStatus.SERVICE_UNAVAILABLE else []),
        ],
    )
    return _bytes_of(start_response, orjson.dumps(problem, option=orjson.OPT_APPEND_NEWLINE), "GET", "", last=True)


_dated = (0, "")


def _date() -> str:
    global _dated  # noqa: PLW0603 - one string a second, for all threads: a tuple is replaced whole
    second = int(time.time())
    if _dated[0] != second:
        _dated = (second, formatdate(second, usegmt=True))
    return _dated[1]
