"""What the document promises, tried: every example is sent, and every answer held against its schema."""

import importlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_schema_validator import OAS30Validator
from werkzeug.serving import make_server

from taxi_api.app import create_app
from taxi_api.settings import Settings

# Made without a model of its own: which operations there are does not depend on it.
DOCUMENT = create_app(Settings()).test_client().get("/openapi.json").get_json()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}


def assert_as_described(value: Any, schema: dict) -> None:
    OAS30Validator(schema | {"components": DOCUMENT["components"]}).validate(value)


def examples(content: dict) -> list[Any]:
    """Return the examples of one media type; there must be some."""
    found = [content["example"]] if "example" in content else [one["value"] for one in content["examples"].values()]
    assert found
    return found


def parameters(operation: dict, place: str) -> dict[str, Any]:
    """Return the example of each parameter in the path or query."""
    described = [one for one in operation.get("parameters", ()) if one["in"] == place]
    return {one["name"]: _as_text(one["schema"]["example"]) for one in described}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@pytest.mark.parametrize("name", OPERATIONS)
def test_examples_are_answered_as_described(client: FlaskClient, name: str):
    operation = OPERATIONS[name]
    method, path = name.split()
    path = path.format(**parameters(operation, "path"))
    bodies = [
        {"data": example if isinstance(example, str) else json.dumps(example), "content_type": media_type}
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items()
        for example in examples(content)
    ]
    assert bool(bodies) == (method == "POST")
    for body in bodies or [{}]:
        for media_type, content in operation["responses"]["200"]["content"].items():
            response = client.open(
                path, method=method, query_string=parameters(operation, "query"), headers={"Accept": media_type}, **body
            )
            text = response.get_data(as_text=True)
            assert response.status_code == 200, text
            assert response.mimetype == media_type
            assert_as_described(response.get_json() if response.is_json else text, content["schema"])


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_example_is_what_its_schema_says(name: str):
    operation = OPERATIONS[name]
    described = [operation["requestBody"]] if "requestBody" in operation else []
    described += [response for status, response in operation["responses"].items() if status != "304"]
    for body in described:
        for content in body["content"].values():
            for example in examples(content):
                assert_as_described(example, content["schema"])
    for parameter in operation.get("parameters", ()):
        assert_as_described(parameter["schema"].get("example", ""), parameter["schema"])


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name.startswith("POST")])
@pytest.mark.parametrize("sent", [{"data": "{", "content_type": "application/json"}, {"data": "a"}, {"json": []}])
def test_every_refusal_is_described(client: FlaskClient, name: str, sent: dict):
    response = client.post(name.split()[1], **sent)
    described = OPERATIONS[name]["responses"][str(response.status_code)]["content"]
    assert response.status_code in {400, 415, 422}
    assert_as_described(response.get_json(), described[response.mimetype]["schema"])


@pytest.fixture(scope="module")
def url(app: Flask) -> Iterator[str]:
    """The address of the app on a socket."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a client package that is made from the document, and can be imported."""
    folder = tmp_path_factory.mktemp("generated")
    document, package = folder / "openapi.json", folder / "taxi_client"
    document.write_text(json.dumps(DOCUMENT))
    tools = Path(sys.executable).parent
    run = subprocess.run(
        [tools / "openapi-python-client", "generate", "--path", document, "--meta", "none", "--output-path", package],
        env=os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    # It cannot write CSV, and knows nothing else to complain about.
    warnings = run.stdout.count("WARNING") + run.stderr.count("WARNING")
    assert warnings == (run.stdout + run.stderr).count("Unsupported content type text/csv"), run.stdout + run.stderr
    sys.path.insert(0, str(folder))
    yield package.name
    sys.path.remove(str(folder))


def test_a_generated_client_asks_a_running_server(generated: str, url: str):
    models = importlib.import_module(f"{generated}.models")
    client = importlib.import_module(f"{generated}.client").Client(base_url=url, raise_on_unexpected_status=True)
    predict = importlib.import_module(f"{generated}.api.predict.post_v1_predict").sync
    batch = importlib.import_module(f"{generated}.api.batch.post_v1_predict_batch").sync
    zone = importlib.import_module(f"{generated}.api.zones.get_v1_zones_id").sync

    with client:
        trip = models.Trip(pu_location_id=161, do_location_id=132, trip_distance=17.5)
        answer = predict(client=client, body=trip)
        assert answer.interval.lower < answer.duration < answer.interval.upper
        assert answer.trip_distance.miles == 17.5

        rows = [
            models.BatchTrip(pu_location_id=161, do_location_id=132, id="a"),
            models.LowerCaseBatchTrip(pickup_location_id=0, dropoff_location_id=132, id=2),
        ]
        first, second = batch(client=client, body=models.BatchRows(trips=rows)).predictions
        assert (first.id, second.id) == ("a", 2)
        assert first.duration > 0
        assert list(second.error.errors.additional_properties) == ["pickup_location_id"]

        problem = predict(client=client, body=models.Trip(pu_location_id=0, do_location_id=132))
        assert isinstance(problem, models.Problem)
        assert problem.status == 422

        assert zone(client=client, id=161).name == "Midtown Center"
