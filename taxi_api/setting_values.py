"""Values of settings that are more than a word or a number: each reader takes the text or raises ValueError."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

_ENVIRONMENTS = {"development": "development", "dev": "development", "production": "production", "prod": "production"}
_KEY = re.compile(r"(?:([A-Za-z0-9._-]{1,64}):)?([0-9a-fA-F]{64})")
_RATE = re.compile(r"[1-9][0-9]{0,8}/(second|minute|hour|day)")
# As a browser sends it: no path, no user, no wildcard.
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")


class ApiKey(NamedTuple):
    """A key that may call, known by its digest alone."""

    label: str
    """Who has it; several keys may share a label while one replaces the other."""
    digest: str
    """sha256 of the key in lower-case hexadecimal digits."""


def environment(text: str) -> str:
    """Return ``development`` or ``production``."""
    if text.lower() not in _ENVIRONMENTS:
        raise ValueError("write development or production")
    return _ENVIRONMENTS[text.lower()]


def switch(text: str) -> bool:
    """Read ``on`` or ``off``."""
    if text.lower() not in {"on", "off"}:
        raise ValueError("write on or off")
    return text.lower() == "on"


def api_keys(text: str) -> tuple[ApiKey, ...]:
    """Read digests with labels: ``app:9f86d0…,60303a…``. A digest without a label is its own, by its first digits."""
    return tuple(_api_key(entry.strip(), number) for number, entry in enumerate(text.split(","), start=1))


def _api_key(entry: str, number: int) -> ApiKey:
    match = _KEY.fullmatch(entry)
    if match is None:
        raise ValueError(
            f"entry {number} is not label:digest with 64 hexadecimal digits; `python -m taxi_api keys new` makes one"
        )
    digest = match[2].lower()
    return ApiKey(match[1] or digest[:8], digest)


def origins(text: str) -> tuple[str, ...]:
    """Read origins such as ``https://app.example.com``, separated by commas, or ``*`` alone."""
    found = tuple(entry.strip().lower().rstrip("/") for entry in text.split(","))
    if found != ("*",) and not all(_ORIGIN.fullmatch(origin) for origin in found):
        raise ValueError("write origins such as https://app.example.com separated by commas, or * for all")
    return found


def rate(text: str) -> str:
    """Read a number of requests for a time."""
    if not _RATE.fullmatch(text):
        raise ValueError("write a number for a time, such as 100/minute; the times are second, minute, hour and day")
    return text


def rate_storage(text: str) -> str:
    """Read ``memory`` or the address of a Redis server."""
    address = urlsplit(text)
    if text != "memory" and not (address.scheme in {"redis", "rediss"} and address.hostname):
        raise ValueError("write memory, or the address of a Redis server such as redis://localhost:6379/0")
    return text
