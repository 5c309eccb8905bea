"""The commands that docs/DEPLOYMENT.md tells to type, typed: AWS's own CLI against AWS's services on this machine."""

import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.servers import ROOT, free_port, wait_until

GUIDE = (ROOT / "docs" / "DEPLOYMENT.md").read_text()
(SECTION,) = re.findall(r"^## By hand\n(.*?)^## ", GUIDE, re.DOTALL | re.MULTILINE)
BLOCKS = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
# There is no registry here: to push is to make the manifest known.
DOCKER = """#!/bin/sh
test "$1" = push || { test "$1" != login || cat > /dev/null; exit 0; }
repository=${2#*/}
aws ecr put-image --repository-name "${repository%:*}" --image-tag "${repository##*:}" --image-manifest '{
  "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
  "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 1, "digest": "sha256:DIGEST"},
  "layers": []}' > /dev/null
"""


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Run AWS's services, as far as they are needed; yield the environment in which commands meet them."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def answers() -> bool:
        try:
            # Functions are kept, not run.
            setting = urllib.request.Request(f"{url}/moto-api/config", b'{"lambda": {"use_docker": false}}')
            with urllib.request.urlopen(setting, timeout=5):
                return True
        except OSError:
            return False

    try:
        wait_until(answers, seconds=30)
        programs = tmp_path / "bin"
        programs.mkdir()
        (programs / "docker").write_text(DOCKER.replace("DIGEST", "0" * 64))
        (programs / "aws").write_text(f'#!/bin/sh\nexec {sys.executable} -W ignore -m awscli "$@"\n')
        for program in programs.iterdir():
            program.chmod(0o755)
        yield {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "PATH": f"{programs}:{os.environ['PATH']}",
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    finally:
        server.terminate()
        server.wait(10)


def test_the_manual_way_can_be_gone_from_its_first_command_to_its_last(aws: dict[str, str], tmp_path: Path):
    assert len(BLOCKS) == 3
    script = "set -euxo pipefail\n" + "\n".join(BLOCKS).replace("event.json", f"{tmp_path}/event.json").replace(
        "response.json", f"{tmp_path}/response.json"
    )
    typed = subprocess.run(["bash"], input=script, cwd=ROOT, env=aws, capture_output=True, text=True, check=False)
    assert typed.returncode == 0, typed.stderr[-2000:]

    def client(service: str) -> Any:
        session = boto3.Session(aws["AWS_ACCESS_KEY_ID"], aws["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1")
        return session.client(service, endpoint_url=aws["AWS_ENDPOINT_URL"])

    function = client("lambda").get_function(FunctionName="taxi-prediction-dev")
    assert function["Configuration"]["MemorySize"] == 2048
    assert function["Configuration"]["Timeout"] == 28
    assert function["Configuration"]["Role"].endswith(":role/lambda-execution-role")
    assert "/taxi-duration-prediction-dev" in function["Code"]["ImageUri"]
    policy = client("iam").get_role_policy(RoleName="lambda-execution-role", PolicyName="lambda-custom-policy")
    assert policy["PolicyDocument"]["Statement"]
    (api,) = client("apigateway").get_rest_apis()["items"]
    assert api["name"] == "Taxi Prediction API - Dev"
    (stage,) = client("apigateway").get_stages(restApiId=api["id"])["item"]
    assert stage["stageName"] == "dev"
