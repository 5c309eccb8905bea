"""The JSON body of a request, through its schema."""

import sys
from typing import Any

from flask import current_app, request
from marshmallow import Schema
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType


def load_body(schema: Schema) -> Any:
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
    except ValueError as problem:
        raise BadRequest(f"The body is not JSON: {problem}.") from problem
