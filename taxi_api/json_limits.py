"""JSON within bounds: what nests too deeply or has endless numbers is refused before anything works on it."""

from typing import Any

from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import BadRequest

MAX_DEPTH = 32
MAX_NUMBER_LENGTH = 1000


class LimitedJSONProvider(DefaultJSONProvider):
    """Flask's JSON, with limits for what is read."""

    # An answer reads in the order of its schema.
    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Return the value; raise BadRequest beyond the limits and ValueError if it is not JSON at all."""
        try:
            value = super().loads(s, parse_int=_whole, parse_float=_fraction, **kwargs)
        except RecursionError:
            raise _too_deep() from None
        _check_depth(value)
        return value


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
    depth, level = 0, [value]
    while level := [inner for inner in level if isinstance(inner, (dict, list))]:
        depth += 1
        if depth > MAX_DEPTH:
            raise _too_deep()
        level = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
