"""Rate limits: so many requests in a time for each API key, or each client address without one."""

import logging
from typing import Any

from flask import Flask, Response, request

from taxi_api.api_keys import key_label
from taxi_api.open_routes import is_probe
from taxi_api.settings import Settings

# A Redis server that does not answer must not hold a request up for longer.
_REDIS_SECONDS = 0.5


def init_app(app: Flask, settings: Settings) -> None:
    """Limit the requests of the app, if there is a limit."""
    if not settings.rate_limit:
        return
    # Here, because it takes as long to import as Flask itself.
    from flask_limiter import ApplicationLimit, HeaderNames, Limiter  # noqa: PLC0415

    in_redis = settings.rate_limit_storage != "memory"
    limiter = Limiter(
        _caller,
        application_limits=[
            ApplicationLimit(
                settings.rate_limit,
                error_message=f"More than {settings.rate_limit} requests; Retry-After says how many seconds to wait.",
            )
        ],
        storage_uri=settings.rate_limit_storage if in_redis else "memory://",
        storage_options=_redis_options() if in_redis else {},
        # Without Redis each worker counts for itself, and asks for Redis again now and then.
        in_memory_fallback_enabled=in_redis,
        # A limit that cannot be counted lets the request through.
        swallow_errors=True,
        headers_enabled=True,
        header_name_mapping={
            HeaderNames.LIMIT: "RateLimit-Limit",
            HeaderNames.REMAINING: "RateLimit-Remaining",
            HeaderNames.RESET: "RateLimit-Reset",
        },
    )
    limiter.request_filter(_is_exempt)
    # Before the limiter, so that it runs after the limiter has set its headers.
    app.after_request(_tell_seconds)
    limiter.init_app(app)


def _redis_options() -> dict[str, Any]:
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.retry import Retry  # noqa: PLC0415

    logging.getLogger("flask-limiter").addFilter(_is_news)

    return {
        "socket_connect_timeout": _REDIS_SECONDS,
        "socket_timeout": _REDIS_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }


def _is_news(record: logging.LogRecord) -> bool:
    """Keep out of the log the requests that met the same failure while the first one was writing its warning."""
    from redis import RedisError  # noqa: PLC0415

    return not (record.exc_info and isinstance(record.exc_info[1], RedisError))


def _caller() -> str:
    label = key_label()
    return f"key:{label}" if label else f"address:{request.remote_addr}"


def _is_exempt() -> bool:
    return request.method == "OPTIONS" or (request.url_rule is not None and is_probe(request.url_rule.rule))


def _tell_seconds(response: Response) -> Response:
    """Say in seconds when the limit starts anew; the limiter gives a date, and Retry-After even to those it lets in."""
    if "RateLimit-Reset" in response.headers:
        wait = max(1, int(response.headers.pop("Retry-After")))
        response.headers["RateLimit-Reset"] = str(wait)
        if response.status_code == 429:  # noqa: PLR2004
            response.headers["Retry-After"] = str(wait)
    return response
