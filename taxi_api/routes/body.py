"""The JSON body of a request, through its schema."""

import sys
from typing import Any, Protocol

from flask import current_app, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType


class Loader(Protocol):
    """A schema, or what does its work."""

    def load(self, data: Any) -> Any:
        """Return what the data stand for, or raise ValidationError."""


def load_body(schema: Loader) -> Any:
    """Return what the schema makes of the body.

    Raises UnsupportedMediaType (415) if it is not declared as JSON, BadRequest (400) if it is not JSON,
    RequestEntityTooLarge (413) if it is too long, and ValidationError (422) if it is not what the schema describes.
    """
    if not request.is_json:
        raise UnsupportedMediaType("Send the body as Content-Type: application/json.")
    body = request.get_data(cache=False)
    # Werkzeug cuts a body of undeclared length at the limit without a word.
    if request.content_length is None and len(body) >= (request.max_content_length or sys.maxsize):
        raise RequestEntityTooLarge
    try:
        return schema.load(current_app.json.loads(body))
    except RecursionError as problem:
        raise BadRequest("The body nests its values too deeply.") from problem
    except ValueError as problem:
        raise BadRequest(f"The body is not JSON: {problem}.") from problem
