"""Events as AWS documents them for each sender, in tests/events, and whatever else may come."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from taxi_api.app import create_app
from taxi_api.lambda_events import EventError, answer_event, request_event
from taxi_api.lambda_wsgi import Handler, make_handler
from taxi_api.model.predictor import Predictor
from taxi_api.settings import Settings

EVENTS = {path.stem: json.loads(path.read_text()) for path in (Path(__file__).parent / "events").glob("*.json")}
TRIP = b'{"PULocationID": 1, "DOLocationID": 2, "trip_distance": 5.0}'
PREDICTIONS = [name for name in EVENTS if "predict" in name or "base64_body" in name or name == "alb_multi_value"]


def make_app(predictor: Predictor, *cors_origins: str) -> Flask:
    settings = Settings(lambda_function="taxi-prediction-dev", log_level="ERROR", cors_origins=cors_origins)
    return create_app(settings, predictor)


@pytest.fixture(scope="module")
def in_lambda(predictor: Predictor) -> Flask:
    return make_app(predictor, "https://app.example.com")


@pytest.fixture(scope="module", params=["through Flask", "fast path"])
def handler(request: pytest.FixtureRequest, in_lambda: Flask, predictor: Predictor) -> Handler:
    # Pages of other origins are answered by Flask alone.
    return make_handler(in_lambda if request.param == "through Flask" else make_app(predictor))


def headers(answer: dict) -> dict[str, str]:
    """Return the headers of an answer, which must have its body as text or in base64, by lower-case name."""
    assert isinstance(answer["statusCode"], int)
    assert isinstance(answer["body"], str)
    assert isinstance(answer["isBase64Encoded"], bool)
    assert ("headers" in answer) != ("multiValueHeaders" in answer)
    if "headers" in answer:
        assert all(isinstance(value, str) for value in answer["headers"].values())
        return {name.lower(): value for name, value in answer["headers"].items()}
    assert all(isinstance(value, list) for value in answer["multiValueHeaders"].values())
    return {name.lower(): ", ".join(values) for name, values in answer["multiValueHeaders"].items()}


def read(answer: dict) -> Any:
    assert not answer["isBase64Encoded"], "JSON is text"
    return json.loads(answer["body"])


@pytest.mark.parametrize("name", ["minimal", "rest_health", "rest_console_test", "http_stage_health"])
def test_health_is_answered(handler: Handler, name: str):
    answer = handler(EVENTS[name], None)
    assert answer["statusCode"] == 200
    assert read(answer) == {"status": "alive"}
    assert headers(answer)["content-type"] == "application/json"


@pytest.mark.parametrize("name", PREDICTIONS)
def test_a_trip_is_predicted(handler: Handler, name: str):
    answer = handler(EVENTS[name], None)
    found = read(answer)
    assert answer["statusCode"] == 200, found
    assert found["interval"]["lower"] < found["duration"] < found["interval"]["upper"]


@pytest.mark.parametrize("name", [name for name in EVENTS if name.startswith(("rest", "http", "function", "alb"))])
def test_an_answer_has_the_form_that_its_sender_expects(handler: Handler, name: str):
    event = EVENTS[name]
    answer = handler(event, None)
    assert ("multiValueHeaders" in answer) == bool(event.get("multiValueHeaders"))
    assert ("cookies" in answer) == ("routeKey" in event)
    assert ("statusDescription" in answer) == name.startswith("alb")
    assert answer.get("statusDescription", "200 OK") == "200 OK"
    assert headers(answer)["x-request-id"]


def test_the_callers_request_id_comes_back(handler: Handler):
    assert headers(handler(EVENTS["rest_predict"], None))["x-request-id"] == "from-the-caller"


@pytest.mark.parametrize("name", ["rest_proxy_query", "alb_query"])
def test_a_query_arrives_decoded_once(handler: Handler, name: str):
    assert read(handler(EVENTS[name], None))["pickup_datetime"] == "2024-09-18T08:30:00-04:00"


def test_a_query_of_an_http_api_arrives(handler: Handler):
    (zone,) = read(handler(EVENTS["http_query_cookies"], None))["zones"]
    assert zone["name"] == "JFK Airport"


def test_a_preflight_is_answered(predictor: Predictor):
    answer = make_handler(make_app(predictor, "https://app.example.com"))(EVENTS["rest_preflight"], None)
    assert answer["statusCode"] == 200
    assert headers(answer)["access-control-allow-origin"] == "https://app.example.com"
    assert "POST" in headers(answer)["access-control-allow-methods"]


def test_all_values_of_a_repeated_header_count(handler: Handler):
    answer = handler(EVENTS["rest_repeated_headers"], None)
    assert headers(answer)["content-type"] == "application/geo+json"
    assert read(answer)["type"] == "Feature"


@pytest.mark.parametrize("name", ["http_stage_route", "http_custom_domain"])
def test_what_is_in_front_of_the_route_is_not_the_services(handler: Handler, name: str):
    assert read(handler(EVENTS[name], None))["id"] == 1


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("rest_health", "/dev"),
        ("rest_proxy_query", "/dev"),
        ("rest_custom_domain", "/taxi"),
        ("rest_console_test", ""),
        ("http_stage_health", "/dev"),
        ("http_stage_route", "/dev"),
        ("http_custom_domain", "/taxi"),
        ("http_default_predict", ""),
        ("function_url_base64_body", ""),
        ("alb_query", ""),
        ("minimal", ""),
    ],
)
def test_the_prefix_is_the_public_path_in_front(name: str, prefix: str):
    assert request_event(EVENTS[name])["prefix"] == prefix


def test_an_error_is_a_problem_in_text(handler: Handler):
    answer = handler(EVENTS["rest_not_found"], None)
    assert answer["statusCode"] == 404
    assert headers(answer)["content-type"] == "application/problem+json"
    assert read(answer)["instance"] == "/dev/nowhere"


@pytest.mark.parametrize(
    "name", [name for name in EVENTS if name not in {"minimal", "scheduled", "s3", "rest_console_test"}]
)
def test_the_client_is_the_one_that_the_sender_names(name: str):
    assert request_event(EVENTS[name])["requestContext"]["identity"]["sourceIp"] == "203.0.113.7"


@pytest.mark.parametrize("source", ["aws.events", "aws.scheduler", "serverless-plugin-warmup"])
def test_a_warm_up_asks_for_nothing(handler: Handler, source: str):
    assert handler(EVENTS["scheduled"] | {"source": source}, None) == {}


@pytest.mark.parametrize(
    ("event", "detail"),
    [
        (EVENTS["s3"], "has no method"),
        ({}, "has no method"),
        (None, "NoneType"),
        (["GET", "/health"], "list"),
        ({"httpMethod": 7, "path": "/health"}, "has no method"),
        ({"httpMethod": "GET", "path": ["health"]}, "its path is not a text"),
        ({"httpMethod": "POST", "path": "/predict", "body": {"PULocationID": 1}}, "body is not a text"),
        ({"httpMethod": "POST", "path": "/predict", "body": "***a", "isBase64Encoded": True}, "base64, but it is not"),
    ],
)
def test_what_is_no_request_is_refused_and_told_why(handler: Handler, event: Any, detail: str):
    answer = handler(event, None)
    assert answer["statusCode"] == 400
    assert headers(answer)["content-type"] == "application/problem+json"
    assert detail in read(answer)["detail"]


@pytest.mark.parametrize("name", ["rest_health", "http_stage_health", "http_default_apidocs", "rest_custom_domain"])
def test_swagger_ui_and_all_its_files_load(handler: Handler, name: str):
    """Follow the page's own relative links as a browser does."""
    event = EVENTS[name]
    redirect = handler(_with_path(event, "/apidocs"), None)
    assert redirect["statusCode"] == 308
    assert headers(redirect)["location"] == "apidocs/"
    page = handler(_with_path(event, "/apidocs/"), None)
    assert page["statusCode"] == 200
    files = set(_linked(page["body"]))
    assert {file.rpartition(".")[2] for file in files} >= {"js", "css"}
    for file in files:
        answer = handler(_with_path(event, f"/apidocs/{file.removeprefix('./')}"), None)
        assert answer["statusCode"] == 200, file
        content = answer["body"].encode()
        assert answer["isBase64Encoded"] == file.endswith(".png")
        assert base64.b64decode(content) if answer["isBase64Encoded"] else content
    document = handler(_with_path(event, "/openapi.json"), None)
    assert read(document)["servers"] == [{"url": "./"}]


