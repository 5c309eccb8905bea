"""The JSON body of a request, through its schema."""

from typing import Any

from flask import request
from marshmallow import Schema
from werkzeug.exceptions import BadRequest


def load_body(schema: Schema) -> Any:
    """Return what the schema makes of the body.

    Raises UnsupportedMediaType (415) if it is not declared as JSON, BadRequest (400) if it is not JSON, and
    ValidationError (422) if it is not what the schema describes.
    """
    try:
        return schema.load(request.get_json())
    except RecursionError as problem:
        raise BadRequest("The body nests its values too deeply.") from problem
