"""What the service stands on while it is under load: the source of its bundles, Redis, the cache's disk, memory.

Each can change or fail, and come back.
"""

import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from benchmarks.variant import make_variant
from taxi_api.model.store import DEFAULT_BUNDLE
from tests.resilience.disk import small_disk
from tests.resilience.memory import memory_cap
from tests.servers import TrackingServer, free_port

Faults = dict[str, Callable[[], object]]


class Surrounding(Protocol):
    """Something that the service stands on."""

    settings: dict[str, str]
    """What the service has to be told of it."""

    def faults(self, pick: random.Random) -> Faults:
        """Return what can happen to it, by name."""

    def restore(self) -> None:
        """Let it be as it was at first."""


class Folder:
    """A folder, in which bundles are replaced."""

    def __init__(self, folder: Path) -> None:
        self._served = folder / "served"
        self.settings = {"MODEL_URI": str(self._served)}
        self.good = (DEFAULT_BUNDLE, make_variant(DEFAULT_BUNDLE, folder / "second"))
        self.restore()

    def faults(self, pick: random.Random) -> Faults:
        return {
            "bundle swapped": lambda: self._replace(pick.choice(self.good)),
            "damaged bundle": lambda: self._replace(self.good[1], damaged=True),
        }

    def restore(self) -> None:
        self._replace(self.good[0])

    def _replace(self, bundle: Path, *, damaged: bool = False) -> None:
        """Put a bundle in the place of the one that is served, by renames as a deployment does it."""
        new, old = self._served.with_name("new"), self._served.with_name("old")
        shutil.copytree(bundle, new)
        if damaged:
            _scribble(new / "model.onnx")
        if self._served.exists():
            self._served.rename(old)
        new.rename(self._served)
        shutil.rmtree(old, ignore_errors=True)


class Registry:
    """A real MLflow server, whose champion changes and which stops and returns."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        # Here, because a soak without MLflow needs none of it installed.
        from training.promotion import register  # noqa: PLC0415
        from training.tracking import mlflow  # noqa: PLC0415

        second = make_variant(DEFAULT_BUNDLE, folder / "second")
        self.good = (DEFAULT_BUNDLE, second)
        self._server = TrackingServer(folder)
        self._running = False
        stack.callback(self._stop)
        self._start()
        self.settings = {
            "MODEL_URI": "models:/taxi-duration@champion",
            "MLFLOW_TRACKING_URI": self._server.url,
            "TAXI_MODEL_CACHE": str(folder / "cache"),
        }
        os.environ["MLFLOW_TRACKING_URI"] = self._server.url
        mlflow.set_tracking_uri(self._server.url)
        self._client = mlflow.MlflowClient()
        third = make_variant(second, folder / "third")
        self._versions = [register(bundle).number for bundle in (*self.good, third)]
        place = urlsplit(self._client.get_model_version_download_uri("taxi-duration", self._versions[2])).path
        _scribble(folder / "artifacts" / place.strip("/") / "data" / "bundle" / "model.onnx")
        self.restore()

    def faults(self, pick: random.Random) -> Faults:
        return {
            "bundle swapped": lambda: self._promote(pick.randrange(2)),
            "damaged bundle": lambda: self._promote(2),
            "MLflow stopped or back": lambda: self._stop() if self._running else self._start(),
        }

    def restore(self) -> None:
        self._promote(0)

    def _promote(self, number: int) -> None:
        self._start()
        self._client.set_registered_model_alias("taxi-duration", "champion", self._versions[number])

    def _start(self) -> None:
        if not self._running:
            self._server.start()
            self._running = True

    def _stop(self) -> None:
        if self._running:
            self._server.stop()
            self._running = False


class Redis:
    """A Redis server that stops and returns."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._port = free_port()
        self._command = ["redis-server", "--port", str(self._port), "--save", "", "--dir", str(folder)]
        self._process: subprocess.Popen[bytes] | None = None
        self.settings = {
            "TAXI_RATE_LIMIT": "100000000/minute",
            "TAXI_RATE_LIMIT_STORAGE": f"redis://127.0.0.1:{self._port}",
        }
        stack.callback(self._stop)
        self.restore()

    def faults(self, _pick: random.Random) -> Faults:
        return {"Redis stopped or back": lambda: self._stop() if self._process else self.restore()}

    def restore(self) -> None:
        if self._process is None:
            self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Disk:
    """A disk for the cache of bundles, which fills up and is emptied; needs the right to mount one."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        if not stack.enter_context(small_disk(folder / "disk", "32m")):
            raise SystemExit("--disk needs the right to mount a disk")
        self._filler = folder / "disk" / "filler"
        self.settings = {"TAXI_MODEL_CACHE": str(folder / "disk" / "cache")}

    def faults(self, _pick: random.Random) -> Faults:
        return {"disk filled or emptied": lambda: self.restore() if self._filler.exists() else self._fill()}

    def restore(self) -> None:
        self._filler.unlink(missing_ok=True)

    def _fill(self) -> None:
        with suppress(OSError), self._filler.open("wb") as filler:
            while True:
                filler.write(bytes(1 << 16))


class Memory:
    """As much memory as a container may have, some of which another process takes now and then; as root."""

    settings: dict[str, str] = {}  # noqa: RUF012 - the server need not be told

    def __init__(self, megabytes: int, stack: ExitStack) -> None:
        cap = stack.enter_context(memory_cap())
        if cap is None:
            raise SystemExit("--memory needs the right to limit memory")
        self.cap = cap
        self._bytes = megabytes << 20
        # When too little was left, and a worker was killed for it.
        self.kills: list[float] = []
        self.restore()

    def faults(self, _pick: random.Random) -> Faults:
        return {"memory taken": self._take}

    def restore(self) -> None:
        self.cap.limit(self._bytes)

    def _take(self) -> None:
        begun, before = time.monotonic(), self.cap.kills
        self.cap.exhaust()
        self.restore()
        self.kills += [begun] * (self.cap.kills - before)


def _scribble(model: Path) -> None:
    with model.open("r+b") as file:
        file.seek(100_000)
        file.write(b"damaged")
