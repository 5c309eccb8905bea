"""Says once, when a production service starts, what it leaves open."""

import logging

from taxi_api.settings import Settings

_logger = logging.getLogger(__name__)


def warn_if_open(settings: Settings) -> None:
    """Log one warning that names everything that is open, if the service is in production."""
    found = open_to_all(settings)
    if settings.app_env == "production" and found:
        _logger.warning("open to everybody: %s", "; ".join(found))


def open_to_all(settings: Settings) -> list[str]:
    """Return what the settings leave open, each with the variable that closes it."""
    doors = (
        (not settings.api_keys, "no API keys (TAXI_API_KEYS)"),
        (not settings.rate_limit, "no rate limit (TAXI_RATE_LIMIT)"),
        ("*" in settings.cors_origins, "pages of every origin may call (TAXI_CORS_ORIGINS=*)"),
    )
    return [what for is_open, what in doors if is_open]
