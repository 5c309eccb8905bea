"""The OpenAPI document, made from the routes and the Marshmallow schemas."""

import re
from http import HTTPStatus
from typing import Any

from apispec import APISpec
from flask import Flask

from taxi_api import __version__
from taxi_api.apidocs import access
from taxi_api.apidocs.content import describe_content, describe_error
from taxi_api.apidocs.operation import Operation
from taxi_api.apidocs.schemas import Plugin

_DESCRIPTION = """\
How long will this New York taxi trip take? Durations come with an interval that is calibrated on real trips.
Every error has the shape of `Problem` (RFC 9457). Every answer carries `X-Request-ID`.
"""
_HEADERS = {
    "X-Request-ID": "Id of the request: the caller's, or a new one.",
    "ETag": "Names this version of the answer, for `If-None-Match`.",
    "Cache-Control": "How long the answer may be used again without asking.",
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "An `ETag` that was answered before: 304 if nothing has changed since.",
    "schema": {"type": "string"},
    "example": '"0123456789abcdef"',
}


def build_document(app: Flask) -> dict[str, Any]:
    """Return the OpenAPI 3 document of all routes of the app that have an ``operation``."""
    spec = APISpec(
        title="NYC taxi trip duration",
        version=__version__,
        openapi_version="3.0.3",
        info={"description": _DESCRIPTION, "license": {"name": "MIT", "url": "https://opensource.org/license/mit"}},
        # Relative to this document, so that it is right behind any path prefix.
        servers=[{"url": "./"}],
        plugins=[Plugin()],
    )
    for name, description in _HEADERS.items():
        spec.components.header(name, {"description": description, "schema": {"type": "string"}})
    settings = app.extensions["settings"]
    if settings.api_keys:
        spec.components.security_scheme(access.KEY_SCHEME, access.KEY)
    if settings.rate_limit:
        for name, description in access.LIMIT_HEADERS.items():
            spec.components.header(name, {"description": description, "schema": {"type": "integer"}})
    for rule in sorted(app.url_map.iter_rules(), key=str):
        view = app.view_functions[rule.endpoint]
        operation: Operation | None = getattr(view, "operation", None)
        if operation is not None:
            path = openapi_path(rule.rule)
            refusals = access.access_errors(settings, path)
            spec.path(
                path=path,
                operations={
                    method.lower(): {
                        "tags": rule.endpoint.split(".")[:1],
                        "operationId": f"{method.lower()}{_identifier(path)}",
                        "description": " ".join((view.__doc__ or "").split()),
                    }
                    | access.add_access(_describe(operation, refusals), refusals)
                    for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
                },
            )
    document: dict[str, Any] = spec.to_dict()
    return document


def openapi_path(rule: str) -> str:
    """Return the path of a route as OpenAPI writes it: ``/v1/zones/<int:id>`` is ``/v1/zones/{id}``."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def _identifier(path: str) -> str:
    """Return the path as a part of a name: ``/v1/zones/{id}`` is ``V1ZonesId``."""
    return "".join(part.capitalize() for part in re.findall(r"\w+", path))


def _describe(operation: Operation, refusals: set[HTTPStatus]) -> dict[str, Any]:
    headers = ["X-Request-ID", "ETag", "Cache-Control"] if operation.conditional else ["X-Request-ID"]
    shown: dict[str, Any] = {"headers": {name: name for name in headers}}
    parameters: list[dict[str, Any]] = [
        {"in": place, "schema": schema}
        for place, schema in (("path", operation.path), ("query", operation.query))
        if schema is not None
    ]
    responses = {"200": {"description": "The answer.", "content": describe_content(operation.answer)} | shown}
    errors = refusals | {HTTPStatus(status) for status in operation.errors}
    if operation.conditional:
        parameters.append(_IF_NONE_MATCH)
        responses["304"] = {"description": "Nothing has changed since the answer with this `ETag`."} | shown
        errors.add(HTTPStatus.PRECONDITION_FAILED)
    if operation.query is not None:
        errors.add(HTTPStatus.REQUEST_URI_TOO_LONG)
    for status in sorted(errors):
        responses[str(int(status))] = describe_error(status)
    described: dict[str, Any] = {"summary": operation.summary, "parameters": parameters, "responses": responses}
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": describe_content(operation.body)}
    return described
