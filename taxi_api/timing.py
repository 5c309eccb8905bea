"""How long a request takes: for the log, the metrics and, as ``Server-Timing``, the caller."""

import time

from flask import Flask, Response, g

HEADER = "Server-Timing"


def init_app(app: Flask) -> None:
    """Time each request of the app; call it before everything else that asks for the time."""
    app.before_request(_start)
    app.after_request(_tell)


def header(took: float) -> str:
    """Return what ``Server-Timing`` says of a request that took so many seconds."""
    return f"app;dur={took * 1000:.1f}"


def seconds() -> float:
    """Return how long the request has taken until now."""
    return time.perf_counter() - float(g.started)


def _start() -> None:
    g.started = time.perf_counter()


def _tell(response: Response) -> Response:
    response.headers[HEADER] = header(seconds())
    return response
