"""Log lines: one for each request, and whatever the service has to say."""

import logging
import sys
import time

from flask import Flask, Response, g, request

from taxi_api.request_id import request_id
from taxi_api.settings import Settings

_logger = logging.getLogger("taxi_api.requests")


def init_app(app: Flask, settings: Settings) -> None:
    """Write the package's log to stderr from the level in the settings on, with a line for each request."""
    logger = logging.getLogger("taxi_api")
    logger.setLevel(settings.log_level)
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        logger.addHandler(handler)
    app.before_request(_start)
    app.after_request(_log)


def _start() -> None:
    g.started = time.perf_counter()


def _log(response: Response) -> Response:
    _logger.info(
        "%s %s %d %.1f ms id=%s",
        request.method,
        # A path may hold anything that can be percent-encoded, line breaks included.
        request.path.encode("unicode_escape").decode(),
        response.status_code,
        (time.perf_counter() - g.started) * 1000,
        request_id(),
    )
    return response
