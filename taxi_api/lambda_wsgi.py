"""The app behind Lambda's events: an event in, an answer out, and nothing more."""

from collections.abc import Callable, Iterable
from typing import Any

import serverless_wsgi
from flask import Flask, request
from werkzeug.exceptions import BadRequest

from taxi_api.lambda_events import Event, EventError, answer_event, is_warm_up, request_event
from taxi_api.problems import MEDIA_TYPE

# serverless-wsgi takes what it does not know as text for binary and would send it in base64.
_TEXT = (MEDIA_TYPE, "application/geo+json")
serverless_wsgi.TEXT_MIME_TYPES.extend(_TEXT)

Handler = Callable[[Any, Any], Event]


def make_handler(app: Flask) -> Handler:
    """Return the function that Lambda calls with an event and a context, for an app that has not yet answered."""
    app.before_request(_refuse)

    def wsgi(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["SCRIPT_NAME"] = environ["serverless.event"]["prefix"]
        parts = app(environ, start_response)
        try:
            return [*parts]
        finally:
            # serverless-wsgi reads an answer but does not close it; the files of Swagger UI would stay open.
            getattr(parts, "close", _nothing)()

    def handle(event: Any, context: Any) -> Event:
        if is_warm_up(event):
            return {}
        try:
            asked = request_event(event)
        except EventError as problem:
            event, asked = {}, request_event({"httpMethod": "POST", "path": "/"}) | {"problem": str(problem)}
        return answer_event(event, serverless_wsgi.handle_request(wsgi, asked, context))

    return handle


def _nothing() -> None:
    """Stand in for the ``close`` that an answer need not have."""


def _refuse() -> None:
    """Answer an event that is no HTTP request as any other bad request."""
    problem = request.environ.get("serverless.event", {}).get("problem")
    if problem:
        raise BadRequest(problem)
