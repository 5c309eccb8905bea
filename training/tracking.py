"""The one place that talks to MLflow: runs, the registered model, its aliases, and where its bundles are."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import mlflow
import mlflow.pyfunc
import pandas as pd
import requests
import taxi_api
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.data.meta_dataset import MetaDataset
from mlflow.data.filesystem_dataset_source import FileSystemDatasetSource
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from taxi_api.model.bundle import CARD, MANIFEST, OUTPUTS, Bundle
from training.errors import TrainingError

NAME = "taxi-duration"
CHAMPION, CHALLENGER = "champion", "challenger"
LOCAL_STORE = "sqlite:///mlflow.db"
# Where a registered model keeps its bundle.
BUNDLE_PATH = "data/bundle"
DIGEST = "bundle.digest"
