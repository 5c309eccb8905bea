"""The one place that talks to MLflow: runs, the registered model, its versions and aliases, and their bundles.

Without ``MLFLOW_TRACKING_URI`` everything is kept in the working directory: ``mlflow.db`` and ``mlruns/``.
"""

import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

# MLflow tries again for minutes by default; a server that is down should be said soon.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

# It warns about its own type hints as it is imported.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mlflow
    import mlflow.pyfunc
import pandas as pd
import requests
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.data.http_dataset_source import HTTPDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema

import taxi_api.model
from taxi_api.model.bundle import CARD, MANIFEST, OUTPUTS, Bundle
from training.download import TLC_URL
from training.errors import TrainingError

NAME = "taxi-duration"
CHAMPION, CHALLENGER = "champion", "challenger"
LOCAL_STORE = "sqlite:///mlflow.db"
# Tags of runs and model versions.
DIGEST, VERSION, DATA = "bundle.digest", "bundle.version", "data.sha256"
# Where the files of a registered model keep its bundle.
_BUNDLE = Path("data") / "bundle"


@dataclass(frozen=True)
class Registered:
    """A version of the registered model."""

    number: str
    run: str
    tags: dict[str, str]

    @property
    def bundle_version(self) -> str:
        """The version that the bundle gives itself."""
        return self.tags.get(VERSION, "unknown")


@contextmanager
def _mlflow(doing: str) -> Iterator[MlflowClient]:
    """Lend a client; whatever goes wrong becomes one sentence that says what was being done, and where."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or LOCAL_STORE
    try:
        mlflow.set_tracking_uri(uri)
        yield MlflowClient()
    except (MlflowException, requests.RequestException, OSError) as problem:
        reason = str(problem).strip().splitlines()[0]
        advice = "is it running, and is MLFLOW_TRACKING_URI right?"
        if "403" in reason:
            advice = "it refuses this client: see mlflow server's --allowed-hosts, or the proxy's access rules"
        raise TrainingError(f"cannot {doing} at MLflow {uri}: {reason}; {advice}") from problem


def check() -> None:
    """Raise TrainingError unless MLflow answers: to be asked before hours of work that it is to record."""
    with _mlflow("find experiments") as client:
        client.search_experiments(max_results=1)


def record(bundle: Bundle, metrics: Mapping[str, Any], figures: Mapping[str, Figure], card: str) -> str:
    """Record a run that made a bundle, with everything that tells what it is; return the run's id.

    Args:
        bundle: the finished bundle; its recipe, data and manifest are logged, and it becomes the run's model.
        metrics: slice -> filter -> metric.
        figures: file name without suffix -> plot.
        card: the model card as an HTML page.

    """
    manifest = bundle.manifest
    with _mlflow("record the run"):
        mlflow.set_experiment(NAME)
        with mlflow.start_run(run_name=bundle.version, tags=_tags(bundle)) as run:
            mlflow.log_params(manifest["recipe"])
            mlflow.log_metrics(_flat(metrics))
            funnel = manifest["data"]["funnel"]
            mlflow.log_metrics({f"records {what}": funnel[what] for what in ("read", "kept")})
            mlflow.log_input(_dataset(bundle), context="training")
            mlflow.log_dict(manifest["data"], "data.json")
            mlflow.log_text(card, "card.html")
            mlflow.log_artifact(str(bundle.path / CARD))
            mlflow.log_artifact(str(bundle.path / MANIFEST))
            for name, figure in figures.items():
                mlflow.log_figure(figure, f"plots/{name}.png")
            _log_model(bundle)
    return str(run.info.run_id)


def run_of(bundle: Bundle) -> str | None:
    """Return the newest run that made just this bundle, or None."""
    with _mlflow("look for the bundle's run") as client:
        runs = client.search_runs(
            _experiments(client),
            f"tags.`{DIGEST}` = '{bundle.digest}' and attributes.status = 'FINISHED'",
            max_results=1,
        )
    return str(runs[0].info.run_id) if runs else None


def register(bundle: Bundle, run: str) -> Registered:
    """Make the run's model a version of the registered model, unless it is one already, and the challenger."""
    with _mlflow("register the model") as client:
        same = [found for found in _versions(client) if found.tags.get(DIGEST) == bundle.digest]
        if same:
            found = same[0]
        else:
            (model,) = client.search_logged_models(_experiments(client), f"source_run_id = '{run}'")
            found = _registered(mlflow.register_model(model.model_uri, NAME, tags=_tags(bundle)))
        client.set_registered_model_alias(NAME, CHALLENGER, found.number)
    return found


def versions() -> list[Registered]:
    """Return all versions, newest first."""
    with _mlflow("list the versions") as client:
        return _versions(client)


def by_alias(alias: str) -> Registered | None:
    """Return the version that an alias points to, or None if there is no such alias."""
    with _mlflow(f"find {NAME}@{alias}") as client:
        try:
            return _registered(client.get_model_version_by_alias(NAME, alias))
        except MlflowException as problem:
            # A missing model is "does not exist", a missing alias "invalid parameter".
            if problem.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                return None
            raise


