"""Every error leaves as application/problem+json, whoever raised it."""

import logging
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app, request
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable

from taxi_api.model.bundle import BundleError
from taxi_api.problems import MEDIA_TYPE, problem_of, title_of
from taxi_api.request_id import request_id

_logger = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    """Answer every error of the app as a problem."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(ValidationError, _invalid)
    app.register_error_handler(BundleError, _unusable_model)
    app.register_error_handler(Exception, _unexpected)


def problem(status: int, detail: str, **more: Any) -> Response:
    """Return a problem response; ``more`` are further members, such as ``errors``. See ``ProblemSchema``."""
    body = problem_of(status, detail, request.script_root + request.path, request_id()) | more
    return current_app.response_class(current_app.json.dumps(body), status=status, content_type=MEDIA_TYPE)


def _http_error(error: HTTPException) -> Response:
    # Headers such as Allow and Retry-After are part of the answer; the HTML body is not.
    original = error.get_response()
    response = problem(original.status_code, error.description or title_of(original.status_code))
    for name, value in original.headers.items():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers.add(name, value)
    return response


def _invalid(error: ValidationError) -> Response:
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return problem(status, "The request has fields that cannot be used; see errors.", errors=error.messages)


def _unusable_model(error: BundleError) -> Response:
    _logger.error("%s", error)
    return problem(ServiceUnavailable.code, str(error))


def _unexpected(error: Exception) -> Response:
    _logger.error("unexpected error id=%s", request_id(), exc_info=error)
    return _http_error(InternalServerError(description="The service failed; the log has the cause under request_id."))
