"""``python -m deploy``: AWS, step by step. Every command may be repeated; ``--dry-run`` says what would be done."""

import argparse
import subprocess
import sys

from botocore.exceptions import BotoCoreError, ClientError

from deploy import stack
from deploy.aws import DeployError, explain
from deploy.bootstrap import bootstrap
from deploy.logs import logs
from deploy.names import ENVIRONMENTS
from deploy.plan import Plan
from deploy.registry import push
from deploy.smoke import smoke


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        _run(options, Plan(dry=getattr(options, "dry_run", False)))
    except (DeployError, ClientError, BotoCoreError) as problem:
        sys.stderr.write(f"error: {explain(problem)}\n")
        return 1
    return 0


def _run(options: argparse.Namespace, plan: Plan) -> None:
    match options.command:
        case "bootstrap":
            bootstrap(plan, options.github)
        case "push":
            found = push(plan, options.env, options.image, options.tag or _commit())
            _print(*([found] if found else []))
        case "up":
            stack.up(plan, options.env, options.image, dict(options.set))
        case "rollback":
            stack.rollback(plan, options.env)
        case "down":
            stack.down(plan, options.env)
        case "status":
            _print(*(f"{name}: {value}" for name, value in stack.status(options.env).items()))
        case "url":
            _print(stack.status(options.env)["url"])
        case "smoke":
            _print(*smoke(options.url))
        case "logs":
            _print(*logs(options.env, options.minutes, options.filter))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    environment = argparse.ArgumentParser(add_help=False)
    environment.add_argument("--env", choices=ENVIRONMENTS, required=True)
    changing = argparse.ArgumentParser(add_help=False)
    changing.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")

    first = commands.add_parser("bootstrap", parents=[changing], help="what an account needs once")
    first.add_argument("--github", default="", help="owner/repository whose workflows may deploy")
    pushing = commands.add_parser("push", parents=[environment, changing], help="an image into ECR; prints its digest")
    pushing.add_argument("--image", required=True, help="as docker knows it")
    pushing.add_argument("--tag", default="", help="by default the commit that is checked out")
    going_up = commands.add_parser("up", parents=[environment, changing], help="create or update an environment")
    going_up.add_argument("--image", required=True, help="as push printed it")
    going_up.add_argument(
        "--set", action="append", default=[], type=_pair, metavar="NAME=VALUE", help="a parameter of the template"
    )
    commands.add_parser("status", parents=[environment], help="state, images and address")
    commands.add_parser("url", parents=[environment], help="the address alone")
    commands.add_parser("rollback", parents=[environment, changing], help="back to the image before")
    commands.add_parser("down", parents=[environment, changing], help="remove an environment")
    trying = commands.add_parser("smoke", help="does it answer, and sensibly?")
    trying.add_argument("--url", required=True)
    reading = commands.add_parser("logs", parents=[environment], help="what the function wrote lately")
    reading.add_argument("--minutes", type=int, default=15)
    reading.add_argument("--filter", default="", help="CloudWatch's filter pattern, such as '{ $.status >= 500 }'")
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607
    if done.returncode != 0:
        raise DeployError("this is no checkout with a commit to name the image after; give --tag")
    return done.stdout.strip()


def _print(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
