"""What an error says: problem details for HTTP APIs, RFC 9457. See ``ProblemSchema``, and keep the two alike."""

from http import HTTPStatus
from typing import Any

MEDIA_TYPE = "application/problem+json"


def title_of(status: int) -> str:
    """Return the phrase of a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def problem_of(status: int, detail: str, instance: str, request_id: str) -> dict[str, Any]:
    """Return the members of a problem: a status, what is wrong, the path that was asked for, the request's id."""
    return {
        "type": "about:blank",
        "title": title_of(status),
        "status": int(status),
        "detail": detail,
        "instance": instance,
        "request_id": request_id,
    }
