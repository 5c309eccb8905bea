"""What a log line looks like: JSON in production, for reading otherwise. Nothing a client sends can begin a new one."""

import json
import logging
import re
from typing import Any

import orjson
from pythonjsonlogger.json import JsonFormatter

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def formatter(app_env: str) -> logging.Formatter:
    """Return the formatter for an environment, ``production`` or ``development``."""
    if app_env == "production":
        return JsonFormatter(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "exception"},
            timestamp="time",
            json_serializer=_dumps,
        )
    return _ReadableFormatter("%(asctime)s %(levelname)s %(name)s %(message)s")


def _dumps(line: dict[str, Any], **kwargs: Any) -> str:
    try:
        text = orjson.dumps(line)
    except TypeError:
        # A value that is no JSON, or a lone surrogate in somebody's path.
        text = b"\xff"
    # Other alphabets have ends of lines, too; the standard library escapes them.
    return text.decode() if text.isascii() else json.dumps(line, **kwargs)


class _ReadableFormatter(logging.Formatter):
    """Lines for people; a traceback still has lines of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], super().formatMessage(record))
