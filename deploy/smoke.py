"""The command ``smoke``: does a deployment answer, and do its answers make sense?"""

import json
import os
import urllib.error
import urllib.request
from typing import Any

from deploy.aws import DeployError

TRIP = {"PULocationID": 1, "DOLocationID": 2, "trip_distance": 5.0}
# A first request may find a cold start and a deployment that has just ended.
_SECONDS = 30


def smoke(url: str) -> list[str]:
    """Try the routes that clients use; return a line for each, or raise DeployError with the first that fails."""
    url = url.rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise DeployError(f"{url!r} is no address; give --url https://…")
    told = []
    for method, path, body, wanted in (
        ("GET", "/health", None, 200),
        ("GET", "/ready", None, 200),
        ("POST", "/predict", TRIP, 200),
        ("POST", "/predict", TRIP | {"PULocationID": 0}, 422),
        ("POST", "/v1/predict/batch", {"trips": [TRIP, TRIP]}, 200),
        ("GET", "/v1/model", None, 200),
    ):
        status, answer = _ask(method, url + path, body)
        # API Gateway's own check of the body answers 400 before the service sees it.
        if status != wanted and not (wanted == 422 and status == 400):  # noqa: PLR2004
            raise DeployError(f"{method} {url}{path} answers {status} instead of {wanted}: {json.dumps(answer)[:500]}")
        if path == "/predict" and status == 200:  # noqa: PLR2004
            _make_sense(answer)
            told.append(f"{TRIP} takes {answer['duration']} minutes, says model {answer['model']['version']}")
        told.append(f"{method} {path} {status}")
    return told


def _make_sense(answer: Any) -> None:
    try:
        lower, minutes, upper = answer["interval"]["lower"], answer["duration"], answer["interval"]["upper"]
    except (KeyError, TypeError):
        raise DeployError(f"/predict answers {json.dumps(answer)[:500]}") from None
    if not 1 <= lower <= minutes <= upper <= 240:  # noqa: PLR2004 - minutes that a taxi trip of five miles can take
        raise DeployError(f"/predict answers {minutes} minutes, {lower} to {upper}: that makes no sense")


def _ask(method: str, url: str, body: object) -> tuple[int, Any]:
    headers = {"Content-Type": "application/json"}
    key = os.environ.get("TAXI_API_KEY")
    if key:
        headers |= {"X-API-Key": key}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 # nosec B310
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 # nosec B310
            return answer.status, _json(answer.read())
    except urllib.error.HTTPError as problem:
        with problem:
            return problem.code, _json(problem.read())
    except OSError as problem:
        raise DeployError(f"{url} does not answer: {problem}") from problem


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode("utf-8", "replace")
