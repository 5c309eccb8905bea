"""``python -m tests.update_readme``: the README's answer and figures, from the committed bundle."""

import json
import re
from pathlib import Path
from typing import Any

from taxi_api.app import create_app
from taxi_api.settings import Settings

README = Path(__file__).parents[1] / "README.md"
_REQUEST = re.compile(r"-d '(\{.*?\})'", re.DOTALL)
_ANSWER = re.compile(r"```json\n(\{.*?\})\n```", re.DOTALL)
_ROWS = re.compile(r"(?<=\| --- \| --- \| --- \| --- \| --- \|\n)(\|[^\n]*\n)+")
# Of trips that calibrate: they decide about the model, so that they do not show how good it is.
_FORECAST = "forecast"


def main() -> None:
    """Rewrite them."""
    README.write_text(updated(README.read_text()))


def updated(text: str) -> str:
    """Return the README with what the bundle answers to its request, and the bundle's figures in its table."""
    client = create_app(Settings(log_level="ERROR")).test_client()
    request = _REQUEST.search(text)
    if request is None:
        raise ValueError("README.md has no request")
    answer: dict[str, Any] = client.post("/predict", json=json.loads(request[1])).get_json()
    metrics: dict[str, Any] = client.get("/v1/model").get_json()["metrics"]
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in answer.items())
    text = _ANSWER.sub(lambda _: f"```json\n{{\n{lines}\n}}\n```", text, count=1)
    rows = "".join(_row(name, found["1-60"]) for name, found in metrics.items() if _FORECAST not in name)
    return _ROWS.sub(lambda _: rows, text, count=1)


def _row(name: str, found: dict[str, float]) -> str:
    interval = f"{found['coverage']:.1%} | {found['width']:.1f}" if "coverage" in found else "- | -"
    return f"| {name} | {found['rmse']:.2f} | {found['mae']:.2f} | {interval} |\n"


if __name__ == "__main__":
    main()
