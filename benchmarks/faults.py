"""Kill what stands beside the API, one after the other under load: ``python -m benchmarks.faults``.

The stack of docker-compose.yml has to be up, with as many of its profiles as are to be tried.
"""

import argparse
import subprocess
import sys
import time

from tests.resilience.load import Load, more

SERVICES = ("redis", "mlflow", "postgres", "prometheus", "grafana", "api-green")


def main() -> int:
    """Kill, wait, start again, and count; return 1 if a request failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="the API or nginx in front of it")
    parser.add_argument("--engine", default="docker", help="docker or podman")
    parser.add_argument("--seconds", type=float, default=5, help="how long each stays away")
    options = parser.parse_args()
    found = {service: _container(options.engine, service) for service in SERVICES}
    with Load(options.url, keep=True) as load:
        more(load)
        for service, container in found.items():
            if not container:
                print(f"{service:<12} is not up")
                continue
            answered, failed = load.answered, len(load.failures)
            subprocess.run([options.engine, "kill", "--signal", "KILL", container], check=True, capture_output=True)
            time.sleep(options.seconds)
            subprocess.run([options.engine, "start", container], check=True, capture_output=True)
            time.sleep(options.seconds)
            print(f"{service:<12} killed: {load.answered - answered:,} answers, {len(load.failures) - failed} failures")
    for failure in load.failures[:5]:
        print(failure)
    return int(bool(load.failures) or not any(found.values()))


def _container(engine: str, service: str) -> str:
    """Return the container that runs a service, "" if none does."""
    command = [engine, "ps", "--quiet", "--filter", f"label=com.docker.compose.service={service}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
