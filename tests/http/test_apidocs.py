import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from taxi_api.apidocs.document import openapi_path
from taxi_api.app import create_app
from taxi_api.model.predictor import Predictor
from taxi_api.settings import Settings


@pytest.fixture(scope="module")
def document(app: Flask) -> dict:
    response = app.test_client().get("/openapi.json")
    assert response.status_code == 200
    return response.get_json()


def test_the_document_is_valid_openapi(document: dict):
    assert document["openapi"].startswith("3.")
    validate(document)


def test_every_route_is_documented(app: Flask, document: dict):
    served = {
        (method.lower(), openapi_path(rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith(("/apidocs", "/openapi"))
    }
    assert served == {(method, path) for path, operations in document["paths"].items() for method in operations}


def test_operations_have_a_summary_a_description_and_an_id_of_their_own(document: dict):
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert all(operation["summary"] and operation["description"] for operation in operations)
    assert len({operation["operationId"] for operation in operations}) == len(operations)


def test_the_documented_example_is_answered_as_documented(client: FlaskClient, document: dict):
    trip = document["components"]["schemas"]["Trip"]
    assert trip["additionalProperties"] is False
    assert set(trip["required"]) == {"PULocationID", "DOLocationID"}
    example = {name: field["example"] for name, field in trip["properties"].items()}
    answer = client.post("/predict", json=example).get_json()
    schema = {"$ref": "#/components/schemas/Prediction", "components": document["components"]}
    Draft202012Validator(schema).validate(answer)


def test_limits_are_in_the_document(document: dict):
    properties = document["components"]["schemas"]["Trip"]["properties"]
    assert (properties["PULocationID"]["minimum"], properties["PULocationID"]["maximum"]) == (1, 265)
    assert (properties["trip_distance"]["minimum"], properties["trip_distance"]["maximum"]) == (0, 200)
    assert properties["trip_distance"]["exclusiveMinimum"] is True


def test_the_page_and_everything_it_loads_come_from_here(client: FlaskClient):
    page = client.get("/apidocs/")
    assert page.status_code == 200
    text = page.get_data(as_text=True)
    loaded = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert len(loaded) == 4
    for address in loaded:
        assert not address.startswith(("http", "/")), "an absolute address breaks behind a prefix"
        with client.get(f"/apidocs/{address}") as response:
            assert response.status_code == 200
    assert "http" not in text
    with client.get("/apidocs/start.js") as script:
        assert "../openapi.json" in script.get_data(as_text=True)


def test_swagger_ui_is_current(client: FlaskClient):
    with client.get("/apidocs/assets/swagger-ui-bundle.js") as response:
        assert response.status_code == 200
        assert response.content_type.startswith("text/javascript")
        assert len(response.get_data()) > 1_000_000
    # 3.x renders any document that a link names.
    with client.get("/apidocs/assets/VERSION") as version:
        assert int(version.get_data(as_text=True).split(".")[0].lstrip("v")) >= 5


@pytest.mark.parametrize("environ", [{}, {"SCRIPT_NAME": "/dev"}])
def test_the_page_is_found_without_its_slash_behind_any_prefix(client: FlaskClient, environ: dict):
    response = client.get("/apidocs", environ_overrides=environ)
    assert response.status_code == 308
    assert response.headers["Location"] == "apidocs/"


def test_the_document_names_its_server_relative_to_itself(document: dict):
    assert document["servers"] == [{"url": "./"}]


@pytest.mark.parametrize(("hops", "seen"), [(0, "/predict"), (1, "/dev/predict")])
def test_a_forwarded_prefix_counts_only_from_a_trusted_proxy(predictor: Predictor, hops: int, seen: str):
    client = create_app(Settings(proxy_hops=hops), predictor).test_client()
    response = client.get("/predict", headers={"X-Forwarded-Prefix": "/dev"})
    assert response.get_json()["instance"] == seen
    assert client.get("/apidocs/", headers={"X-Forwarded-Prefix": "/dev"}).status_code == 200


def test_the_document_says_what_keys_and_limits_ask_of_a_caller(predictor: Predictor, document: dict):
    settings = Settings.from_environment({"TAXI_API_KEYS": "0" * 64, "TAXI_RATE_LIMIT": "9/minute"})
    closed = create_app(settings, predictor)
    client = closed.test_client()
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    validate(answer.get_json())
    key = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    assert answer.get_json()["components"]["securitySchemes"] == {"ApiKey": key}

    predict, health = (answer.get_json()["paths"][path] for path in ("/predict", "/health"))
    assert predict["post"]["security"] == [{"ApiKey": []}]
    assert {"401", "429"} <= set(predict["post"]["responses"])
    limit = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
    assert limit <= set(predict["post"]["responses"]["200"]["headers"])
    assert set(predict["post"]["responses"]["429"]["headers"]) == limit | {"Retry-After", "X-Request-ID"}
    assert "security" not in health["get"]
    assert not {"401", "429"} & set(health["get"]["responses"])

    # A service that asks for neither does not speak of them.
    assert "securitySchemes" not in document["components"]
    assert not {"401", "429"} & set(document["paths"]["/predict"]["post"]["responses"])
