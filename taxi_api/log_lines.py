"""What a log line looks like: JSON in production, for reading otherwise. Nothing a client sends can begin a new one."""

import json
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO

import orjson

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# What every record has; the rest is what the caller wants to have in the line.
_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def formatter(app_env: str) -> logging.Formatter:
    """Return the formatter for an environment, ``production`` or ``development``."""
    if app_env == "production":
        return _JsonFormatter()
    return _ReadableFormatter("%(asctime)s %(levelname)s %(name)s %(message)s")


def json_line(level: str, logger: str, message: str, fields: Mapping[str, Any], created: float) -> str:
    """Return a line without its end; ``created`` is in seconds since 1970."""
    line = {"level": level, "logger": logger, "message": message, **fields, "time": _written(created)}
    try:
        text = orjson.dumps(line)
    except TypeError:
        # A value that is no JSON, or a lone surrogate in somebody's path.
        text = b"\xff"
    # Other alphabets have ends of lines, too; the standard library escapes them.
    return text.decode() if text.isascii() else json.dumps(line, default=str)


@lru_cache(maxsize=1)
def _written(created: float) -> str:
    # Lines told together are of one time.
    return datetime.fromtimestamp(created, UTC).isoformat()


class JsonHandler(logging.StreamHandler[TextIO]):
    """Writes JSON, also what is a line already: a record for each of very many lines costs more than the line."""

    def __init__(self, stream: TextIO) -> None:
        """Write to a stream."""
        super().__init__(stream)
        self.setFormatter(_JsonFormatter())

    def write(self, lines: str) -> None:
        """Write lines with their ends, whole among those of other threads; what cannot be written is lost."""
        with self.lock, suppress(OSError, ValueError):  # type: ignore[union-attr]
            self.stream.write(lines)
            self.stream.flush()


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json_line(record.levelname, record.name, record.getMessage(), fields, record.created)


class _ReadableFormatter(logging.Formatter):
    """Lines for people; a traceback still has lines of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], super().formatMessage(record))
