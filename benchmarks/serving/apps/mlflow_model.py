"""The bundle as MLflow registers it, saved to a folder for ``mlflow models serve``; an argument names the folder."""

import sys
from pathlib import Path

from taxi_api.model.store import DEFAULT_BUNDLE
from training.tracking import save_model

if __name__ == "__main__":
    save_model(DEFAULT_BUNDLE, Path(sys.argv[1]))
