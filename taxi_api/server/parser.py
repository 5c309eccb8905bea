"""Bytes of a connection become requests: llhttp, strict, with limits that it does not have itself."""

import io
import sys
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

import httptools

from taxi_api.server.limits import Limits

Environ = dict[str, Any]

# Names that WSGI writes without HTTP_ in front.
_PLAIN = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}
_VERSIONS = {"1.0": "HTTP/1.0", "1.1": "HTTP/1.1"}
_MOST_NAMES = 512


@dataclass(slots=True)
class Request:
    """A request that is to be answered: by the app, or with ``refusal``."""

    environ: Environ = field(default_factory=dict)
    # Whether the connection goes on after the answer.
    keep_alive: bool = False
    body_bytes: int = 0
    refusal: tuple[HTTPStatus, str] | None = None


class _Stop(Exception):  # noqa: N818 - not an error of the program
    """Ends the parsing: what is said about the request is known before its end."""


class RequestParser:
    """Takes the bytes of one connection in any pieces and gives its requests in order.

    Attributes:
        requests: those that have arrived and nobody has taken yet.
        finished: no more requests will come, whatever is sent.
        cut_short: the client may still be sending what nobody reads.
        waits_for_continue: the client wants to hear that its body is welcome before it sends it.

    """

    requests: deque[Request]

    def __init__(self, limits: Limits, base: Environ, root: str = "") -> None:
        """Begin a connection.

        Args:
            limits: see there.
            base: what every request's environment has in common.
            root: path that the app is mounted at; it is taken off the requests' paths.

        """
        self.requests = deque()
        self.finished = False
        self.cut_short = False
        self.waits_for_continue = False
        self._limits = limits
        self._base = base
        self._root = root
        self._llhttp = httptools.HttpRequestParser(self)
        self._begin()

    def _begin(self) -> None:
        self._target = b""
        self._environ: Environ = {}
        self._hosts = 0
        self._header_count = 0
        self._header_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._wire_bytes = 0
        self._in_head = False
        self._in_body = False

    @property
    def began(self) -> bool:
        """Whether a part of a request is there."""
        return self._in_head or self._in_body

    @property
    def body_bytes(self) -> int:
        """Number of bytes of an incomplete body; -1 as long as the head is incomplete."""
        return self._body_bytes if self._in_body else -1

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        if not self.finished:
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        before = len(self.requests)
        try:
            self._llhttp.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The wish is not granted; what follows on the connection cannot be told from the other protocol.
            self._end_with(None)
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, _Stop):
                raise
        except httptools.HttpParserError as error:
            # After a request that says close, llhttp complains about whatever follows.
            if not self.finished:
                self.refuse(HTTPStatus.BAD_REQUEST, f"This is not HTTP/1.1: {error}.")
        if len(self.requests) == before:
            # Where one request ends and the next begins in a piece is not known; that piece is not counted.
            self._wire_bytes += len(data)
        # llhttp has no limits: a head without an end, or a chunked body that is all extensions and trailers.
        if self._in_head and self._wire_bytes > self._limits.target_bytes + self._limits.header_bytes:
            self._refuse_head()
        elif self._in_body and self._wire_bytes > self._limits.header_bytes + 2 * self._limits.body_bytes:
            self.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large as it is sent.")

    def refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer the request that is arriving with an error and end the connection."""
        self._end_with(Request(refusal=(status, detail)))

    def _end_with(self, request: Request | None) -> None:
        if request:
            self.requests.append(request)
            self.cut_short = True
        elif self.requests:
            self.requests[-1].keep_alive = False
        self.finished = True
        self._begin()

    def _refuse_head(self) -> None:
        if len(self._target) > self._limits.target_bytes or not self._header_count:
            most = f"The request's target has more than {self._limits.target_bytes} bytes."
            self.refuse(HTTPStatus.REQUEST_URI_TOO_LONG, most)
        else:
            most = f"The request has more than {self._limits.headers} headers, or {self._limits.header_bytes} bytes."
            self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, most)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._in_head = True
        self._environ = self._base.copy()

    def on_url(self, target: bytes) -> None:
        """Take a part of the target."""
        self._target += target
        if len(self._target) > self._limits.target_bytes:
            self._refuse_head()
            raise _Stop

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a trailer, which is dropped."""
        if not self._in_head:
            return
        self._header_count += 1
        self._header_bytes += len(name) + len(value)
        if self._header_count > self._limits.headers or self._header_bytes > self._limits.header_bytes:
            self._refuse_head()
            raise _Stop
        key = _KEYS.get(name) or _key_of(name)
        if key == "HTTP_HOST":
            self._hosts += 1
        if key is not _DROPPED:
            text = value.decode("latin-1").strip(" \t")
            environ = self._environ
            environ[key] = f"{environ[key]},{text}" if key in environ else text

    def on_headers_complete(self) -> None:
        """Look at the head: decide what can be decided without the body."""
        environ, llhttp = self._environ, self._llhttp
        self._in_head, self._in_body = False, True
        version = _VERSIONS.get(llhttp.get_http_version())
        if version is None:
            self._stop(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "This server speaks HTTP/1.1.")
        elif self._hosts > 1 or (self._hosts == 0 and version == "HTTP/1.1"):
            self._stop(HTTPStatus.BAD_REQUEST, "A request has one Host header.")
        environ["REQUEST_METHOD"] = llhttp.get_method().decode("ascii")
        environ["SERVER_PROTOCOL"] = version
        self._set_target(environ)
        if int(environ.get("CONTENT_LENGTH", 0)) > self._limits.body_bytes:
            # The app answers without the body.
            self.cut_short = True
            self._complete(keep_alive=False)
            raise _Stop
        expectation = environ.get("HTTP_EXPECT", "").lower()
        if expectation and version == "HTTP/1.1":
            if expectation != "100-continue":
                self._stop(HTTPStatus.EXPECTATION_FAILED, "The only expectation that is met is 100-continue.")
            self.waits_for_continue = True

    def _stop(self, status: HTTPStatus, detail: str) -> None:
        self.refuse(status, detail)
        raise _Stop

    def _set_target(self, environ: Environ) -> None:
        target = self._target
        environ["RAW_URI"] = environ["REQUEST_URI"] = target.decode("latin-1")
        if not target.startswith(b"/"):
            target = self._origin_form(target)
        path, _, query = target.partition(b"?")
        if b"%" in path:
            path = unquote_to_bytes(path)
        text = path.decode("latin-1")
        if self._root:
            if text != self._root and not text.startswith(self._root + "/"):
                self._stop(HTTPStatus.NOT_FOUND, f"Everything that this server has is under {self._root}.")
            text = text.removeprefix(self._root)
        environ["PATH_INFO"] = text
        environ["QUERY_STRING"] = query.decode("latin-1")

    def _origin_form(self, target: bytes) -> bytes:
        """Return path and query of a target with a host, as proxies send it."""
        if b"://" not in target:
            return target  # * of OPTIONS, host:port of CONNECT: no route has that
        try:
            url = httptools.parse_url(target)
        except httptools.HttpParserInvalidURLError:
            self._stop(HTTPStatus.BAD_REQUEST, "The request's target is not an address.")
        return (url.path or b"/") + (b"?" + url.query if url.query else b"")

    def on_body(self, data: bytes) -> None:
        """Take a part of the body."""
        self._body.append(data)
        self._body_bytes += len(data)
        if self._body_bytes > self._limits.body_bytes:
            # A byte too many is enough for the app to say so.
            self.cut_short = True
            self._complete(keep_alive=False)
            raise _Stop

    def on_message_complete(self) -> None:
        """Pass the request on."""
        self._complete(keep_alive=self._llhttp.should_keep_alive())

    def _complete(self, *, keep_alive: bool) -> None:
        environ, body = self._environ, b"".join(self._body)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["wsgi.input_terminated"] = True
        if environ.pop("HTTP_TRANSFER_ENCODING", None):
            # What the chunks held is a body like any other now.
            environ["CONTENT_LENGTH"] = str(len(body))
        self.requests.append(Request(environ, keep_alive, len(body)))
        self.waits_for_continue = False
        self.finished = not keep_alive
        self._begin()


_DROPPED = "dropped"


def _key_of(name: bytes) -> str:
    """Return the WSGI name of a header.

    One with an underscore is dropped: in an environment it would look like the one with a dash, past a proxy that
    guards the latter.
    """
    if b"_" in name:
        key = _DROPPED
    else:
        lower = name.lower()
        key = _PLAIN.get(lower) or "HTTP_" + lower.decode("latin-1").upper().replace("-", "_")
    if len(_KEYS) < _MOST_NAMES:
        _KEYS[name] = sys.intern(key)
    return sys.intern(key)


# Names as clients write them; few, and the same for every request.
_KEYS: dict[bytes, str] = {}