def needed(alias: str) -> Registered:
    """Return the version that an alias points to; raise TrainingError if there is none."""
    found = by_alias(alias)
    if found is None:
        raise TrainingError(
            f"the registry has no {NAME}@{alias}; register a bundle with: python -m training register --bundle DIR"
            + ("" if alias == CHALLENGER else ", and promote it with: python -m training promote --data DIR")
        )
    return found


def by_number(number: str) -> Registered:
    """Return a version by its number; raise TrainingError if there is none."""
    with _mlflow(f"find version {number} of {NAME}") as client:
        return _registered(client.get_model_version(NAME, number))


def make_champion(version: Registered, tags: Mapping[str, str]) -> None:
    """Point the champion's alias at a version, after writing down why."""
    with _mlflow("move the champion's alias") as client:
        for key, value in tags.items():
            client.set_model_version_tag(NAME, version.number, key, value)
        client.set_registered_model_alias(NAME, CHAMPION, version.number)


def tag(version: Registered, tags: Mapping[str, str]) -> None:
    """Write tags on a version."""
    with _mlflow("tag the version") as client:
        for key, value in tags.items():
            client.set_model_version_tag(NAME, version.number, key, value)


@contextmanager
def fetched(version: Registered) -> Iterator[Path]:
    """Lend the folder of a version's bundle; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="taxi-bundle-") as folder:
        with _mlflow(f"fetch version {version.number} of {NAME}") as client:
            source = client.get_model_version_download_uri(NAME, version.number)
            path = Path(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=folder)) / _BUNDLE
        if not path.is_dir():
            raise TrainingError(f"version {version.number} of {NAME} holds no bundle; it was not made by this project")
        yield path


def _log_model(bundle: Bundle) -> None:
    with _pyfunc_parts(bundle.path) as parts:
        mlflow.pyfunc.log_model(name="model", tags=_tags(bundle), **parts)


def save_model(bundle: Path, folder: Path) -> None:
    """Write a bundle into a new folder as it is registered, for ``mlflow models serve``."""
    with _pyfunc_parts(bundle) as parts:
        mlflow.pyfunc.save_model(str(folder), **parts)


@contextmanager
def _pyfunc_parts(bundle: Path) -> Iterator[dict[str, Any]]:
    """Yield what makes a bundle a pyfunc model; it needs the project's pure half and numpy, no more."""
    package = Path(taxi_api.model.__file__).parents[1]
    with tempfile.TemporaryDirectory() as scratch:
        code, data = Path(scratch) / package.name, Path(scratch) / _BUNDLE.name
        copytree(package / "model", code / "model", ignore=ignore_patterns("default", "__pycache__"))
        (code / "__init__.py").write_text((package / "__init__.py").read_text())
        copytree(bundle, data)
        yield {
            "loader_module": "taxi_api.model.pyfunc",
            "data_path": str(data),
            "code_paths": [str(code)],
            "signature": _SIGNATURE,
            "input_example": _EXAMPLE,
            "pip_requirements": [f"numpy=={installed('numpy')}"],
        }


_SIGNATURE = ModelSignature(
    inputs=Schema(
        [
            ColSpec(DataType.long, "PULocationID"),
            ColSpec(DataType.long, "DOLocationID"),
            ColSpec(DataType.double, "trip_distance", required=False),
            ColSpec(DataType.datetime, "pickup_datetime", required=False),
        ]
    ),
    outputs=Schema([ColSpec(DataType.double, name) for name in OUTPUTS]),
)
_EXAMPLE = pd.DataFrame(
    {
        "PULocationID": [161, 43],
        "DOLocationID": [132, 236],
        "trip_distance": [17.5, 1.8],
        "pickup_datetime": pd.to_datetime(["2024-09-18T08:30:00", "2024-09-22T02:00:00"]),
    }
)


def _tags(bundle: Bundle) -> dict[str, str]:
    return {DIGEST: bundle.digest, VERSION: bundle.version, DATA: bundle.manifest["data"]["sha256"]}


def _dataset(bundle: Bundle) -> MetaDataset:
    # MLflow cuts digests at 36 characters; the whole one is a tag.
    digest = bundle.manifest["data"]["sha256"][:36]
    return MetaDataset(HTTPDatasetSource(TLC_URL), "tlc-trip-records", digest)  # type: ignore[abstract, no-untyped-call]


def _flat(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return slice -> filter -> metric as MLflow's flat names, such as ``green 2024-09/no time/1-60/rmse``."""
    return {
        f"{slice_.replace(', ', '/')}/{filter_}/{metric}".replace("+", " up"): value
        for slice_, by_filter in metrics.items()
        for filter_, values in by_filter.items()
        for metric, value in values.items()
    }


def _experiments(client: MlflowClient) -> list[str]:
    experiment = client.get_experiment_by_name(NAME)
    return [experiment.experiment_id] if experiment else []


def _versions(client: MlflowClient) -> list[Registered]:
    found = [_registered(version) for version in client.search_model_versions(f"name = '{NAME}'")]
    return sorted(found, key=lambda version: int(version.number), reverse=True)


def _registered(version: ModelVersion) -> Registered:
    return Registered(str(version.version), str(version.run_id), dict(version.tags))
