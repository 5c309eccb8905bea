"""``python -m deploy`` against AWS's services as moto plays them, in this process."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError
from moto import mock_aws

from deploy import stack as stacks
from deploy.__main__ import main
from deploy.aws import client
from deploy.smoke import smoke
from tests.servers import ROOT, running

pytestmark = pytest.mark.filterwarnings("ignore")
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
# The parameters that the commands know, and something small to create: moto does not know SAM.
TEMPLATE = """
Parameters:
  Environment: {Type: String}
  ImageUri: {Type: String}
  PreviousImageUri: {Type: String, Default: ""}
  RateLimit: {Type: Number, Default: 100}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref ImageUri}}
"""


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    template = tmp_path / "template.yaml"
    template.write_text(TEMPLATE)
    monkeypatch.setattr(stacks.up, "__defaults__", (template,))
    monkeypatch.setattr(stacks.rollback, "__defaults__", (template,))
    monkeypatch.setattr(stacks, "_WAIT", {"Delay": 0, "MaxAttempts": 3})
    with mock_aws():
        yield


def run(*arguments: str, status: int = 0) -> None:
    assert main([*arguments]) == status


def told(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    capsys.readouterr()
    run(*arguments, status=status)
    shown = capsys.readouterr()
    return shown.out + shown.err


def state() -> dict[str, str]:
    return stacks.status("dev")


def test_bootstrap_makes_what_is_needed_and_may_be_repeated(capsys: pytest.CaptureFixture[str]):
    assert "would do: ECR repository" in told(capsys, "bootstrap", "--dry-run")
    assert boto3.client("ecr").describe_repositories()["repositories"] == []
    # Half of it is there already, in another state.
    boto3.client("ecr").create_repository(repositoryName="taxi-duration-prediction-dev", imageTagMutability="MUTABLE")
    for _ in range(2):
        run("bootstrap", "--github", "someone/taxi")
    repositories = boto3.client("ecr").describe_repositories()["repositories"]
    assert sorted(item["repositoryName"] for item in repositories) == [
        "taxi-duration-prediction-dev",
        "taxi-duration-prediction-prod",
    ]
    assert {item["imageTagMutability"] for item in repositories} == {"IMMUTABLE"}
    assert all(item["imageScanningConfiguration"]["scanOnPush"] for item in repositories)
    role = boto3.client("iam").get_role(RoleName="taxi-prediction-github")["Role"]
    condition = role["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["StringEquals"]
    assert condition["token.actions.githubusercontent.com:sub"] == [
        "repo:someone/taxi:environment:dev",
        "repo:someone/taxi:environment:prod",
    ]


def test_up_rollback_and_down(capsys: pytest.CaptureFixture[str]):
    assert "would do: create taxi-prediction-dev to image:1" in told(
        capsys, "up", "--env", "dev", "--image", "image:1", "--dry-run"
    )
    assert "does not exist" in told(capsys, "status", "--env", "dev", status=1)
    run("up", "--env", "dev", "--image", "image:1", "--set", "RateLimit=7")
    assert "nothing to go back to" in told(capsys, "rollback", "--env", "dev", status=1)
    run("up", "--env", "dev", "--image", "image:2")
    assert (state()["image"], state()["previous image"]) == ("image:2", "image:1")
    # The same again forgets neither the image before nor the setting.
    run("up", "--env", "dev", "--image", "image:2")
    assert (state()["image"], state()["previous image"]) == ("image:2", "image:1")
    (found,) = boto3.client("cloudformation").describe_stacks(StackName="taxi-prediction-dev")["Stacks"]
    assert {"ParameterKey": "RateLimit", "ParameterValue": "7"} in found["Parameters"]
    run("rollback", "--env", "dev")
    assert (state()["image"], state()["previous image"]) == ("image:1", "image:2")
    run("down", "--env", "dev")
    assert "does not exist" in told(capsys, "down", "--env", "dev")


def stack_in(status: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the stack seem to be in a state; return the names of those deleted."""
    deleted: list[str] = []
    found = {"StackName": "taxi-prediction-dev", "StackStatus": status, "Parameters": []}
    monkeypatch.setattr(stacks, "_find", lambda _cloud, _name: found)
    monkeypatch.setattr(stacks, "_delete", lambda _cloud, name: deleted.append(name))
    return deleted


