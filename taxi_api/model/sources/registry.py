"""A version of a model in MLflow's registry, over its REST API: MLflow itself takes seconds and memory to import."""

import base64
import json
import re
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from taxi_api.model.bundle import FILES, MANIFEST
from taxi_api.model.sources import Found, SourceError
from taxi_api.model.sources.web import get

_URI = re.compile(r"models:/([^/@]+)(?:@([^/@]+)|/([0-9]+))")
# Training writes the digest of a version's bundle in this tag, and the bundle to this place among its files.
_DIGEST_TAG = "bundle.digest"
_BUNDLE = "data/bundle"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOST_JSON = 1024 * 1024
_HINT = "see mlflow server's --allowed-hosts, or the access rules of a proxy before it"


class RegistrySource:
    """``models:/name@alias`` or ``models:/name/3`` at a tracking server that hands out its artifacts."""

    def __init__(self, uri: str, server: str) -> None:
        """Take the model's URI and the server's address, with credentials if it wants them.

        Raises SourceError if one of them cannot be used.
        """
        match = _URI.fullmatch(uri)
        if match is None:
            raise SourceError(f"MODEL_URI {uri!r} is not models:/name@alias or models:/name/version")
        self._name, self._alias, self._number = match.groups()
        self.server, self._headers = _address(server)

    def look(self) -> Found:
        """Ask which version the alias points to; raise SourceError if there is none, or it names no digest."""
        if self._alias:
            path = f"registered-models/alias?{urlencode({'name': self._name, 'alias': self._alias})}"
        else:
            path = f"model-versions/get?{urlencode({'name': self._name, 'version': self._number})}"
        version: Any = self._ask(path).get("model_version")
        try:
            number = str(version["version"])
            tags = {tag["key"]: tag.get("value") for tag in version.get("tags", [])}
        except (TypeError, KeyError, AttributeError):
            raise self._garbage(path) from None
        digest = tags.get(_DIGEST_TAG)
        if not number.isdigit() or not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise SourceError(
                f"version {number[:20]} of {self._name} at {self.server} has no tag {_DIGEST_TAG};"
                " register it with: python -m training register"
            )
        return Found(digest, f"version {number}")

    def fetch(self, found: Found) -> dict[str, bytes]:
        """Return the files of the version's bundle; raise SourceError if the server does not have or give them."""
        number = found.label.removeprefix("version ")
        path = f"model-versions/get-download-uri?{urlencode({'name': self._name, 'version': number})}"
        place = urlsplit(str(self._ask(path).get("artifact_uri")))
        if place.scheme != "mlflow-artifacts":
            raise SourceError(
                f"{found.label} of {self._name} is kept at {place.scheme}:, not by the server {self.server};"
                " start mlflow server with --artifacts-destination, or serve the exported bundle"
            )
        base = f"{self.server}/api/2.0/mlflow-artifacts/artifacts/{quote(place.path.strip('/'))}/{_BUNDLE}"
        return {name: get(f"{base}/{name}", self._headers, hint=_HINT) for name in (MANIFEST, *FILES)}

    def _ask(self, path: str) -> dict[str, Any]:
        raw = get(f"{self.server}/api/2.0/mlflow/{path}", self._headers, most=_MOST_JSON, hint=_HINT)
        try:
            answer = json.loads(raw)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise self._garbage(path)
        return answer

    def _garbage(self, path: str) -> SourceError:
        return SourceError(f"{self.server}/api/2.0/mlflow/{path} does not answer as MLflow does")


def _address(server: str) -> tuple[str, dict[str, str]]:
    """Return the address without credentials, and the header that carries them."""
    parts = urlsplit(server)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SourceError("MODEL_URI=models:/… needs MLFLOW_TRACKING_URI, such as http://localhost:5000")
    headers = {}
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}", headers
