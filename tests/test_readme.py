"""What the README says is so."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from taxi_api.apidocs.document import openapi_path
from taxi_api.model.bundle import load_bundle
from taxi_api.model.store import DEFAULT_BUNDLE
from taxi_api.schemas.prediction import PredictionSchema
from taxi_api.settings import Settings, variable
from tests.update_readme import updated

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading, without its head."""
    section = README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line.strip().strip("|").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines[2:]]


def written(default: object) -> str:
    """Return a default as one would write it into the environment."""
    if default in ("", ()):
        return ""
    return f"`{ {True: 'on', False: 'off'}[default] if isinstance(default, bool) else default }`"


def test_the_settings_table_is_the_settings():
    documented = [(name, default, sentence) for name, default, sentence in rows("Settings")]
    declared = [(f"`{variable(item)}`", written(item.default), item.metadata["sentence"]) for item in fields(Settings)]
    assert documented == declared


def test_the_endpoint_table_is_the_routes(app: Flask):
    documented = {
        (method, path)
        for methods, path, _ in rows("Endpoints")
        for method in methods.split(", ")
        for path in path.split(", ")
    }
    served = {
        (method, f"`{openapi_path(rule.rule)}`")
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint not in {"apidocs_redirect", "apidocs_file"}
    }
    assert documented == served


def test_the_request_in_the_readme_gets_the_answer_in_the_readme(client: FlaskClient):
    request = re.search(r"-d '(\{.*?\})'", README, re.DOTALL)
    answer = re.search(r"```json\n(\{.*?\})\n```", README, re.DOTALL)
    assert request
    assert answer
    shown = json.loads(answer[1])
    assert PredictionSchema().validate(shown) == {}
    assert client.post("/predict", json=json.loads(request[1])).get_json() == shown


@pytest.mark.parametrize(
    "document", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name
)
def test_links_lead_somewhere(document: Path):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_make_targets_in_the_readme_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", README)) <= targets


def test_the_metrics_in_the_readme_are_those_of_the_committed_bundle():
    metrics = load_bundle(DEFAULT_BUNDLE).manifest["metrics"]
    shown = rows("How good it is")
    assert shown
    for name, rmse, mae, coverage, width in shown:
        found = metrics[name]["1-60"]
        expected = [f"{found['rmse']:.2f}", f"{found['mae']:.2f}"]
        expected += [f"{found['coverage']:.1%}", f"{found['width']:.1f}"] if "coverage" in found else ["-", "-"]
        assert [rmse, mae, coverage, width] == expected


def test_the_readme_of_another_bundle_is_brought_up_to_date():
    spoilt = re.sub(r"\d+\.\d+%", "1.0%", README).replace('"duration": ', '"duration": 1').replace("| green", "| red")
    assert spoilt != README
    assert updated(spoilt) == README
    assert updated(README) == README