def _linked(page: str) -> list[str]:
    return [part.split('"')[0] for mark in ('src="', 'href="') for part in page.split(mark)[1:]]


def _with_path(event: dict, path: str) -> dict:
    """Return the event for another path at the same public address."""
    own = request_event(event)
    if "rawPath" in event:
        parameters = {"pathParameters": {"proxy": path[1:]}} if "pathParameters" in event else {}
        return event | {"rawPath": own["prefix"] + path} | parameters
    before = event["path"].removesuffix(own["path"])
    public = event["requestContext"] | {"path": own["prefix"] + path}
    parameters = {"resource": "/{proxy+}", "pathParameters": {"proxy": path[1:].rstrip("/")}}
    return event | parameters | {"path": before + path, "requestContext": public}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PARTS = {
    name: JSON | given_values
    for name, given_values in {
        "version": st.just("2.0"),
        "httpMethod": st.sampled_from(["GET", "POST", "OPTIONS", "BREW"]),
        "path": st.sampled_from(["/health", "/predict", "health", "/dev/health", "//x"]),
        "rawPath": st.sampled_from(["/health", "/dev/health", "/%00"]),
        "resource": st.sampled_from(["/{proxy+}", "/health"]),
        "routeKey": st.sampled_from(["$default", "ANY /{proxy+}"]),
        "pathParameters": st.fixed_dictionaries({"proxy": JSON}),
        "headers": st.dictionaries(st.sampled_from(["Host", "Content-Type", "Cookie", "é"]), JSON),
        "multiValueHeaders": st.dictionaries(st.sampled_from(["Host", "Accept"]), st.lists(JSON, max_size=2)),
        "queryStringParameters": st.dictionaries(st.text(max_size=3), JSON, max_size=2),
        "multiValueQueryStringParameters": st.dictionaries(st.text(max_size=3), st.lists(JSON, max_size=2), max_size=2),
        "rawQueryString": st.text(max_size=9),
        "cookies": st.lists(JSON, max_size=2),
        "body": st.sampled_from([TRIP.decode(), base64.b64encode(TRIP).decode(), "{"]),
        "isBase64Encoded": st.booleans(),
        "requestContext": st.fixed_dictionaries(
            {},
            optional={
                "elb": JSON,
                "identity": JSON,
                "stage": st.just("dev") | JSON,
                "path": st.just("/dev/health") | JSON,
                "http": st.fixed_dictionaries({}, optional={"method": JSON | st.just("GET"), "path": JSON}),
            },
        ),
    }.items()
}


