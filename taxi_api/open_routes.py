"""The routes that need no API key. Every other route does, so that a new one is closed until it is named here."""

_PROBES = ("/health", "/ready", "/ping", "/metrics", "/v2/health/", "/v2/models/taxi-duration/ready")
_DOCS = ("/apidocs", "/openapi.json")


def is_probe(path: str) -> bool:
    """Tell whether the route with this path is for machines that look after the service."""
    return path.startswith(_PROBES)


def is_open(path: str) -> bool:
    """Tell whether the route with this path needs no key."""
    return path.startswith((*_PROBES, *_DOCS))
