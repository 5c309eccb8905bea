"""Bodies of requests and answers in the OpenAPI document: schemas and examples by media type."""

from http import HTTPStatus
from typing import Any

from marshmallow import Schema

from taxi_api.apidocs.examples import example
from taxi_api.apidocs.operation import Content, Shape
from taxi_api.problems import MEDIA_TYPE
from taxi_api.schemas.problem import ProblemSchema


def describe_content(content: Content) -> dict[str, Any]:
    """Return the media types of a body with the schema and an example of each."""
    by_media_type = {"application/json": content} if isinstance(content, type) else content
    return {media_type: _describe_shape(shape) for media_type, shape in by_media_type.items()}


def describe_error(status: HTTPStatus) -> dict[str, Any]:
    """Return the response of an error status."""
    shown = example(ProblemSchema)
    if status != HTTPStatus.UNPROCESSABLE_ENTITY:
        shown |= {"title": status.phrase, "status": int(status), "detail": status.description or status.phrase}
        del shown["errors"]
    return {
        "description": status.phrase,
        "headers": {"X-Request-ID": "X-Request-ID"},
        "content": {MEDIA_TYPE: {"schema": ProblemSchema, "example": shown}},
    }


def _describe_shape(shape: Shape) -> dict[str, Any]:
    if isinstance(shape, str):
        return {"schema": {"type": "string"}, "example": shape}
    if isinstance(shape, tuple):
        examples = {_name(schema): {"value": example(schema)} for schema in shape}
        return {"schema": {"oneOf": list(shape)}, "examples": examples}
    return {"schema": shape, "example": example(shape)}


def _name(schema: type[Schema]) -> str:
    return schema.__name__.removesuffix("Schema")