@given(event=st.fixed_dictionaries({}, optional=PARTS) | JSON)
def test_every_event_gets_an_answer_and_none_an_error_of_the_service(handler: Handler, event: Any):
    answer = handler(event, None)
    assert answer == {} or (headers(answer) and answer["statusCode"] < 500)


@given(path=st.text(st.characters(exclude_characters="?#", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12))
def test_prefix_and_path_are_the_public_path(path: str):
    path = "/" + path.strip("/")
    event = EVENTS["rest_proxy_query"]
    public = event["requestContext"] | {"path": f"/dev{path}"}
    found = request_event(event | {"path": path, "pathParameters": {"proxy": path[1:]}, "requestContext": public})
    assert (found["prefix"], found["path"]) == ("/dev", path)


def test_cookies_of_an_answer_to_an_http_api_have_their_own_place():
    answer = {"statusCode": 200, "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"], "Vary": ["Accept", "Origin"]}}
    shaped = answer_event(EVENTS["http_default_predict"], answer)
    assert shaped["cookies"] == ["a=1", "b=2"]
    assert shaped["headers"] == {"Vary": "Accept, Origin"}


def test_an_event_error_is_a_value_error():
    with pytest.raises(EventError):
        request_event({"httpMethod": "GET", "path": 1})


@pytest.mark.parametrize(
    "more",
    [
        {"source": []},
        {"source": {}},
        {"path": "/\ud800"},
        {"queryStringParameters": {"a": "\udfff"}, "multiValueQueryStringParameters": None},
        {"queryStringParameters": {"\udfff": "a", "b": 2**70}, "multiValueQueryStringParameters": None},
        {"headers": {"X-Request-ID": "\ud800"}, "multiValueHeaders": None},
        {"headers": {"X-Request-ID": "a\r\nb"}, "multiValueHeaders": None},
        {"body": "\ud800"},
    ],
)
def test_an_event_with_what_no_request_has_is_no_failure(handler: Handler, more: dict[str, Any]):
    answer = handler(EVENTS["rest_predict"] | more, None)
    assert answer["statusCode"] in {200, 400}
    json.dumps(answer).encode()
