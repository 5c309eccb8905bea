"""``python -m taxi_api``: what an operator needs beside the server."""

import argparse
import sys
from collections.abc import Sequence

from taxi_api.api_keys import digest, new_key
from taxi_api.setting_values import api_keys


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m taxi_api", description=__doc__)
    subjects = parser.add_subparsers(required=True, metavar="SUBJECT")
    keys = subjects.add_parser("keys", help="API keys").add_subparsers(required=True, metavar="ACTION")
    new = keys.add_parser("new", help="make a key and the entry for TAXI_API_KEYS")
    new.add_argument("--label", required=True, type=_label, help="who will have it, for the log")
    label: str = parser.parse_args(arguments).label

    key = new_key()
    sys.stdout.write(
        f"Key, shown only now; its owner sends it as X-API-Key:\n  {key}\n"
        f"Entry for TAXI_API_KEYS, separated by commas from others:\n  {label}:{digest(key)}\n"
    )
    return 0


def _label(text: str) -> str:
    try:
        api_keys(f"{text}:{digest('')}")
    except ValueError:
        raise argparse.ArgumentTypeError("use 1 to 64 letters, digits, dots, dashes and underscores") from None
    return text


if __name__ == "__main__":
    sys.exit(main())
