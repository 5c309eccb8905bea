"""What the document says of API keys and rate limits, which concern every route that is not open."""

from http import HTTPStatus
from typing import Any

from taxi_api.api_keys import HEADER
from taxi_api.errors import MEDIA_TYPE
from taxi_api.open_routes import is_open, is_probe
from taxi_api.settings import Settings

_LIMIT_HEADERS = {
    "RateLimit-Limit": "Requests allowed in the time that the limit is for.",
    "RateLimit-Remaining": "Requests left of these.",
    "RateLimit-Reset": "Seconds until the limit starts anew.",
    "Retry-After": "Seconds to wait before the next request.",
}


def add_access(document: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Return the document with what the settings ask of callers: a key, patience, or nothing."""
    components = document.setdefault("components", {})
    if settings.api_keys:
        components.setdefault("securitySchemes", {})["ApiKey"] = {"type": "apiKey", "in": "header", "name": HEADER}
    if settings.rate_limit:
        components.setdefault("headers", {}).update(
            {name: {"description": what, "schema": {"type": "integer"}} for name, what in _LIMIT_HEADERS.items()}
        )
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if settings.api_keys and not is_open(path):
                operation["security"] = [{"ApiKey": []}]
                operation["responses"]["401"] = _problem(HTTPStatus.UNAUTHORIZED)
            if settings.rate_limit and not is_probe(path):
                operation["responses"]["429"] = _problem(HTTPStatus.TOO_MANY_REQUESTS)
                for status, response in operation["responses"].items():
                    shown = set(_LIMIT_HEADERS) - (set() if status == "429" else {"Retry-After"})
                    response.setdefault("headers", {}).update(
                        {name: {"$ref": f"#/components/headers/{name}"} for name in sorted(shown)}
                    )
    return document


def _problem(status: HTTPStatus) -> dict[str, Any]:
    return {
        "description": status.phrase,
        "headers": {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}},
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
