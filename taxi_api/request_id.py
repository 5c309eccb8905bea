"""Every request has an id: the caller's ``X-Request-ID`` if it is usable, else a new one; the answer carries it."""

import re
from random import getrandbits
from typing import Any

from flask import Flask, Response, request

HEADER = "X-Request-ID"
_KEY = "taxi_api.request_id"
# Printable and short, so that it can stand in a log line and a header as it is.
_USABLE = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


def init_app(app: Flask) -> None:
    """Give each request of the app its id."""
    app.before_request(_take)
    app.after_request(_return)


def request_id() -> str:
    """Return the id of the request being answered."""
    return id_of(request.environ)


def id_of(environ: dict[str, Any]) -> str:
    """Return the id of the request of a WSGI environment."""
    # Kept there, because the app that serves the documentation shares it.
    if _KEY not in environ:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        environ[_KEY] = given if _USABLE.fullmatch(given) else new()
    return str(environ[_KEY])


def new() -> str:
    """Return an id that no other request has."""
    # Not secret and not asked of the system, which would cost more than all else here; fork gives each worker a seed.
    return f"{getrandbits(128):032x}"


def _take() -> None:
    # At once, so that the id is there before the environment is handed on.
    request_id()


def _return(response: Response) -> Response:
    response.headers[HEADER] = request_id()
    return response
