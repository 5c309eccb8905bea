"""The API follows the champion of a real MLflow server, and keeps answering whatever happens to it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import numpy as np
import pytest

from taxi_api.model.bundle import load_bundle
from taxi_api.model.features import Trips
from taxi_api.model.predictor import Predictor
from tests.servers import Server, TrackingServer, free_port, running, wait_until
from tests.training.test_registry import PATIENT
from training.export import Trained
from training.pipeline import train
from training.promotion import promote, register
from training.recipe import Recipe
from training.tracking import mlflow

# MLflow's own code and its database layer warn; what is tested here is ours.
pytestmark = pytest.mark.filterwarnings("ignore")
TRIP = {"PULocationID": 161, "DOLocationID": 132, "trip_distance": 17.5, "pickup_datetime": "2024-09-18T08:30:00"}


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrackingServer]:
    server = TrackingServer(tmp_path_factory.mktemp("mlflow"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def bundles(
    city: Path, poor_recipe: Recipe, trained: tuple[Trained, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A poor model and a better one."""
    poor = tmp_path_factory.mktemp("bundles") / "poor"
    train(city, poor, poor_recipe)
    return poor, trained[1]


@pytest.fixture
def first(
    tracking: TrackingServer, bundles: tuple[Path, Path], city: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[mlflow.MlflowClient]:
    """The registry with the poor model as champion."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking.url)
    mlflow.set_tracking_uri(tracking.url)
    client = mlflow.MlflowClient()
    for model in client.search_registered_models():
        client.delete_registered_model(model.name)
    register(bundles[0])
    promote(city, limits=PATIENT)
    yield client
    mlflow.set_tracking_uri(None)


def settings(tracking: TrackingServer, cache: Path) -> dict[str, str]:
    return {
        "MODEL_URI": "models:/taxi-duration@champion",
        "MLFLOW_TRACKING_URI": tracking.url,
        "MODEL_POLL_SECONDS": "1",
        "TAXI_MODEL_CACHE": str(cache),
    }


def ask(server: Server, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.url + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except HTTPError as problem:
        with problem:
            return problem.code, json.load(problem)


def expected(bundle: Path) -> dict[str, Any]:
    """What the bundle answers to TRIP, worked out without the server."""
    predictor = Predictor(load_bundle(bundle))
    trips = Trips(np.array([161]), np.array([132]), np.array([17.5]), np.array(["2024-09-18T08:30:00"], "M8[s]"))
    return {"version": predictor.bundle.version, "duration": predictor.predict(trips).minutes[0, 0].round(2).item()}


def answered(server: Server) -> dict[str, Any]:
    status, body = ask(server, "/predict", TRIP)
    assert status == 200, body
    return {"version": body["model"]["version"], "duration": body["duration"]}


def serves(server: Server, what: dict[str, Any]) -> bool:
    """Say whether every worker serves it, as far as a dozen answers tell."""
    answers = [ask(server, "/predict", TRIP) for _ in range(12)]
    return all(
        status == 200 and {"version": body["model"]["version"], "duration": body["duration"]} == what
        for status, body in answers
    )


class Load:
    """Clients that ask without a pause and keep what they got."""

    def __init__(self, server: Server) -> None:
        self.answers: Counter[tuple[str, float]] = Counter()
        self.failures: list[object] = []
        self._server = server
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(3)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._stop.is_set():
            try:
                found = answered(self._server)
                self.answers[found["version"], found["duration"]] += 1
            except (AssertionError, OSError) as problem:
                self.failures.append(problem)


@pytest.mark.usefixtures("first")
def test_a_promotion_reaches_every_worker_without_a_failed_or_wrong_answer(
    tracking: TrackingServer, bundles: tuple[Path, Path], city: Path, tmp_path: Path
):
    poor, better = expected(bundles[0]), expected(bundles[1])
    with running(**settings(tracking, tmp_path)) as server, Load(server) as load:
        wait_until(lambda: load.answers.total() > 50)
        register(bundles[1])
        promote(city, limits=PATIENT)
        wait_until(lambda: serves(server, better))
        assert ask(server, "/v1/model")[1]["source"] == {
            "uri": "models:/taxi-duration@champion",
            "label": "version 2",
            "problem": None,
        }
        metrics = urllib.request.urlopen(f"{server.url}/metrics", timeout=5).read().decode()
        assert 'taxi_model_polls_total{outcome="swapped"}' in metrics
    assert load.failures == []
    assert set(load.answers) == {tuple(poor.values()), tuple(better.values())}


def test_a_corrupted_champion_is_refused_and_the_one_before_stays(
    first: mlflow.MlflowClient, tracking: TrackingServer, bundles: tuple[Path, Path], tmp_path: Path
):
    poor = expected(bundles[0])
    with running(**settings(tracking, tmp_path)) as server:
        version = register(bundles[1])
        place = urlsplit(first.get_model_version_download_uri("taxi-duration", version.number)).path
        stored = tracking.folder / "artifacts" / place.strip("/") / "data" / "bundle" / "model.onnx"
        whole = stored.read_bytes()
        try:
            stored.write_bytes(whole[: len(whole) // 2])
            first.set_registered_model_alias("taxi-duration", "champion", version.number)
            wait_until(lambda: "is refused" in (ask(server, "/ready")[1]["source"]["problem"] or ""))
            assert serves(server, poor)
            assert ask(server, "/ready")[0] == 200
        finally:
            stored.write_bytes(whole)
    assert "is refused" in server.log


@pytest.mark.usefixtures("first")
def test_answers_go_on_while_mlflow_is_down_and_across_a_restart(
    tracking: TrackingServer, bundles: tuple[Path, Path], tmp_path: Path
):
    poor = expected(bundles[0])
    with running(**settings(tracking, tmp_path)) as server:
        tracking.stop()
        try:
            wait_until(lambda: "does not answer" in (ask(server, "/ready")[1]["source"]["problem"] or ""))
            assert serves(server, poor)
            with running(**settings(tracking, tmp_path)) as again:
                assert serves(again, poor)
                assert "does not answer" in ask(again, "/ready")[1]["source"]["problem"]
        finally:
            tracking.start()
        wait_until(lambda: ask(server, "/ready")[1]["source"]["problem"] is None)


def test_without_any_model_it_is_not_ready_until_there_is_one(
    first: mlflow.MlflowClient, tracking: TrackingServer, bundles: tuple[Path, Path], tmp_path: Path
):
    first.delete_registered_model_alias("taxi-duration", "champion")
    server = Server(**settings(tracking, tmp_path))
    try:
        wait_until(lambda: _status(server, "/health") == 200)
        status, problem = ask(server, "/ready")
        assert status == 503
        assert "champion" in problem["detail"]
        assert ask(server, "/predict", TRIP)[0] == 503
        first.set_registered_model_alias("taxi-duration", "champion", "1")
        wait_until(lambda: _status(server, "/ready") == 200)
        wait_until(lambda: serves(server, expected(bundles[0])))
    finally:
        server.stop()


def _status(server: Server, path: str, body: object = None) -> int | None:
    try:
        return ask(server, path, body)[0]
    except OSError:
        return None


@pytest.mark.usefixtures("first")
def test_a_cache_that_cannot_be_written_is_done_without(
    tracking: TrackingServer, bundles: tuple[Path, Path], tmp_path: Path
):
    (tmp_path / "file").touch()
    with running(**settings(tracking, tmp_path / "file" / "cache")) as server:
        assert serves(server, expected(bundles[0]))
    assert "cannot be written" in server.log


def test_a_folder_that_is_replaced_is_followed(bundles: tuple[Path, Path], tmp_path: Path):
    served = tmp_path / "served"
    shutil.copytree(bundles[0], served)
    with running(MODEL_URI=str(served), MODEL_POLL_SECONDS="1") as server:
        assert serves(server, expected(bundles[0]))
        shutil.copytree(bundles[1], tmp_path / "new")
        served.rename(tmp_path / "old")
        (tmp_path / "new").rename(served)
        wait_until(lambda: serves(server, expected(bundles[1])))


def test_workers_that_are_replaced_while_the_folder_is_damaged_serve_what_served(
    bundles: tuple[Path, Path], tmp_path: Path
):
    served = Path(shutil.copytree(bundles[0], tmp_path / "served"))
    cache = str(tmp_path / "cache")
    with running(MODEL_URI=str(served), MODEL_POLL_SECONDS="1", TAXI_MODEL_CACHE=cache, LOG_LEVEL="ERROR") as server:
        assert serves(server, expected(bundles[0]))
        (served / "manifest.json").write_text("{}")
        before = server.workers()
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(server.workers()) == 2 and not server.workers() & before, seconds=30)
        assert serves(server, expected(bundles[0]))
        assert server.process.poll() is None
    # A first start has nothing to fall back on, and says why.
    refused = subprocess.run(
        [sys.executable, "-m", "gunicorn", "taxi_api.wsgi:app"],
        env=os.environ | {"MODEL_URI": str(served), "PORT": str(free_port())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 1
    assert f"cannot start: model bundle {served}: manifest.json" in refused.stderr


@pytest.mark.usefixtures("first")
def test_mlflow_restored_from_a_backup_gives_the_same_model(
    tracking: TrackingServer, bundles: tuple[Path, Path], tmp_path: Path
):
    tracking.stop()
    backup = shutil.make_archive(str(tmp_path / "mlflow"), "gztar", tracking.folder)
    for path in list(tracking.folder.iterdir()):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.unpack_archive(backup, tracking.folder, filter="data")
    tracking.start()
    with running(**settings(tracking, tmp_path / "empty")) as server:
        assert serves(server, expected(bundles[0]))


def test_two_promotions_at_once_leave_one_champion(
    first: mlflow.MlflowClient, tracking: TrackingServer, bundles: tuple[Path, Path], city: Path
):
    register(bundles[1])
    script = (
        "from pathlib import Path; from training.promotion import promote; from training.gates import Limits;"
        f"promote(Path({str(city)!r}), limits=Limits(row_microseconds=1e6, many_milliseconds=1e6))"
    )
    environment = os.environ | {"MLFLOW_TRACKING_URI": tracking.url}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    errors = [process.communicate(timeout=120)[1].decode() for process in both]
    assert 0 in [process.returncode for process in both], errors
    champion = first.get_model_version_by_alias("taxi-duration", "champion")
    assert champion.version == "2"
    assert champion.tags["promoted.from"] == "1"
