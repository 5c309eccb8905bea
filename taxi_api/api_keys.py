"""API keys: callers show theirs in ``X-API-Key``, the service knows only digests, the log only labels.

The keys have 256 random bits, so that a plain sha256 of one cannot be turned back.
"""

import hashlib
import hmac
import secrets
from typing import Any

from flask import Flask, current_app, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from taxi_api.open_routes import is_open
from taxi_api.setting_values import ApiKey
from taxi_api.settings import Settings

HEADER = "X-API-Key"
_LABEL = "taxi_api.key_label"
_EXTENSION = "api_keys"


def init_app(app: Flask, settings: Settings) -> None:
    """Ask for a key on every route that is not open, if there are keys."""
    app.extensions[_EXTENSION] = settings.api_keys
    if settings.api_keys:
        app.before_request(_check)


def new_key() -> str:
    """Return a new key."""
    return f"taxi_{secrets.token_urlsafe(32)}"


def digest(key: str) -> str:
    """Return what the service keeps of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def key_label() -> str | None:
    """Return the label of the key that the request shows, or None if it shows none that is known."""
    return label_of(request.environ, current_app.extensions[_EXTENSION])


def label_of(environ: dict[str, Any], known: tuple[ApiKey, ...]) -> str | None:
    """Return the label of the key in a WSGI environment, or None if there is none that is known."""
    if _LABEL not in environ:
        environ[_LABEL] = _known(environ.get("HTTP_X_API_KEY", ""), known)
    label: str | None = environ[_LABEL]
    return label


def _known(key: str, known: tuple[ApiKey, ...]) -> str | None:
    if not key:
        return None
    shown = digest(key)
    # Every digest is compared, each in constant time: how long it takes says nothing about any of them.
    matches = [entry.label for entry in known if hmac.compare_digest(entry.digest, shown)]
    return matches[0] if matches else None


def _check() -> None:
    # A path without a route is 404 with or without a key. A preflight cannot carry one.
    if request.url_rule is None or request.method == "OPTIONS" or is_open(request.url_rule.rule):
        return
    if key_label() is None:
        why = f"The key in {HEADER} is not known." if HEADER in request.headers else f"Send an API key in {HEADER}."
        raise Unauthorized(why, www_authenticate=WWWAuthenticate("ApiKey", {"realm": "nyc-taxi-duration"}))
