"""How long a request takes: for the log, the metrics and, as ``Server-Timing``, the caller."""

import time

from flask import Flask, Response, g


def init_app(app: Flask) -> None:
    """Time each request of the app; call it before everything else that asks for the time."""
    app.before_request(_start)
    app.after_request(_tell)


def seconds() -> float:
    """Return how long the request has taken until now."""
    return time.perf_counter() - float(g.started)


def _start() -> None:
    g.started = time.perf_counter()


def _tell(response: Response) -> Response:
    response.headers["Server-Timing"] = f"app;dur={seconds() * 1000:.1f}"
    return response
