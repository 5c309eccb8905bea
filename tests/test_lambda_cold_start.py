"""The handler as Lambda runs it: AWS's runtime client in a fresh process, which loads no more than a request needs."""

import json
import subprocess
import sys
from pathlib import Path

import awslambdaric  # noqa: F401 - where it is not installed, this file is left out
import pytest

from tests.lambda_runtime import environment

ROOT = Path(__file__).parents[1]
EVENTS = Path(__file__).parent / "events"
HANDLER = "taxi_api.lambda_handler.handler"

# Every package that a cold start may load, besides the standard library: each costs every user of a new environment.
BUDGET = {
    *("taxi_api", "flask", "werkzeug", "jinja2", "markupsafe", "click", "blinker", "itsdangerous", "flask_cors"),
    *("marshmallow", "numpy", "orjson", "serverless_wsgi"),
}
# Parts of the standard library that take long, and of numpy.
TOO_DEAR = {"asyncio", "logging.config", "multiprocessing", "numpy.ma", "sqlite3", "unittest", "urllib.request"}


def test_events_are_answered_by_aws_own_client():
    with environment(HANDLER, LOG_LEVEL="INFO", APP_ENV="production") as started:
        answers = {}
        for name in ("minimal", "rest_predict", "http_default_predict", "alb_multi_value", "s3"):
            answers[name] = started.invoke(json.loads((EVENTS / f"{name}.json").read_text()))
        assert {name: answer["statusCode"] for name, answer in answers.items()} == {
            "minimal": 200,
            "rest_predict": 200,
            "http_default_predict": 200,
            "alb_multi_value": 200,
            "s3": 400,
        }
        assert json.loads(answers["rest_predict"]["body"])["duration"] > 0
    log = [json.loads(line) for line in started.output.splitlines() if line.startswith("{")]
    requests = [line for line in log if line.get("logger") == "taxi_api.requests"]
    assert len(requests) == 4  # a probe is not worth a line
    assert {line["aws_request_id"] for line in requests} == {"8476a536-e9f4-11e8-9739-2dfe598c3fcd"}
    assert sum("_aws" in line for line in log) >= 5


def test_a_start_that_fails_says_why():
    with pytest.raises(RuntimeError, match="LOG_LEVEL='loud' is not usable"), environment(HANDLER, LOG_LEVEL="loud"):
        pass


def test_a_cold_start_loads_only_what_a_request_needs():
    code = (
        "import json, sys\n"
        "from taxi_api.lambda_handler import handler\n"
        f"event = json.load(open({str(EVENTS / 'rest_predict.json')!r}))\n"
        "assert handler(event, None)['statusCode'] == 200\n"
        "print('\\n'.join(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"AWS_LAMBDA_FUNCTION_NAME": "taxi-prediction-dev", "LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line for line in run.stdout.splitlines() if line.replace("_", "").replace(".", "").isalnum()}
    packages = {name.split(".")[0] for name in loaded}
    foreign = {name for name in packages if name not in sys.stdlib_module_names and not name.startswith("_")}
    assert foreign <= BUDGET
    assert not loaded & TOO_DEAR
