"""What things are called, in one place."""

ENVIRONMENTS = ("dev", "prod")
GITHUB_ROLE = "taxi-prediction-github"
CLOUDFORMATION_ROLE = "taxi-prediction-cloudformation"


def repository(environment: str) -> str:
    """Return the name of the ECR repository."""
    return f"taxi-duration-prediction-{environment}"


def stack(environment: str) -> str:
    """Return the name of the stack, and of its function."""
    return f"taxi-prediction-{environment}"
