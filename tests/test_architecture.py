"""Who may import whom, by reading the code and by looking at a fresh process."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PURE = {"taxi_api", "numpy"} | sys.stdlib_module_names
HEAVY = {"training", "sklearn", "scipy", "pandas", "polars", "pyarrow", "mlflow", "onnx", "onnxruntime", "matplotlib"}
HEAVY |= {"requests"}


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports in full"
            found.add(node.module or "")
    return found


def files(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found
    return found


@pytest.mark.parametrize("path", files("taxi_api/model"), ids=str)
def test_the_model_is_pure(path: Path):
    for module in imports(path):
        assert module.split(".")[0] in PURE, f"{path.name} imports {module}"
        assert not module.startswith("taxi_api.") or module.startswith("taxi_api.model"), f"{path.name}: {module}"


@pytest.mark.parametrize("path", files("taxi_api"), ids=str)
def test_serving_does_not_know_training(path: Path):
    assert not {module.split(".")[0] for module in imports(path)} & HEAVY


@pytest.mark.parametrize("path", files("training"), ids=str)
def test_training_knows_only_the_model_of_serving(path: Path):
    serving = {module for module in imports(path) if module.startswith("taxi_api")}
    assert all(module.startswith("taxi_api.model") for module in serving)
    others = {module.split(".")[0] for module in imports(path)}
    assert not others & {"flask", "marshmallow", "flasgger"}
    assert "mlflow" not in others or path.name == "tracking.py"


def loaded_by(statement: str) -> set[str]:
    """Return the top-level modules that a fresh process has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_a_served_prediction_loads_nothing_heavy():
    loaded = loaded_by(
        "from taxi_api.app import create_app\n"
        "assert create_app().test_client().post('/predict', json={'PULocationID': 1, 'DOLocationID': 2}).json"
    )
    assert "numpy" in loaded
    # flasgger and Swagger UI wait until somebody opens the documentation.
    assert not loaded & (HEAVY | {"flasgger", "flask_swagger_ui", "apispec", "yaml", "jsonschema"})


def test_the_model_loads_without_flask():
    loaded = loaded_by("from taxi_api.model.store import load_predictor\nload_predictor('')")
    assert not loaded & (HEAVY | {"flask", "marshmallow", "werkzeug"})


def test_gunicorns_master_loads_nothing_that_cannot_cross_a_fork():
    loaded = loaded_by("import runpy\nrunpy.run_path('gunicorn.conf.py')")
    # prometheus_client looks once where its files are: the workers are told after the fork.
    assert "prometheus_client" not in loaded


RUNS_DATA = {"pickle", "cloudpickle", "joblib", "dill", "shelve", "marshal"}


@pytest.mark.parametrize(
    "path", [path for package in ("taxi_api", "training", "deploy") for path in files(package)], ids=str
)
def test_data_is_never_run(path: Path):
    assert not {module.split(".")[0] for module in imports(path)} & RUNS_DATA
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {"eval", "exec", "compile", "yaml.load", "yaml.unsafe_load"}, f"{path.name}: {called}"
            allowed = [word for word in node.keywords if word.arg == "allow_pickle"]
            assert all(isinstance(word.value, ast.Constant) and word.value.value is False for word in allowed)
