"""The commands ``up``, ``status``, ``url``, ``rollback`` and ``down``: one CloudFormation stack an environment."""

import time
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from deploy.aws import DeployError, account, client, code
from deploy.names import CLOUDFORMATION_ROLE, stack
from deploy.plan import Plan

TEMPLATE = Path(__file__).parent / "template.yaml"
_IMAGE, _PREVIOUS = "ImageUri", "PreviousImageUri"
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
# What is left of a stack whose creation failed: it can only be deleted.
_STILLBORN = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "REVIEW_IN_PROGRESS", "DELETE_FAILED"}
_NOTHING_TO_DO = ("no updates are to be performed", "didn't contain changes")
_WAIT = {"Delay": 10, "MaxAttempts": 240}


def up(plan: Plan, environment: str, image: str, settings: dict[str, str], template: Path = TEMPLATE) -> None:
    """Bring an environment to an image, and to settings (the template's parameters) where they are given.

    Raises DeployError if the stack is being changed by somebody else, or if it went back to what it was.
    """
    name, cloud = stack(environment), client("cloudformation")
    now = _find(cloud, name)
    status = now["StackStatus"] if now else ""
    if status.endswith("_IN_PROGRESS") and status not in _STILLBORN:
        raise DeployError(f"{name} is being changed ({status}); wait until that is over, then try again")
    if now and status in _STILLBORN:
        plan.step(f"remove what is left of {name} ({status})", _delete, cloud, name)
        now = None
    before = _parameters(now).get(_IMAGE, "") if now else ""
    previous = _parameters(now).get(_PREVIOUS, "") if before == image and now else before
    given = settings | {"Environment": environment, _IMAGE: image, _PREVIOUS: previous}
    what = f"update {name} from {before}" if now else f"create {name}"
    plan.step(f"{what} to {image}", _change, cloud, name, given, now, template)


def rollback(plan: Plan, environment: str, template: Path = TEMPLATE) -> None:
    """Bring an environment back to the image before the last; raise DeployError if there has been none."""
    now = _find(client("cloudformation"), stack(environment))
    previous = _parameters(now).get(_PREVIOUS) if now else None
    if not previous:
        raise DeployError(f"{stack(environment)} has run no other image; there is nothing to go back to")
    up(plan, environment, previous, {}, template)


def down(plan: Plan, environment: str) -> None:
    """Remove an environment, if it is there; images and logs in other stacks stay."""
    name, cloud = stack(environment), client("cloudformation")
    if _find(cloud, name) is None:
        plan.say(f"{name} does not exist")
        return
    plan.step(f"delete {name}", _delete, cloud, name)


def status(environment: str) -> dict[str, str]:
    """Return the state, the images and the address of an environment; raise DeployError if there is none."""
    now = _find(client("cloudformation"), stack(environment))
    if now is None:
        raise DeployError(f"{stack(environment)} does not exist; create it with: python -m deploy up")
    outputs = {item["OutputKey"]: item["OutputValue"] for item in now.get("Outputs", [])}
    parameters = _parameters(now)
    return {
        "stack": now["StackName"],
        "status": now["StackStatus"],
        "image": parameters.get(_IMAGE, ""),
        "previous image": parameters.get(_PREVIOUS, ""),
        "url": outputs.get("Url", ""),
    }


def _find(cloud: Any, name: str) -> dict[str, Any] | None:
    try:
        (found,) = cloud.describe_stacks(StackName=name)["Stacks"]
    except ClientError as problem:
        if code(problem) == "ValidationError" and "does not exist" in str(problem):
            return None
        raise
    return dict(found)


def _parameters(now: dict[str, Any]) -> dict[str, str]:
    return {item["ParameterKey"]: item.get("ParameterValue", "") for item in now.get("Parameters", [])}


def _change(cloud: Any, name: str, given: dict[str, str], now: dict[str, Any] | None, template: Path) -> None:
    text = template.read_text()
    parameters: list[dict[str, Any]] = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
    if now:
        declared = {item["ParameterKey"] for item in cloud.get_template_summary(TemplateBody=text)["Parameters"]}
        kept = (set(_parameters(now)) & declared) - set(given)
        parameters += [{"ParameterKey": key, "UsePreviousValue": True} for key in sorted(kept)]
    change = f"deploy-{int(time.time())}"
    try:
        _draft(cloud, name, change, text, parameters, update=now is not None)
    except ClientError as problem:
        if _nothing_to_do(str(problem)):
            return
        raise
    try:
        cloud.get_waiter("change_set_create_complete").wait(
            StackName=name, ChangeSetName=change, WaiterConfig={"Delay": 3, "MaxAttempts": 100}
        )
    except WaiterError as problem:
        made = cloud.describe_change_set(StackName=name, ChangeSetName=change)
        reason = str(made.get("StatusReason", ""))
        cloud.delete_change_set(StackName=name, ChangeSetName=change)
        if _nothing_to_do(reason):
            return
        raise DeployError(f"{name} cannot be changed: {reason}") from problem
    cloud.execute_change_set(StackName=name, ChangeSetName=change)
    try:
        cloud.get_waiter("stack_update_complete" if now else "stack_create_complete").wait(
            StackName=name, WaiterConfig=_WAIT
        )
    except WaiterError as problem:
        raise DeployError(f"{name} went back to what it was: {_reasons(cloud, name)}") from problem


def _draft(cloud: Any, name: str, change: str, text: str, parameters: list[dict[str, Any]], *, update: bool) -> None:
    cloud.create_change_set(
        StackName=name,
        ChangeSetName=change,
        ChangeSetType="UPDATE" if update else "CREATE",
        TemplateBody=text,
        Parameters=parameters,
        Capabilities=_CAPABILITIES,
        RoleARN=f"arn:aws:iam::{account()}:role/{CLOUDFORMATION_ROLE}",
        Tags=[{"Key": "project", "Value": "taxi-duration"}],
    )


def _nothing_to_do(reason: str) -> bool:
    return any(words in reason.lower() for words in _NOTHING_TO_DO)


def _reasons(cloud: Any, name: str) -> str:
    events = cloud.describe_stack_events(StackName=name)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
    return (
        "; ".join(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in failed[:5])
        or "see its events in the console"
    )


def _delete(cloud: Any, name: str) -> None:
    cloud.delete_stack(StackName=name)
    try:
        cloud.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=_WAIT)
    except WaiterError as problem:
        raise DeployError(f"{name} could not be deleted: {_reasons(cloud, name)}") from problem
