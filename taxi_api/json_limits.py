"""JSON within bounds: what nests too deeply or has endless numbers is refused before anything works on it."""

import re
from typing import Any

import orjson
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import BadRequest
from werkzeug.sansio.response import Response

MAX_DEPTH = 32
MAX_NUMBER_LENGTH = 1000
# From 20 characters on orjson may take a whole number for a float; inside a string this only costs time.
_LONG_NUMBER = re.compile(rb"(?:^|[\[:,\s])[0-9.eE+-]{20}")
# Far quicker than the expression: whether there is so long a run of its characters anywhere at all.
_AS_DIGITS, _LONG_RUN = bytes.maketrans(b"123456789.eE+-", b"0" * 14), b"0" * 20
_NESTING = frozenset((dict, list))


class LimitedJSONProvider(DefaultJSONProvider):
    """Flask's JSON, with limits for what is read, through orjson wherever that is able to."""

    # An answer reads in the order of its schema.
    sort_keys = False

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Return the value as JSON."""
        if not kwargs:
            try:
                return orjson.dumps(obj).decode()
            except TypeError:
                # A lone surrogate in a caller's id, for one, which the standard library writes as it came.
                pass
        return super().dumps(obj, **kwargs)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Return the values as the body of a response."""
        text = self.dumps(self._prepare_response_obj(args, kwargs)) + "\n"
        return self._app.response_class(text, mimetype=self.mimetype)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Return the value; raise BadRequest beyond the limits and ValueError if it is not JSON at all."""
        text = s.encode("utf-8", "surrogatepass") if isinstance(s, str) else s
        try:
            value = self._careful_loads(s, **kwargs) if _has_long_number(text) else orjson.loads(text)
        except orjson.JSONDecodeError:
            # The standard library takes more of what is out there, and its errors tell where.
            value = self._careful_loads(s, **kwargs)
        # No body nests deeper than it has brackets, and columns have few.
        if text.count(b"[") + text.count(b"{") > MAX_DEPTH:
            _check_depth(value)
        return value

    def _careful_loads(self, s: str | bytes, **kwargs: Any) -> Any:
        try:
            return super().loads(s, parse_int=_whole, parse_float=_fraction, **kwargs)
        except RecursionError:
            raise _too_deep() from None


def _has_long_number(text: bytes) -> bool:
    return _LONG_RUN in text.translate(_AS_DIGITS) and _LONG_NUMBER.search(text) is not None


def _whole(text: str) -> int:
    return int(_short(text))


def _fraction(text: str) -> float:
    return float(_short(text))


def _short(text: str) -> str:
    if len(text) > MAX_NUMBER_LENGTH:
        raise BadRequest(f"The body has a number of {len(text)} characters; write at most {MAX_NUMBER_LENGTH}.")
    return text


def _too_deep() -> BadRequest:
    return BadRequest(f"The body nests its values too deeply; at most {MAX_DEPTH} levels are read.")


def _check_depth(value: Any) -> None:
    level: list[Any] = [[value]]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _NESTING
        ]
        if not level:
            return
    raise _too_deep()
