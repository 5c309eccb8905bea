"""From training to the champion and back, against a real MLflow server."""

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from taxi_api.model.bundle import load_bundle
from taxi_api.model.features import Trips
from taxi_api.model.predictor import Predictor
from tests.servers import TrackingServer, free_port, start_mlflow, stop_mlflow
from training import __main__ as commands
from training import promotion, recording, tracking
from training.errors import TrainingError
from training.export import Trained, export
from training.gates import Limits
from training.pipeline import train
from training.promotion import GateFailedError, promote, register, rollback
from training.recipe import Recipe
from training.split import split
from training.tracking import mlflow
from training.trips import columns, load_trips

ROOT = Path(__file__).parents[2]
# Machines that run tests are busy: how fast the model is must not decide whether they pass.
PATIENT = Limits(row_microseconds=1e6, many_milliseconds=1e6)

pytestmark = [
    # MLflow's own code and its database layer warn; what is tested here is ours.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    tracking_server = TrackingServer(tmp_path_factory.mktemp("mlflow"))
    tracking_server.start()
    yield tracking_server.url
    tracking_server.stop()


@pytest.fixture
def registry(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[mlflow.MlflowClient]:
    """The server without any registered model, as the code under test will find it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    mlflow.set_tracking_uri(server)
    client = mlflow.MlflowClient()
    for model in client.search_registered_models():
        client.delete_registered_model(model.name)
    yield client
    mlflow.set_tracking_uri(None)


@pytest.fixture(scope="module")
def poor(city: Path, poor_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that hardly learned anything."""
    out = tmp_path_factory.mktemp("bundles") / "poor"
    train(city, out, poor_recipe)
    return out


def far_from_scikit_learn(bundle: Path, out: Path) -> Path:
    """Copy a bundle to ``out``, as if its export had differed by half a minute."""
    shutil.copytree(bundle, out)
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["parity"]["largest_difference"] = 0.5
    (out / "manifest.json").write_text(json.dumps(manifest))
    return out


def champion(client: mlflow.MlflowClient) -> str:
    return str(client.get_model_version_by_alias("taxi-duration", "champion").version)


def test_a_run_tells_what_a_bundle_is(registry: mlflow.MlflowClient, trained: tuple[Trained, Path], city: Path):
    bundle = load_bundle(trained[1])
    run = registry.get_run(recording.record_bundle(Predictor(bundle), city))
    assert run.info.status == "FINISHED"
    assert run.data.params["units"] == "8"
    assert run.data.params["seed"] == str(Recipe.seed)
    assert run.data.tags["bundle.digest"] == bundle.digest
    assert run.data.tags["data.sha256"] == bundle.manifest["data"]["sha256"]
    assert run.inputs.dataset_inputs[0].dataset.digest == bundle.manifest["data"]["sha256"][:36]
    reported = bundle.manifest["metrics"]["green 2023-07 2023-08"]["1-60"]
    assert run.data.metrics["green 2023-07 2023-08/1-60/rmse"] == reported["rmse"]
    assert run.data.metrics["test/from Manhattan/1-60/rmse"] > 0
    assert run.data.metrics["records read"] == 8 * 4500
    artifacts = {file.path for file in registry.list_artifacts(run.info.run_id)}
    assert {"MODEL_CARD.md", "card.html", "data.json", "manifest.json", "plots"} <= artifacts
    plots = {file.path for file in registry.list_artifacts(run.info.run_id, "plots")}
    assert "plots/predicted_against_actual.png" in plots
    assert "plots/permutation_importance.png" in plots
    assert "plots/error_by_zone.png" not in plots, "the synthetic city has no polygons"
    assert tracking.run_of(bundle) == run.info.run_id


def test_the_way_from_the_first_champion_to_the_second_and_back(
    registry: mlflow.MlflowClient,
    trained: tuple[Trained, Path],
    poor: Path,
    city: Path,
    capsys: pytest.CaptureFixture[str],
):
    assert register(poor).number == "1"
    with pytest.raises(TrainingError, match="no taxi-duration@champion"):
        promotion.export("champion", poor.parent / "none")
    promote(city, limits=PATIENT)
    assert champion(registry) == "1"

    assert register(trained[1]).number == "2"
    assert register(trained[1]).number == "2", "registered already"
    assert champion(registry) == "1", "registering promotes nothing"
    promote(city, limits=PATIENT)
    assert champion(registry) == "2"
    kept = registry.get_model_version("taxi-duration", "2").tags
    assert "better than the champion: pass" in kept["gates"]
    assert "forced.by" not in kept

    # Back to 1, for a reason; then it may not be replaced by what is worse, unless someone answers for it.
    rollback("ana", "riders complained")
    assert champion(registry) == "1"
    assert registry.get_model_version("taxi-duration", "2").tags["rolled_back.why"] == "riders complained"
    with pytest.raises(TrainingError, match="nothing to go back to"):
        rollback("ana", "again")
    promote(city, limits=PATIENT)
    register(poor)
    capsys.readouterr()
    with pytest.raises(GateFailedError, match="better than the champion"):
        promote(city, limits=PATIENT)
    shown = capsys.readouterr().out
    assert "FAIL" in shown
    assert "RMSE" in shown
    assert champion(registry) == "2"
    with pytest.raises(TrainingError, match="--who and --why"):
        promote(city, force=True, limits=PATIENT)
    promote(city, force=True, who="ben", why="a demonstration", limits=PATIENT)
    assert champion(registry) == "1"
    kept = registry.get_model_version("taxi-duration", "1").tags
    assert (kept["forced.by"], kept["forced.why"]) == ("ben", "a demonstration")
    assert "better than the champion" in kept["forced.gates"]


@pytest.mark.usefixtures("registry")
def test_coverage_cannot_be_forced(trained: tuple[Trained, Path], city: Path, tmp_path: Path):
    narrow = replace(trained[0], corrections=np.full(4, -0.3))
    export(narrow, columns(split(load_trips(city)[0]).test), tmp_path / "narrow")
    register(tmp_path / "narrow")
    with pytest.raises(GateFailedError, match="coverage failed, which --force does not open"):
        promote(city, force=True, who="ben", why="in a hurry", limits=PATIENT)
    assert tracking.by_alias("champion") is None


@pytest.mark.usefixtures("registry")
def test_parity_cannot_be_forced(trained: tuple[Trained, Path], city: Path, tmp_path: Path):
    register(far_from_scikit_learn(trained[1], tmp_path / "apart"))
    with pytest.raises(GateFailedError, match="parity failed, which --force does not open"):
        promote(city, force=True, who="ben", why="in a hurry", limits=PATIENT)
    assert tracking.by_alias("champion") is None


@pytest.mark.parametrize(
    ("limits", "gate"),
    [
        (replace(PATIENT, megabytes=0.001), "size"),
        (replace(PATIENT, row_microseconds=0.001), "latency of a row"),
        (replace(PATIENT, many_milliseconds=0.001), "latency of 10,000 rows"),
    ],
)
@pytest.mark.usefixtures("registry")
def test_what_is_too_large_or_too_slow_stays_out(trained: tuple[Trained, Path], city: Path, limits: Limits, gate: str):
    register(trained[1])
    with pytest.raises(GateFailedError, match=f"{gate} failed"):
        promote(city, limits=limits)


@pytest.mark.usefixtures("registry")
def test_a_slice_that_got_worse_stops_a_better_model(
    trained: tuple[Trained, Path], poor: Path, city: Path, capsys: pytest.CaptureFixture[str]
):
    register(poor)
    promote(city, limits=PATIENT)
    register(trained[1])
    # No slice may be worse than 90 % better: the worst one is not.
    with pytest.raises(GateFailedError, match="slices failed"):
        promote(city, limits=replace(PATIENT, slice_share=-0.9))
    assert "against the champion" in capsys.readouterr().out


@pytest.mark.usefixtures("registry")
def test_the_champion_answers_by_alias_as_a_pyfunc(trained: tuple[Trained, Path], city: Path):
    register(trained[1])
    promote(city, limits=PATIENT)
    model = mlflow.pyfunc.load_model("models:/taxi-duration@champion")
    frame = pd.DataFrame(
        {
            "PULocationID": [161, 132, 41],
            "DOLocationID": [132, 161, 42],
            "trip_distance": [17.5, None, 1.0],
            "pickup_datetime": pd.to_datetime(["2023-08-16T08:30:00", "2023-08-16T08:30:00", None]),
        }
    )
    nat = np.datetime64("NaT")
    trips = Trips(
        np.array([161, 132, 41]),
        np.array([132, 161, 42]),
        np.array([17.5, np.nan, 1.0]),
        np.array(["2023-08-16T08:30:00", "2023-08-16T08:30:00", nat], "datetime64[s]"),
    )
    expected = Predictor(load_bundle(trained[1])).predict(trips).minutes
    np.testing.assert_array_equal(model.predict(frame)[["duration", "lower", "upper"]].to_numpy(), expected)
    assert len(model.predict(frame[["PULocationID", "DOLocationID"]])) == 3
    with pytest.raises(ValueError, match="must be 1 to 265"):
        model.predict(frame.assign(PULocationID=0))
    with pytest.raises(ValueError, match="trip_distance"):
        model.predict(frame.assign(trip_distance=-1.0))
    requirements = Path(mlflow.artifacts.download_artifacts("models:/taxi-duration@champion/requirements.txt"))
    names = {line.split("==")[0] for line in requirements.read_text().split()}
    assert names == {"mlflow", "numpy"}
    assert [column.name for column in model.metadata.signature.inputs] == list(frame)
    assert list(model.input_example) == list(frame)


@pytest.mark.usefixtures("registry")
def test_mlflows_own_server_serves_the_champion(trained: tuple[Trained, Path], city: Path, tmp_path: Path):
    register(trained[1])
    promote(city, limits=PATIENT)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    trip = {"PULocationID": 161, "DOLocationID": 132, "trip_distance": 17.5, "pickup_datetime": "2023-08-16T08:30:00"}
    body = json.dumps({"dataframe_records": [trip]}).encode()
    ask = urllib.request.Request(f"{url}/invocations", body, {"Content-Type": "application/json"})

    command = ["models", "serve", "--env-manager", "local", "--workers", "1", "--port", str(port)]
    # Nothing of the project is in its folder: what is registered has to suffice.
    server = start_mlflow([*command, "--model-uri", "models:/taxi-duration@champion"], tmp_path, f"{url}/ping")
    try:
        with urllib.request.urlopen(ask, timeout=10) as answer:
            (found,) = json.load(answer)["predictions"]
    finally:
        stop_mlflow(server)
    moment = np.array(["2023-08-16T08:30:00"], "datetime64[s]")
    known = Trips(np.array([161]), np.array([132]), np.array([17.5]), moment)
    expected = Predictor(load_bundle(trained[1])).predict(known).minutes[0]
    assert [found["duration"], found["lower"], found["upper"]] == expected.tolist()


@pytest.mark.usefixtures("registry")
def test_export_brings_back_the_very_bundle(trained: tuple[Trained, Path], tmp_path: Path):
    register(trained[1])
    promotion.export("challenger", tmp_path / "fetched")
    assert load_bundle(tmp_path / "fetched").digest == load_bundle(trained[1]).digest
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("years of work")
    with pytest.raises(TrainingError, match="not a bundle"):
        promotion.export("challenger", tmp_path / "other")
    assert (tmp_path / "other" / "thesis.txt").read_text() == "years of work"


@pytest.mark.usefixtures("registry")
def test_months_that_trained_a_model_do_not_judge_it(trained: tuple[Trained, Path], city: Path, tmp_path: Path):
    register(trained[1])
    (tmp_path / "green").mkdir()
    for month in ("2023-01", "2023-02"):
        file = city / "green" / f"green_tripdata_{month}.parquet"
        (tmp_path / "green" / file.name).symlink_to(file)
    with pytest.raises(TrainingError, match="no months later than"):
        promote(tmp_path, limits=PATIENT)


@pytest.mark.usefixtures("registry")
def test_promoting_without_a_challenger_says_what_to_do(city: Path):
    with pytest.raises(TrainingError, match="training register --bundle"):
        promote(city)


@pytest.mark.usefixtures("registry")
def test_a_server_that_refuses_the_client_is_named(monkeypatch: pytest.MonkeyPatch):
    other_name = os.environ["MLFLOW_TRACKING_URI"].replace("localhost", "127.0.0.1")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", other_name)
    with pytest.raises(TrainingError, match=r"403.*allowed-hosts") as refused:
        tracking.check()
    assert other_name in str(refused.value)


def test_without_a_server_everything_is_in_a_file_here(
    trained: tuple[Trained, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    try:
        register(trained[1])
    finally:
        mlflow.set_tracking_uri(None)
    assert (tmp_path / "mlflow.db").stat().st_size > 0


@pytest.mark.usefixtures("registry")
def test_a_bundle_stays_whole_though_no_run_could_be_recorded(
    trained: tuple[Trained, Path], city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def gone(*_: object) -> None:
        raise TrainingError("cannot record the run at MLflow http://mlflow:5000")

    monkeypatch.setattr("training.pipeline.train", lambda _data, out, _recipe: shutil.copytree(trained[1], out))
    monkeypatch.setattr("training.recording.record_bundle", gone)
    with pytest.raises(TrainingError, match=r"cannot record the run .* is whole, but no run tells of it.*register"):
        commands.train(data=city, out=tmp_path / "bundle")
    assert load_bundle(tmp_path / "bundle").digest == load_bundle(trained[1]).digest


def test_training_does_not_begin_if_nothing_can_record_it(city: Path, tmp_path: Path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-m", "training", "train", "--data", city, "--out", tmp_path / "bundle"],
            cwd=ROOT,
            env=os.environ | {"MLFLOW_TRACKING_URI": nobody, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"MLflow {nobody}" in done.stderr.replace("\n", "")
    assert "Cleaning funnel" not in done.stdout
    assert not (tmp_path / "bundle").exists()


@pytest.mark.usefixtures("registry")
def test_the_commands_train_register_promote_and_export(city: Path, recipe: Recipe, tmp_path: Path):
    def run(*arguments: object, status: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "training", *map(str, arguments)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stderr + done.stdout
        return done.stdout + done.stderr

    recipe.write(tmp_path / "recipe.json")
    assert "run: " in run("train", "--data", city, "--out", "bundle", "--recipe", "recipe.json")
    far_from_scikit_learn(tmp_path / "bundle", tmp_path / "apart")
    run("register", "--bundle", "apart", "--data", city)
    assert "parity failed" in run("promote", "--data", city, status=4)
    assert "version 2" in run("register", "--bundle", "bundle")
    shown = run("promote", "--data", city, "--force", "--who", "test", "--why", "a busy machine is no slow model")
    assert "champion: version 2" in shown
    run("export", "--out", "serve")
    assert load_bundle(tmp_path / "serve").digest == load_bundle(tmp_path / "bundle").digest
    assert "nothing to go back to" in run("rollback", "--who", "test", "--why", "none", status=1)
    run("card", "--bundle", "bundle", "--data", city, "--out", "card.html")
    page = (tmp_path / "card.html").read_text()
    assert page.count("data:image/png;base64,") == 5
    assert "<table>" in page
    assert "http" not in page.replace("http-equiv", "")
    run("card", "--bundle", "bundle", "--out", "card.md")
    assert (tmp_path / "card.md").read_text() == (tmp_path / "bundle" / "MODEL_CARD.md").read_text()
    assert not list(tmp_path.glob("mlflow.db")), "the server keeps it, not the working directory"


def test_two_trainings_at_once_leave_two_whole_versions(
    registry: mlflow.MlflowClient, city: Path, recipe: Recipe, tmp_path: Path
):
    both = []
    for seed in (1, 2):
        folder = tmp_path / str(seed)
        folder.mkdir()
        replace(recipe, seed=seed).write(folder / "recipe.json")
        train_it = f"{sys.executable} -m training train --data {city} --out bundle --recipe recipe.json"
        register_it = f"{sys.executable} -m training register --bundle bundle"
        both.append(
            subprocess.Popen(
                ["sh", "-c", f"{train_it} && {register_it}"],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        )
    said = [process.communicate(timeout=300)[0].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    digests = {load_bundle(tmp_path / str(seed) / "bundle").digest for seed in (1, 2)}
    found = set()
    for version in registry.search_model_versions("name = 'taxi-duration'"):
        registry.set_registered_model_alias("taxi-duration", "looked-at", version.version)
        promotion.export("looked-at", tmp_path / f"fetched-{version.version}")
        found.add(load_bundle(tmp_path / f"fetched-{version.version}").digest)
        assert registry.get_run(version.run_id).info.status == "FINISHED"
    assert len(digests) == 2
    assert found == digests
    assert registry.get_model_version_by_alias("taxi-duration", "challenger").version in {"1", "2"}
