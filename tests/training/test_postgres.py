"""MLflow with PostgreSQL as its store, as docker compose's profile has it."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import ROOT, TrackingServer, free_port, running, wait_until
from tests.test_follow import TRIP, ask
from tests.training.test_registry import PATIENT
from training.promotion import promote, register
from training.tracking import mlflow

# MLflow's own code and its database layer warn; what is tested here is ours.
pytestmark = pytest.mark.filterwarnings("ignore")
PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


class Postgres:
    """A PostgreSQL server of its own; as root it runs as somebody else, because it refuses to run as root."""

    def __init__(self, programs: Path, data: Path) -> None:
        self.port = free_port()
        self._programs = programs
        self._data = data
        self._user = "postgres" if os.getuid() == 0 else None
        if self._user:
            shutil.chown(data, self._user)
        self._run("initdb", "--username=mlflow", "--auth=trust", "--no-sync", f"--pgdata={self._data}")
        self._process: subprocess.Popen[bytes] | None = None

    def _run(self, program: str, *arguments: str, given: bytes = b"") -> bytes:
        command = [str(self._programs / program), *arguments]
        return subprocess.run(command, user=self._user, cwd="/", input=given, check=True, capture_output=True).stdout

    def run(self, program: str, *arguments: str, given: bytes = b"") -> bytes:
        """Run one of PostgreSQL's programs on the server; return what it wrote."""
        return self._run(program, "-h", "127.0.0.1", "-p", str(self.port), "-U", "mlflow", *arguments, given=given)

    def start(self) -> None:
        settings = (f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self._data}")
        command = [str(self._programs / "postgres"), "-D", str(self._data)]
        command += [part for setting in settings for part in ("-c", setting)]
        self._process = subprocess.Popen(command, user=self._user, cwd="/", stderr=subprocess.DEVNULL)
        wait_until(self._answers)

    def _answers(self) -> bool:
        command = [str(self._programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def kill(self) -> None:
        """End it at once; the processes that it made notice and end, too."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            wait_until(self._is_gone)

    def _is_gone(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) != 0


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    if PROGRAMS is None:
        pytest.skip("PostgreSQL is not installed")
    # Not pytest's folder, which nobody else may enter.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = Postgres(PROGRAMS, Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.kill()


@pytest.fixture
def tracking(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrackingServer]:
    """MLflow with the settings that docker compose gives it, and the address that the example file does."""
    address = re.search(r"MLFLOW_BACKEND_STORE_URI=(postgres\S+)", (ROOT / ".env.example").read_text())
    assert address
    store = address[1].replace("postgres:5432/mlflow", f"127.0.0.1:{postgres.port}/postgres")
    for name, value in re.findall(r"(MLFLOW_SQLALCHEMYSTORE_\w+): \D*(\d+)", (ROOT / "docker-compose.yml").read_text()):
        monkeypatch.setenv(name, value)
    server = TrackingServer(tmp_path, store)
    try:
        server.start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
        mlflow.set_tracking_uri(server.url)
        yield server
    finally:
        mlflow.set_tracking_uri(None)
        server.stop()


def following(tracking: TrackingServer, cache: Path) -> dict[str, str]:
    return {
        "MODEL_URI": "models:/taxi-duration@champion",
        "MLFLOW_TRACKING_URI": tracking.url,
        "MODEL_POLL_SECONDS": "1",
        "TAXI_MODEL_CACHE": str(cache),
    }


def test_a_killed_database_costs_no_prediction_and_no_model(
    postgres: Postgres, tracking: TrackingServer, trained: tuple[object, Path], city: Path, tmp_path: Path
):
    register(trained[1])
    promote(city, limits=PATIENT)
    follow = following(tracking, tmp_path / "cache")
    with running(**follow) as server:
        assert ask(server, "/ready")[1]["source"]["problem"] is None
        postgres.kill()
        wait_until(lambda: ask(server, "/ready")[1]["source"]["problem"], seconds=60)
        assert ask(server, "/predict", TRIP)[0] == 200
    # Also one that starts meanwhile.
    with running(**follow) as server:
        assert ask(server, "/predict", TRIP)[0] == 200
    postgres.start()
    client = mlflow.MlflowClient()
    assert client.get_model_version_by_alias("taxi-duration", "champion").version == "1"
    client.set_registered_model_alias("taxi-duration", "spare", "1")
    assert client.get_model_version_by_alias("taxi-duration", "spare").version == "1"


def test_a_database_restored_from_its_dump_gives_the_same_champion(
    postgres: Postgres, tracking: TrackingServer, trained: tuple[object, Path], city: Path, tmp_path: Path
):
    register(trained[1])
    promote(city, limits=PATIENT)
    dump = postgres.run("pg_dump", "postgres")
    tracking.stop()
    postgres.run("psql", "--quiet", "postgres", given=b"drop schema public cascade; create schema public;")
    postgres.run("psql", "--quiet", "postgres", given=dump)
    tracking.start()
    with running(**following(tracking, tmp_path / "empty")) as server:
        assert ask(server, "/predict", TRIP)[0] == 200
        assert ask(server, "/ready")[1]["source"]["label"] == "version 1"
