"""The body of a request: its bytes within a limit, and its JSON through a schema."""

import sys
from typing import Any, Protocol

from flask import current_app, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType


class Loader(Protocol):
    """A schema, or what does its work."""

    def load(self, data: Any) -> Any:
        """Return what the data stand for, or raise ValidationError."""


def read_body(at_most: int | None = None) -> bytes:
    """Return the body; raise RequestEntityTooLarge (413) if it has more bytes than that, by default the app's limit."""
    if at_most is not None:
        request.max_content_length = at_most
    body = request.get_data(cache=False)
    # Werkzeug cuts a body of undeclared length at the limit without a word.
    if request.content_length is None and len(body) >= (request.max_content_length or sys.maxsize):
        raise RequestEntityTooLarge
    return body


def load_body(schema: Loader, at_most: int | None = None, others: tuple[str, ...] = ()) -> Any:
    """Return what the schema makes of the body; ``others`` are media types that the caller would have taken, too.

    Raises UnsupportedMediaType (415) if it is not declared as JSON, BadRequest (400) if it is not JSON,
    RequestEntityTooLarge (413) if it is too long, and ValidationError (422) if it is not what the schema describes.
    """
    if not request.is_json:
        raise UnsupportedMediaType(f"Send the body as Content-Type: {' or '.join(('application/json', *others))}.")
    body = read_body(at_most)
    try:
        return schema.load(current_app.json.loads(body))
    except ValueError as problem:
        raise BadRequest(f"The body is not JSON: {problem}.") from problem
