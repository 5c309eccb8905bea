"""Fuzzing that follows the code: ``python -m tests.fuzz.guided body|event [seconds]``, with atheris.

``body`` takes bytes as the body of a prediction, on the way in front of Flask and through it, which have to agree;
``event`` exchanges values of Lambda's events. What is not an answer or a named error, or has a number that is none, is
a find; atheris then ends and keeps the bytes in the working directory.
"""

import copy
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import atheris

with atheris.instrument_imports(include=["taxi_api", "marshmallow", "serverless_wsgi"]):
    from taxi_api.app import create_app
    from taxi_api.lambda_wsgi import make_handler
    from taxi_api.settings import Settings

from werkzeug.test import Client

SECONDS = 600
_FOLDER = Path(__file__).parents[1]
_EVENTS = [json.loads(path.read_text()) for path in sorted((_FOLDER / "events").glob("*.json"))]
_BODIES = (
    b'{"PULocationID": 1, "DOLocationID": 2, "trip_distance": 5.0, "pickup_datetime": "2024-09-18T08:30:00"}',
    b'{"pickup_location_id": 265, "dropoff_location_id": 264, "pickup_datetime": "2024-11-03T01:30:00-05:00"}',
)
_MOST_CHANGES = 4


def body(data: bytes) -> None:
    """Ask for a prediction in both ways."""
    fast, flask = (client.post("/predict", data=data, content_type="application/json") for client in (_FAST, _FLASK))
    assert fast.status_code == flask.status_code in {200, 400, 413, 422}, (fast.status_code, flask.status_code)
    read = [json.loads(answer.data, parse_constant=_no_number) for answer in (fast, flask)]
    if fast.status_code == 200:
        assert read[0]["model"] == read[1]["model"]
        assert 0 < read[0]["interval"]["lower"] <= read[0]["duration"] <= read[0]["interval"]["upper"]


def event(data: bytes) -> None:
    """Pass on an event that was one, with some of its values exchanged."""
    provider = atheris.FuzzedDataProvider(data)
    found = copy.deepcopy(provider.PickValueInList(_EVENTS))
    for _ in range(provider.ConsumeIntInRange(0, _MOST_CHANGES)):
        found = _changed(found, provider)
    answer = _HANDLER(found, None)
    if answer:
        assert answer["statusCode"] < 500, (found, answer)
        json.dumps(answer, allow_nan=False)


def _changed(value: Any, provider: Any) -> Any:
    """Return the value with something of it, or all of it, exchanged."""
    if isinstance(value, dict) and value and provider.ConsumeIntInRange(0, 9):
        name = provider.PickValueInList(sorted(value))
        value[name] = _changed(value[name], provider)
        return value
    if isinstance(value, list) and value and provider.ConsumeIntInRange(0, 9):
        place = provider.ConsumeIntInRange(0, len(value) - 1)
        value[place] = _changed(value[place], provider)
        return value
    kind = provider.ConsumeIntInRange(0, 6)
    text = provider.ConsumeUnicode(provider.ConsumeIntInRange(0, 40))
    return (text, None, True, provider.ConsumeInt(8), provider.ConsumeFloat(), [text], {text: text})[kind]


def _no_number(name: str) -> None:
    raise AssertionError(f"{name} in an answer")


def main() -> None:
    """Run until a find, or the time is over."""
    target = {"body": body, "event": event}[sys.argv[1]]
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    with TemporaryDirectory() as corpus:
        seeds = [*_BODIES, *(path.read_bytes() for path in (_FOLDER / "resilience" / "hostile").iterdir())]
        for number, seed in enumerate(seeds):
            Path(corpus, str(number)).write_bytes(seed[:2000])
        atheris.Setup(
            [sys.argv[0], f"-max_total_time={seconds}", "-max_len=2000", "-print_final_stats=1", corpus], target
        )
        atheris.Fuzz()


_APP = create_app(Settings(log_level="CRITICAL"))
_FAST, _FLASK = Client(_APP.wsgi_app), Client(_APP.wsgi_app.flask)  # type: ignore[attr-defined]
_HANDLER = make_handler(create_app(Settings(log_level="CRITICAL", cors_origins=("https://app.example.com",))))

if __name__ == "__main__":
    main()
