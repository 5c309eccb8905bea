"""Lets the pages of chosen origins call from a browser."""

from flask import Flask
from flask_cors import CORS

from taxi_api import api_keys, request_id
from taxi_api.settings import Settings

_PREFLIGHT_SECONDS = 600
_SENT = ("Content-Type", "If-None-Match", api_keys.HEADER, request_id.HEADER)
_SHOWN = (
    "ETag",
    "Retry-After",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Server-Timing",
    request_id.HEADER,
)


def init_app(app: Flask, settings: Settings) -> None:
    """Answer preflights and name the origins that may read answers, if there are any."""
    if settings.cors_origins:
        CORS(
            app,
            origins=list(settings.cors_origins),
            send_wildcard=True,
            methods=["GET", "HEAD", "POST"],
            allow_headers=list(_SENT),
            expose_headers=list(_SHOWN),
            max_age=_PREFLIGHT_SECONDS,
        )
