"""How each server is started, asked and read."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.serving import trips

ROOT = Path(__file__).parents[2]
_START_SECONDS = 120


@dataclass(frozen=True)
class Peer:
    """A server with one worker.

    Attributes:
        name: short, for the command line.
        what: for the report.
        command: its arguments; {port} and {python} are filled in.
        environment: name of the file in ``requirements`` with what it needs; "" for the service's own.
        path: where single trips are posted.
        body: how a single trip is written.
        durations: the minutes in its answer to one or many trips; None if it does not predict.
        same_model: its durations must be the service's.
        batch: path and form of a batch; None if it has none.
        variables: further environment variables.

    """

    name: str
    what: str
    command: tuple[str, ...]
    environment: str = ""
    path: str = "/predict"
    body: trips.Body = trips.one
    durations: Callable[[Any], list[float]] | None = None
    same_model: bool = True
    batch: tuple[str, trips.Body] | None = None
    variables: dict[str, str] = field(default_factory=dict)


def _one(answer: Any) -> list[float]:
    return [answer["duration"]]


def _many(answer: Any) -> list[float]:
    return [prediction["duration"] for prediction in answer["predictions"]]


def _one_or_many(answer: Any) -> list[float]:
    return _many(answer) if "predictions" in answer else _one(answer)


_GUNICORN = ("{python}", "-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--workers", "1")
_UVICORN = ("{python}", "-m", "uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--no-access-log")

OURS = Peer(
    "ours",
    "this service, with its metrics and log lines",
    (*_GUNICORN, "taxi_api.wsgi:app"),
    durations=_one_or_many,
    batch=("/v1/predict/batch", trips.columns),
    variables={"TAXI_MAX_BATCH": "100000", "TAXI_MAX_BODY_BYTES": "50000000"},
)
PEERS = {
    peer.name: peer
    for peer in (
        OURS,
        Peer(
            "lean",
            "lean FastAPI on uvicorn, same session, without metrics and logs",
            (*_UVICORN, "benchmarks.serving.apps.lean:app"),
            environment="lean",
            durations=_one_or_many,
            batch=("/batch", trips.rows),
        ),
        Peer(
            "constant-wsgi",
            "limit: a WSGI app that answers a constant, same worker class",
            (*_GUNICORN, "benchmarks.serving.apps.constant:wsgi"),
        ),
        Peer(
            "constant-flask",
            "limit: a Flask app that answers a constant, same worker class",
            (*_GUNICORN, "benchmarks.serving.apps.constant:flask"),
        ),
    )
}


class Running:
    """A started server; ``with`` ends it."""

    def __init__(self, peer: Peer, python: str, core: int | None) -> None:
        """Start it; raises RuntimeError with its log if it does not answer."""
        self.peer = peer
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [part.format(port=self.port, python=python, root=ROOT) for part in peer.command]
        if core is not None:
            command = ["taskset", "-c", str(core), *command]
        self._log = open(os.devnull, "w") if not os.environ.get("BENCH_LOGS") else sys.stderr  # noqa: PTH123, SIM115
        variables = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **peer.variables}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | variables, stdout=self._log, stderr=self._log, start_new_session=True
        )

    def __enter__(self) -> "Running":
        deadline = time.monotonic() + _START_SECONDS
        body = self.peer.body(trips.made_up(1))
        while True:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError(f"{self.peer.name} did not start; BENCH_LOGS=1 shows why")
            try:
                self.post(self.peer.path, body)
            except OSError:
                time.sleep(0.1)
            else:
                return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def post(self, path: str, body: bytes) -> bytes:
        """Return the answer to a body; raises OSError if there is none, or not 200."""
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
