"""The log: a line for each request, and whatever the service has to say."""

import logging
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from flask import Flask, Response, request

from taxi_api import timing
from taxi_api.api_keys import key_label
from taxi_api.current_model import current_version
from taxi_api.log_lines import JsonHandler, formatter, json_line
from taxi_api.open_routes import is_probe
from taxi_api.request_id import request_id
from taxi_api.settings import Settings

_service = logging.getLogger("taxi_api")
_logger = logging.getLogger("taxi_api.requests")
# Libraries whose messages concern an operator.
LOGGERS = ("taxi_api", "flask-limiter")
_LONGEST_PATH = 200
_FIRST_ERROR = 400


class RequestLine(NamedTuple):
    """What the log says of an answered request. The query, the body and the key stay out: they are the caller's."""

    request_id: str
    method: str
    path: str
    route: str | None
    status: int
    seconds: float
    model_version: str | None
    key_label: str | None
    client: str | None


def init_app(app: Flask, settings: Settings) -> None:
    """Write the log as the settings want it, with a line for each request of the app."""
    configure(settings)
    app.after_request(_log)


def configure(settings: Settings) -> None:
    """Write the log of this process to stderr, from the level in the settings on."""
    # No line shows these, and each would be looked up for each line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    if settings.app_env == "production":
        handler: logging.Handler = JsonHandler(sys.stderr)
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(formatter(settings.app_env))
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(settings.log_level)
        logger.handlers = [handler]


def log_requests(answered: Sequence[RequestLine]) -> None:
    """Write the lines of answered requests; that of a probe that found nothing wrong is for DEBUG alone."""
    shortcut, lines, now = _shortcut(), [], time.time()
    for told in answered:
        level = logging.DEBUG if told.status < _FIRST_ERROR and is_probe(told.route or "") else logging.INFO
        if not _logger.isEnabledFor(level):
            continue
        entry = {
            "request_id": told.request_id,
            "method": told.method,
            "path": told.path[:_LONGEST_PATH],
            "route": told.route,
            "status": told.status,
            "milliseconds": round(told.seconds * 1000, 2),
            "model_version": told.model_version,
            "key_label": told.key_label,
            "client": told.client,
        }
        message = (
            f"{told.method} {entry['path']} {told.status} {told.seconds * 1000:.1f} ms"
            f" client={told.client} key={told.key_label} id={told.request_id}"
        )
        if shortcut:
            lines.append(json_line(logging.getLevelName(level), _logger.name, message, entry, now))
        else:
            _logger.log(level, "%s", message, extra=entry)
    if shortcut and lines:
        shortcut.write("\n".join(lines) + "\n")


def _shortcut() -> JsonHandler | None:
    """Return the handler that alone gets the lines, if it does: they need not become records for it."""
    if _logger.handlers or logging.root.handlers or len(_service.handlers) != 1:
        return None
    handler = _service.handlers[0]
    return handler if isinstance(handler, JsonHandler) else None


def _log(response: Response) -> Response:
    line = RequestLine(
        request_id=request_id(),
        method=request.method,
        path=request.path,
        route=request.url_rule.rule if request.url_rule else None,
        status=response.status_code,
        seconds=timing.seconds(),
        model_version=current_version(),
        key_label=key_label(),
        client=request.remote_addr,
    )
    log_requests([line])
    return response
