"""Every request has an id: the caller's ``X-Request-ID`` if it is usable, else a new one; the answer carries it."""

import re
from uuid import uuid4

from flask import Flask, Response, g, request

HEADER = "X-Request-ID"
# Printable and short, so that it can stand in a log line and a header as it is.
_USABLE = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


def init_app(app: Flask) -> None:
    """Give each request of the app its id."""
    app.after_request(_return)


def request_id() -> str:
    """Return the id of the request being answered."""
    if "request_id" not in g:
        given = request.headers.get(HEADER, "")
        g.request_id = given if _USABLE.fullmatch(given) else uuid4().hex
    return str(g.request_id)


def _return(response: Response) -> Response:
    response.headers[HEADER] = request_id()
    return response