def test_the_address_is_what_the_stack_says(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    found = {"StackName": "taxi-prediction-dev", "StackStatus": "UPDATE_COMPLETE", "Parameters": []}
    found["Outputs"] = [{"OutputKey": "Url", "OutputValue": "https://example.com/dev"}]
    monkeypatch.setattr(stacks, "_find", lambda _cloud, _name: found)
    assert told(capsys, "url", "--env", "dev") == "https://example.com/dev\n"


def test_a_stack_that_somebody_else_changes_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    stack_in("UPDATE_IN_PROGRESS", monkeypatch)
    assert "is being changed" in told(capsys, "up", "--env", "dev", "--image", "image:1", status=1)


def test_what_is_left_of_a_failed_creation_is_removed_first(monkeypatch: pytest.MonkeyPatch):
    deleted = stack_in("ROLLBACK_COMPLETE", monkeypatch)
    run("up", "--env", "dev", "--image", "image:1")
    assert deleted == ["taxi-prediction-dev"]


def test_a_refusal_of_aws_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    class Refusing:
        def describe_stacks(self, **_: Any) -> None:
            error = {"Code": "AccessDenied", "Message": "User: ana is not authorized"}
            raise ClientError({"Error": error}, "DescribeStacks")

    monkeypatch.setattr(stacks, "client", lambda _service: Refusing())
    shown = told(capsys, "status", "--env", "dev", status=1)
    assert "not allowed to call DescribeStacks: User: ana" in shown
    assert "deploy/iam" in shown
    assert "Traceback" not in shown


def test_throttled_calls_are_tried_again():
    retries = client("cloudformation").meta.config.retries
    assert retries["mode"] == "adaptive"
    assert retries["total_max_attempts"] >= 8


def test_an_image_is_pushed_once_and_known_by_its_digest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    shown = told(capsys, "push", "--env", "dev", "--image", "candidate", "--tag", "c0ffee", status=1)
    assert "python -m deploy bootstrap" in shown
    run("bootstrap")
    calls: list[tuple[str, ...]] = []

    def docker(*arguments: str, given: str | None = None) -> None:
        calls.append(arguments)
        assert (given is not None) == (arguments[0] == "login")
        if arguments[0] == "push":
            manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "layers": []})
            boto3.client("ecr").put_image(
                repositoryName="taxi-duration-prediction-dev", imageManifest=manifest, imageTag="c0ffee"
            )

    monkeypatch.setattr("deploy.registry._docker", docker)
    first = told(capsys, "push", "--env", "dev", "--image", "candidate", "--tag", "c0ffee").splitlines()[0]
    assert "/taxi-duration-prediction-dev@sha256:" in first
    assert [call[0] for call in calls] == ["login", "tag", "push"]
    # A tag that is there keeps its image: nothing is pushed again.
    assert first in told(capsys, "push", "--env", "dev", "--image", "candidate", "--tag", "c0ffee")
    assert len(calls) == 3


def test_logs_come_in_their_order_and_a_missing_group_is_named(capsys: pytest.CaptureFixture[str]):
    assert "no log group /aws/lambda/taxi-prediction-dev" in told(capsys, "logs", "--env", "dev", status=1)
    writer = boto3.client("logs")
    name = "/aws/lambda/taxi-prediction-dev"
    writer.create_log_group(logGroupName=name)
    writer.create_log_stream(logGroupName=name, logStreamName="one")
    now = int(time.time() * 1000)
    events = [{"timestamp": now + place, "message": text} for place, text in enumerate(("first", "second"))]
    writer.put_log_events(logGroupName=name, logStreamName="one", logEvents=events)
    assert told(capsys, "logs", "--env", "dev") == "first\nsecond\n"


def test_smoke_tells_a_service_that_answers_from_one_that_does_not(capsys: pytest.CaptureFixture[str]):
    with running(LOG_LEVEL="WARNING") as server:
        lines = smoke(server.url)
        assert any("minutes, says model" in line for line in lines)
        assert "answers 404" in told(capsys, "smoke", "--url", f"{server.url}/elsewhere", status=1)
    assert "does not answer" in told(capsys, "smoke", "--url", server.url, status=1)
    assert "is no address" in told(capsys, "smoke", "--url", "example.com", status=1)


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as nothing."""


Loader.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


def test_the_template_keeps_what_the_guide_asks_for():
    template = yaml.load((ROOT / "deploy" / "template.yaml").read_text(), Loader)  # noqa: S506 - a safe loader
    settings = template["Mappings"]["Settings"]
    assert (settings["dev"]["Memory"], settings["dev"]["LogLevel"]) == (1024, "DEBUG")
    assert (settings["prod"]["Memory"], settings["prod"]["LogLevel"]) == (2048, "INFO")
    assert settings["dev"]["ApiName"] == "Taxi Prediction API - Dev"
    function = template["Resources"]["Function"]["Properties"]
    # API Gateway gives up after 29 seconds.
    assert function["Timeout"] < 29
    assert function["AutoPublishAlias"] == "live"
    assert settings["prod"]["Deployment"] == "Canary10Percent5Minutes"


@pytest.mark.parametrize("path", sorted((ROOT / "deploy" / "iam").glob("*.json")), ids=lambda path: path.name)
def test_every_action_that_a_policy_names_exists(path: Path):
    statements = json.loads(path.read_text())["Statement"]
    for statement in statements:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        for action in actions:
            service, _, name = action.partition(":")
            if service == "apigateway":
                assert name in {"DELETE", "GET", "PATCH", "POST", "PUT", "SetWebACL"}
            elif name != "*" and action not in OTHER_ACTIONS:
                api = {"cloudwatch": "cloudwatch", "budgets": "budgets"}.get(service, service)
                assert name in boto3.client(api).meta.service_model.operation_names, action
        if "*" in (statement.get("Resource"), *actions):
            assert statement.get("Resource") != "*" or "*" not in actions


# Permissions that are not the names of calls, as AWS's service authorization reference lists them.
OTHER_ACTIONS = {
    "budgets:ModifyBudget",
    "budgets:ViewBudget",
    "iam:PassRole",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
}
