"""The OpenAPI document, made from the routes and the Marshmallow schemas."""

from http import HTTPStatus
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask

from taxi_api import __version__
from taxi_api.apidocs.operation import Operation
from taxi_api.errors import MEDIA_TYPE
from taxi_api.schemas.problem import ProblemSchema

_DESCRIPTION = """\
How long will this New York taxi trip take? Durations come with an interval that is calibrated on real trips.
Every error has the shape of `Problem` (RFC 9457). Every answer carries `X-Request-ID`.
"""


def build_document(app: Flask) -> dict[str, Any]:
    """Return the OpenAPI 3 document of all routes of the app that have an ``operation``."""
    spec = APISpec(
        title="NYC taxi trip duration",
        version=__version__,
        openapi_version="3.0.3",
        info={"description": _DESCRIPTION, "license": {"name": "MIT", "url": "https://opensource.org/license/mit"}},
        # Relative to this document, so that it is right behind any path prefix.
        servers=[{"url": "./"}],
        plugins=[MarshmallowPlugin()],
    )
    spec.components.header(
        "X-Request-ID",
        {"description": "Id of the request: the caller's, or a new one.", "schema": {"type": "string"}},
    )
    for rule in sorted(app.url_map.iter_rules(), key=str):
        view = app.view_functions[rule.endpoint]
        operation: Operation | None = getattr(view, "operation", None)
        if operation is not None:
            methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
            spec.path(
                path=rule.rule,
                operations={
                    method.lower(): {
                        "tags": rule.endpoint.split(".")[:1],
                        "operationId": f"{method.lower()}{_identifier(rule.rule)}",
                        "description": " ".join((view.__doc__ or "").split()),
                    }
                    | _describe(operation)
                    for method in methods
                },
            )
    document: dict[str, Any] = spec.to_dict()
    return document


def _identifier(path: str) -> str:
    """Return the path as a part of a name: ``/v1/predict`` is ``V1Predict``."""
    return "".join(part.capitalize() for part in path.strip("/").split("/"))


def _describe(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": operation.summary,
        "responses": {"200": _response("The answer.", "application/json", operation.answer)}
        | {str(status): _response(HTTPStatus(status).phrase, MEDIA_TYPE, ProblemSchema) for status in operation.errors},
    }
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": operation.body}}}
    return described


def _response(description: str, media_type: str, schema: Any) -> dict[str, Any]:
    return {
        "description": description,
        "headers": {"X-Request-ID": "X-Request-ID"},
        "content": {media_type: {"schema": schema}},
    }
