"""What docs/DEPLOYMENT.md tells to type can be typed: it parses, and what it names exists."""

import re
import subprocess
from pathlib import Path

import boto3
import pytest
import yaml

from tests.servers import ROOT

GUIDE = (ROOT / "docs" / "DEPLOYMENT.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in re.sub(r"\\\n\s*", " ", block).splitlines()]
# Commands of the CLI's own making, which are no call of a service.
OWN = {("cloudformation", "deploy"), ("ecr", "get-login-password"), ("lambda", "wait")}


@pytest.mark.parametrize("block", BLOCKS)
def test_shell_blocks_parse(block: str):
    typed = re.sub(r"<[a-z0-9-]+>", "x", block)
    done = subprocess.run(["bash", "-n"], input=typed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def aws_commands() -> list[tuple[str, str, list[str]]]:
    found = []
    for line in COMMANDS:
        for service, command, rest in re.findall(r"\baws ([a-z0-9]+) ([a-z0-9-]+)([^|)]*)", line):
            found.append((service, command, re.findall(r"\s--([a-z-]+)", rest)))
    return found


@pytest.mark.parametrize(("service", "command", "options"), aws_commands())
def test_aws_commands_and_their_options_exist(service: str, command: str, options: list[str]):
    if (service, command) in OWN:
        return
    client = boto3.client(service, region_name="us-east-1")
    names = {re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower(): name for name in client.meta.service_model.operation_names}
    squeezed = {name.replace("-", ""): original for name, original in names.items()}
    operation = client.meta.service_model.operation_model(squeezed[command.replace("-", "")])
    known = {
        member.replace("-", "").lower() for member in (operation.input_shape.members if operation.input_shape else {})
    }
    for option in set(options) - {"query", "output", "region", "payload"}:
        # API Gateway's model says httpMethod where the command says --http-method.
        assert option.replace("-", "") in known, f"aws {service} {command} --{option}"


def test_files_that_are_named_exist():
    named = set(re.findall(r"\]\(\.\./([\w./-]+)", GUIDE))
    for block in BLOCKS:
        named |= set(re.findall(r"(?:file://|\s|^)(deploy/[\w./-]+|Dockerfile[\w.]*|\.env\.example)", block))
    made = {"deploy/nginx/tls/htpasswd"}
    assert named
    for name in named - made:
        assert (ROOT / name).exists(), name


def test_profiles_targets_and_workflows_that_are_named_exist():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    profiles = {profile for service in compose["services"].values() for profile in service.get("profiles", [])}
    assert set(re.findall(r"--profile ([a-z-]+)", GUIDE)) <= profiles
    makefiles = (ROOT / "Makefile").read_text() + (ROOT / "deploy" / "deploy.mk").read_text()
    targets = set(re.findall(r"^([a-z0-9-]+):", makefiles, re.MULTILINE))
    for line in re.findall(r"`make ([a-z0-9 -]+)", GUIDE):
        assert set(line.split()) <= targets, line
    for workflow in re.findall(r"`([a-z]+\.yml)`", GUIDE):
        assert (ROOT / ".github" / "workflows" / workflow).is_file()


def test_the_set_up_names_every_secret_and_variable_of_the_workflows():
    text = "".join(path.read_text() for path in Path(ROOT / ".github" / "workflows").glob("*.yml"))
    asked = set(re.findall(r"(?:secrets|vars)\.([A-Z0-9_]+)", text)) - {"EC2_IP"}
    assert {name for name in asked if name not in GUIDE} == set()
