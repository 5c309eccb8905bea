"""Answers that a browser, a CDN or a gateway may keep."""

from typing import Any

from flask import Response, current_app, request
from werkzeug.exceptions import PreconditionFailed

JSON = "application/json"


def cacheable(body: Any, *, media_type: str = JSON, negotiated: bool = False, keep: bool = True) -> Response:
    """Return a response with a strong ETag, or 304 for a client that has it already.

    Args:
        body: what to answer, as JSON.
        media_type: of the answer.
        negotiated: the ``Accept`` header chose the media type.
        keep: the answer holds for ``TAXI_CACHE_SECONDS``; else it has to be asked for again each time.

    Raises:
        PreconditionFailed: the client wants another version than there is (412).

    """
    response = current_app.response_class(current_app.json.dumps(body) + "\n", mimetype=media_type)
    response.add_etag()
    settings = current_app.extensions["settings"]
    seconds = settings.cache_seconds
    if settings.api_keys:
        # A shared cache must not hand what needs a key to those without one.
        response.cache_control.private = True
    if keep and seconds:
        response.cache_control.max_age = seconds
    else:
        response.cache_control.no_cache = True
    if negotiated:
        response.vary.add("Accept")
    response.make_conditional(request)
    if response.status_code == PreconditionFailed.code:
        raise PreconditionFailed("If-Match names another version than the current one; ask again without it.")
    return response
