"""The log: a line for each request, and whatever the service has to say."""

import logging
import sys

from flask import Flask, Response, request

from taxi_api import timing
from taxi_api.api_keys import key_label
from taxi_api.current_model import current_version
from taxi_api.log_lines import formatter
from taxi_api.open_routes import is_probe
from taxi_api.request_id import request_id
from taxi_api.settings import Settings

_logger = logging.getLogger("taxi_api.requests")
# Libraries whose messages concern an operator.
LOGGERS = ("taxi_api", "flask-limiter")
_LONGEST_PATH = 200
_FIRST_ERROR = 400


def init_app(app: Flask, settings: Settings) -> None:
    """Write the log as the settings want it, with a line for each request of the app."""
    configure(settings)
    app.after_request(_log)


def configure(settings: Settings) -> None:
    """Write the log of this process to stderr, from the level in the settings on."""
    # No line shows these, and each would be looked up for each line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(settings.app_env))
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(settings.log_level)
        logger.handlers = [handler]


def log_request(
    *,
    request_id: str,
    method: str,
    path: str,
    route: str | None,
    status: int,
    seconds: float,
    model_version: str | None,
    key_label: str | None,
    client: str | None,
) -> None:
    """Write the line of an answered request; that of a probe that found nothing wrong is for DEBUG alone."""
    level = logging.DEBUG if status < _FIRST_ERROR and is_probe(route or "") else logging.INFO
    if not _logger.isEnabledFor(level):
        return
    # The query and the body stay out: they are the caller's. The key stays out, its label is enough.
    entry = {
        "request_id": request_id,
        "method": method,
        "path": path[:_LONGEST_PATH],
        "route": route,
        "status": status,
        "milliseconds": round(seconds * 1000, 2),
        "model_version": model_version,
        "key_label": key_label,
        "client": client,
    }
    _logger.log(
        level,
        "%(method)s %(path)s %(status)d %(milliseconds).1f ms client=%(client)s key=%(key_label)s id=%(request_id)s",
        entry,
        extra=entry,
    )


def _log(response: Response) -> Response:
    log_request(
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
    return response
