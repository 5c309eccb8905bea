"""``python -m taxi_api.probe``: exit status 0 if the server on this machine's PORT is ready, for health checks."""

import os
import sys
import urllib.error
import urllib.request

_SECONDS = 4.0


def main() -> int:
    """Ask ``/ready``; return the exit status and write to standard error what is wrong."""
    url = f"http://127.0.0.1:{os.environ.get('PORT') or 8000}/ready"
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS):  # nosec B310
            return 0
    except urllib.error.HTTPError as answer:
        with answer:
            sys.stderr.write(f"{url} answers {answer.code}: {answer.read(2000).decode(errors='replace')}\n")
    except OSError as problem:
        sys.stderr.write(f"{url} does not answer: {problem}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
