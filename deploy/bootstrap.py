"""The command ``bootstrap``: what an account needs once, before anything can be deployed."""

import json
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from deploy.aws import account, client, code
from deploy.names import CLOUDFORMATION_ROLE, ENVIRONMENTS, GITHUB_ROLE, repository
from deploy.plan import Plan

_IAM = Path(__file__).parent / "iam"
_ISSUER = "token.actions.githubusercontent.com"
_LIFECYCLE = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "the newest twenty stay, to go back to",
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 20},
            "action": {"type": "expire"},
        }
    ]
}


def bootstrap(plan: Plan, github: str) -> None:
    """Make repositories for images, CloudFormation's role, and for ``github`` (owner/repository) a role by OIDC.

    What is there already is brought to the same state.
    """
    for environment in ENVIRONMENTS:
        name = repository(environment)
        plan.step(f"ECR repository {name}: scanned on push, tags that stay, twenty images", _repository, name)
    trust = json.loads((_IAM / "cloudformation-trust.json").read_text())
    plan.step(f"role {CLOUDFORMATION_ROLE}", _role, CLOUDFORMATION_ROLE, trust, "cloudformation.json")
    if github:
        plan.step(f"OIDC provider {_ISSUER}", _provider)
        plan.step(
            f"role {GITHUB_ROLE} for {github}", lambda: _role(GITHUB_ROLE, _github_trust(github), "github-actions.json")
        )


def _repository(name: str) -> None:
    ecr = client("ecr")
    try:
        ecr.create_repository(
            repositoryName=name,
            imageTagMutability="IMMUTABLE",
            imageScanningConfiguration={"scanOnPush": True},
            encryptionConfiguration={"encryptionType": "AES256"},
        )
    except ClientError as problem:
        if code(problem) != "RepositoryAlreadyExistsException":
            raise
        ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability="IMMUTABLE")
        ecr.put_image_scanning_configuration(repositoryName=name, imageScanningConfiguration={"scanOnPush": True})
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=json.dumps(_LIFECYCLE))


def _provider() -> None:
    try:
        client("iam").create_open_id_connect_provider(Url=f"https://{_ISSUER}", ClientIDList=["sts.amazonaws.com"])
    except ClientError as problem:
        if code(problem) != "EntityAlreadyExists":
            raise


def _role(name: str, trust: dict[str, Any], policy: str) -> None:
    iam, document = client("iam"), json.dumps(trust)
    try:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    except ClientError as problem:
        if code(problem) != "EntityAlreadyExists":
            raise
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=document)
    iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=(_IAM / policy).read_text())


def _github_trust(github: str) -> dict[str, Any]:
    provider = f"arn:aws:iam::{account()}:oidc-provider/{_ISSUER}"
    # Jobs of the two protected environments alone, whatever the branch.
    subjects = [f"repo:{github}:environment:{environment}" for environment in ENVIRONMENTS]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": provider},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {f"{_ISSUER}:aud": "sts.amazonaws.com", f"{_ISSUER}:sub": subjects}},
            }
        ],
    }
