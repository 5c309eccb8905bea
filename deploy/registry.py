"""The command ``push``: an image that docker has, into ECR, known by its digest from then on."""

import base64
import subprocess
from typing import Any

from botocore.exceptions import ClientError

from deploy.aws import DeployError, client, code
from deploy.names import repository
from deploy.plan import Plan


def push(plan: Plan, environment: str, image: str, tag: str) -> str | None:
    """Push an image under a tag and return ``repository@digest``; a tag that is there already is that image's.

    Returns None in a dry run.
    """
    name = repository(environment)
    found: str | None = plan.step(f"image {image} to {name}:{tag}", _push, name, image, tag)
    return found


def _push(name: str, image: str, tag: str) -> str:
    ecr = client("ecr")
    try:
        (described,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    except ClientError as problem:
        if code(problem) == "RepositoryNotFoundException":
            raise DeployError(f"there is no ECR repository {name}; run: python -m deploy bootstrap") from problem
        raise
    address = str(described["repositoryUri"])
    digest = _digest(ecr, name, tag)
    if digest is None:
        _log_in(ecr)
        _docker("tag", image, f"{address}:{tag}")
        _docker("push", f"{address}:{tag}")
        digest = _digest(ecr, name, tag)
        if digest is None:
            raise DeployError(f"{address}:{tag} was pushed, but ECR does not know it")
    return f"{address}@{digest}"


def _digest(ecr: Any, name: str, tag: str) -> str | None:
    try:
        (found,) = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": tag}])["imageDetails"]
    except ClientError as problem:
        if code(problem) == "ImageNotFoundException":
            return None
        raise
    return str(found["imageDigest"])


def _log_in(ecr: Any) -> None:
    (granted,) = ecr.get_authorization_token()["authorizationData"]
    user, _, password = base64.b64decode(granted["authorizationToken"]).decode().partition(":")
    _docker("login", "--username", user, "--password-stdin", granted["proxyEndpoint"], given=password)


def _docker(*arguments: str, given: str | None = None) -> None:
    try:
        done = subprocess.run(["docker", *arguments], input=given, capture_output=True, text=True, check=False)  # noqa: S603, S607
    except FileNotFoundError as problem:
        raise DeployError("docker is not installed") from problem
    if done.returncode != 0:
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise DeployError(f"docker {arguments[0]} failed: {''.join(reason)}")
