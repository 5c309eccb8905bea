"""What the document says of API keys and rate limits, which concern every route that is not open."""

from http import HTTPStatus
from typing import Any

from taxi_api.api_keys import HEADER
from taxi_api.open_routes import is_open, is_probe
from taxi_api.settings import Settings

KEY_SCHEME = "ApiKey"
KEY = {"type": "apiKey", "in": "header", "name": HEADER}
LIMIT_HEADERS = {
    "RateLimit-Limit": "Requests allowed in the time that the limit is for.",
    "RateLimit-Remaining": "Requests left of these.",
    "RateLimit-Reset": "Seconds until the limit starts anew.",
    "Retry-After": "Seconds to wait before the next request.",
}


def access_errors(settings: Settings, path: str) -> set[HTTPStatus]:
    """Return the statuses with which the settings may refuse any request to a route."""
    refusals = {
        HTTPStatus.UNAUTHORIZED: settings.api_keys and not is_open(path),
        HTTPStatus.TOO_MANY_REQUESTS: settings.rate_limit and not is_probe(path),
    }
    return {status for status, applies in refusals.items() if applies}


def add_access(operation: dict[str, Any], refusals: set[HTTPStatus]) -> dict[str, Any]:
    """Return a described operation with the key that it wants and the headers that tell of a limit."""
    if HTTPStatus.UNAUTHORIZED in refusals:
        operation["security"] = [{KEY_SCHEME: []}]
    if HTTPStatus.TOO_MANY_REQUESTS in refusals:
        refused = str(int(HTTPStatus.TOO_MANY_REQUESTS))
        for status, response in operation["responses"].items():
            told = (name for name in LIMIT_HEADERS if name != "Retry-After" or status == refused)
            response["headers"] = response["headers"] | {name: name for name in told}
    return operation
