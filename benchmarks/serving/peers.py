"""How each server is started, asked and read."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.serving import trips

ROOT = Path(__file__).parents[2]
APPS = Path(__file__).parent / "apps"
_START_SECONDS = 120
# As many bytes as a prediction has; apps/constant.py answers the same.
ANSWER = (APPS / "answer.json").read_text()


@dataclass(frozen=True)
class Peer:
    """A server with one worker.

    Attributes:
        name: short, for the command line.
        what: for the report.
        command: its arguments, with {python}, {port}, {root} and {folder}, an empty one of its own, to fill in.
        prepare: a command to run before.
        environment: name of the file in ``requirements`` with what it needs; "" for the service's own.
        path: where single trips are posted.
        body: how a single trip is written.
        durations: the minutes in its answer to one or many trips; None if it does not predict.
        same_model: its durations must be the service's.
        batch: path and form of a batch; None if it has none.
        matrix: path and form of a matrix; None if it has to be asked for as a batch.
        variables: further environment variables.

    """

    name: str
    what: str
    command: tuple[str, ...]
    environment: str = ""
    prepare: tuple[str, ...] = ()
    path: str = "/predict"
    body: trips.Body = trips.one
    durations: Callable[[Any], list[float]] | None = None
    same_model: bool = True
    batch: tuple[str, trips.Body] | None = None
    matrix: tuple[str, trips.Body] | None = None
    variables: dict[str, str] = field(default_factory=dict)


def _one(answer: Any) -> list[float]:
    return [answer["duration"]]


def _many(answer: Any) -> list[float]:
    return [prediction["duration"] for prediction in answer["predictions"]]


def _one_or_many(answer: Any) -> list[float]:
    return _many(answer) if "predictions" in answer else _one(answer)


def _tensor(answer: Any) -> list[float]:
    return list(answer["outputs"][0]["data"])


_GUNICORN = ("{python}", "-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--workers", "1")
_UVICORN = ("{python}", "-m", "uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--no-access-log")
_APPS = "benchmarks.serving.apps"

OURS = Peer(
    "ours",
    "this service, with its metrics and log lines",
    (*_GUNICORN, "taxi_api.wsgi:app"),
    durations=_one_or_many,
    batch=("/v1/predict/batch", trips.columns),
    matrix=("/v1/matrix", trips.matrix),
    variables={"TAXI_MAX_BATCH": "100000", "TAXI_MAX_BODY_BYTES": "50000000", "APP_ENV": "production"},
)
PEERS = {
    peer.name: peer
    for peer in (
        OURS,
        Peer(
            "lean",
            "lean FastAPI on uvicorn, the same model, no metrics, no log",
            (*_UVICORN, f"{_APPS}.lean:app"),
            environment="lean",
            durations=_one_or_many,
            batch=("/batch", trips.rows),
        ),
        Peer(
            "tutorial",
            "tutorial-style FastAPI: pandas, DictVectorizer, XGBoost; a model of its own",
            (*_UVICORN, f"{_APPS}.tutorial:app"),
            environment="tutorial",
            body=trips.courses,
            durations=_one,
            same_model=False,
        ),
        Peer(
            "mlflow",
            "`mlflow models serve` on the registered form of the bundle",
            (
                *("{python}", "-m", "mlflow", "models", "serve", "--model-uri", "{folder}/model"),
                *("--env-manager", "local", "--host", "127.0.0.1", "--port", "{port}", "--workers", "1"),
            ),
            environment="tutorial",
            prepare=("{python}", "-m", f"{_APPS}.mlflow_model", "{folder}/model"),
            path="/invocations",
            body=trips.dataframe_split,
            durations=_many,
            batch=("/invocations", trips.dataframe_split),
        ),
        Peer(
            "bento",
            "BentoML, the same model",
            (
                *("{python}", "-m", "bentoml", "serve", f"{_APPS}.bento:Taxi", "--working-dir", "{root}"),
                *("--host", "127.0.0.1", "--port", "{port}"),
            ),
            environment="bento",
            durations=_one_or_many,
            batch=("/batch", trips.rows),
            variables={"BENTOML_DO_NOT_TRACK": "True"},
        ),
        Peer(
            "mlserver",
            "MLServer, the same model",
            ("{python}", "-c", "from mlserver.cli import main; main()", "start", "benchmarks/serving/apps/mlserver"),
            environment="mlserver",
            path="/v2/models/taxi/infer",
            body=trips.tensors,
            durations=_tensor,
            batch=("/v2/models/taxi/infer", trips.tensors),
            variables={
                "MLSERVER_HTTP_PORT": "{port}",
                "MLSERVER_GRPC_PORT": "{port_2}",
                "MLSERVER_METRICS_PORT": "{port_3}",
            },
        ),
        Peer(
            "constant-flask",
            "limit: a Flask app that answers a constant, same worker class",
            (*_GUNICORN, f"{_APPS}.constant:flask"),
        ),
        Peer(
            "constant-wsgi",
            "limit: a WSGI app that answers a constant, same worker class",
            (*_GUNICORN, f"{_APPS}.constant:wsgi"),
        ),
        Peer("nginx", "limit: nginx that answers a constant", ("nginx", "-c", "{folder}/nginx.conf", "-p", "{folder}")),
    )
}


class Running:
    """A started server; ``with`` ends it."""

    def __init__(self, peer: Peer, python: str, core: int | None, **variables: str) -> None:
        """Start it, on one CPU or any, with an interpreter that has what it needs."""
        self.peer = peer
        self._scratch = TemporaryDirectory()
        ports = [_free_port() for _ in range(3)]
        self.url = f"http://127.0.0.1:{ports[0]}"
        names = {"python": python, "root": str(ROOT), "folder": self._scratch.name}
        names |= {"port": str(ports[0]), "port_2": str(ports[1]), "port_3": str(ports[2])}
        # More threads than one are slower for single rows; scikit-learn's servers collapse without this.
        more = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **peer.variables, **variables}
        environment = os.environ | {name: value.format(**names) for name, value in more.items()}
        # What a virtual environment's scripts would find.
        environment["PATH"] = f"{Path(python).parent}:{environment['PATH']}"
        shown = None if os.environ.get("BENCH_LOGS") else subprocess.DEVNULL
        config = (APPS / "nginx.conf").read_text().replace("{answer}", ANSWER)
        for name in ("folder", "port"):
            config = config.replace(f"{{{name}}}", names[name])
        Path(self._scratch.name, "nginx.conf").write_text(config)

        def filled(command: tuple[str, ...]) -> list[str]:
            return [part.format(**names) for part in command]

        if peer.prepare:
            subprocess.run(filled(peer.prepare), cwd=ROOT, env=environment, stdout=shown, stderr=shown, check=True)
        pin = ["taskset", "-c", str(core)] if core is not None else []
        self.process = subprocess.Popen(
            pin + filled(peer.command), cwd=ROOT, env=environment, stdout=shown, stderr=shown, start_new_session=True
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
        self._scratch.cleanup()

    def post(self, path: str, body: bytes) -> bytes:
        """Return the answer to a body; raises OSError if there is none, or not 200."""
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
