"""What tutorials build: FastAPI over a DictVectorizer and XGBoost, with a data frame for each request.

``uvicorn benchmarks.serving.apps.tutorial:app``, and ``handler`` for Lambda. MLflow loads the pair from a folder, as in
the courses. Its model is its own, of made-up trips: it answers other minutes, for the same work.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import xgboost
from fastapi import FastAPI
from mangum import Mangum
from pydantic import BaseModel
from sklearn.feature_extraction import DictVectorizer
from sklearn.pipeline import make_pipeline

from benchmarks.serving.trips import made_up

MODEL = Path(os.environ.get("TUTORIAL_MODEL") or Path(tempfile.gettempdir()) / "taxi-benchmark-tutorial-model")
app = FastAPI()
handler = Mangum(app, lifespan="off")


class Trip(BaseModel):
    PULocationID: int
    DOLocationID: int
    trip_distance: float


def _features(frame: pd.DataFrame) -> list[dict[str, Any]]:
    frame["PU_DO"] = frame["PULocationID"].astype(str) + "_" + frame["DOLocationID"].astype(str)
    return frame[["PU_DO", "trip_distance"]].to_dict(orient="records")


def _fit(folder: Path) -> None:
    frame = pd.DataFrame(made_up(20_000))
    minutes = 3 + 3.5 * frame["trip_distance"] + frame["PULocationID"] % 7
    model = make_pipeline(DictVectorizer(), xgboost.XGBRegressor(n_estimators=100, max_depth=6, n_jobs=1))
    model.fit(_features(frame), minutes)
    mlflow.sklearn.save_model(model, folder, serialization_format="cloudpickle")


if not MODEL.is_dir():
    _fit(MODEL)
pipeline = mlflow.pyfunc.load_model(str(MODEL))


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/predict")
def predict(trip: Trip) -> dict[str, float]:
    return {"duration": float(pipeline.predict(_features(pd.DataFrame([trip.model_dump()])))[0])}
