"""Clients of AWS, and what its errors mean."""

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# Throttled calls are tried again, slower each time.
_CONFIG = Config(retries={"mode": "adaptive", "max_attempts": 8}, connect_timeout=10, read_timeout=60)


class DeployError(Exception):
    """A step that did not work; the message says which, why, and what to do."""


def client(service: str) -> Any:
    """Return a client for a service in the region of the environment."""
    try:
        return boto3.client(service, config=_CONFIG)
    except BotoCoreError as problem:
        raise DeployError(f"AWS cannot be used: {problem}; set AWS_REGION, or run: aws configure") from problem


def code(problem: ClientError) -> str:
    """Return AWS's name for an error."""
    return str(problem.response.get("Error", {}).get("Code", ""))


def account() -> str:
    """Return the number of the account."""
    return str(client("sts").get_caller_identity()["Account"])


def explain(problem: Exception) -> str:
    """Return a sentence for an error of AWS's library."""
    if isinstance(problem, ClientError):
        name, doing = code(problem), problem.operation_name
        message = str(problem.response.get("Error", {}).get("Message", ""))
        if "AccessDenied" in name or "Unauthorized" in name:
            return f"not allowed to call {doing}: {message}; see deploy/iam for what a role needs"
        return f"{doing} failed, {name}: {message}"
    return str(problem)
