"""The bundle as MLflow registers it, saved to a folder for ``mlflow models serve``; an argument names the folder."""

import sys
from pathlib import Path
from shutil import copytree, ignore_patterns
from tempfile import TemporaryDirectory

import mlflow.pyfunc

import taxi_api.model
from taxi_api.model.store import DEFAULT_BUNDLE

if __name__ == "__main__":
    package = Path(taxi_api.model.__file__).parents[1]
    with TemporaryDirectory() as scratch:
        code, data = Path(scratch) / package.name, Path(scratch) / "bundle"
        copytree(package / "model", code / "model", ignore=ignore_patterns("default", "__pycache__"))
        (code / "__init__.py").write_text((package / "__init__.py").read_text())
        copytree(DEFAULT_BUNDLE, data)
        mlflow.pyfunc.save_model(
            sys.argv[1],
            loader_module="taxi_api.model.pyfunc",
            data_path=str(data),
            code_paths=[str(code)],
            pip_requirements=["numpy", "onnxruntime"],
        )
