"""The command ``logs``: what an environment's function wrote lately."""

import time
from collections.abc import Iterator

from botocore.exceptions import ClientError

from deploy.aws import DeployError, client, code
from deploy.names import stack


def logs(environment: str, minutes: int, words: str) -> Iterator[str]:
    """Yield the lines of the last minutes, oldest first, that match a filter pattern of CloudWatch; empty for all."""
    group = f"/aws/lambda/{stack(environment)}"
    pages = client("logs").get_paginator("filter_log_events")
    try:
        for page in pages.paginate(
            logGroupName=group, startTime=int((time.time() - minutes * 60) * 1000), filterPattern=words
        ):
            yield from (event["message"].rstrip("\n") for event in page["events"])
    except ClientError as problem:
        if code(problem) == "ResourceNotFoundException":
            raise DeployError(f"there is no log group {group}; is {stack(environment)} up?") from problem
        raise
