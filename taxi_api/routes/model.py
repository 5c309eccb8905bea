"""The model: where it comes from and how good it is."""

from typing import Any

from flask import Blueprint, Response

from taxi_api.answers import model_reference
from taxi_api.apidocs.operation import operation
from taxi_api.current_model import current_predictor
from taxi_api.model.bundle import Bundle
from taxi_api.model.features import NAMES
from taxi_api.routes.caching import cacheable
from taxi_api.schemas.model import ModelSchema
from taxi_api.served_model import source

blueprint = Blueprint("model", __name__)


@blueprint.get("/v1/model")
@operation("Describe the model", answer=ModelSchema, conditional=True)
def get_model() -> Response:
    """Answer with the model's version, the months behind it, its measured errors and coverage, and its features."""
    predictor = current_predictor()
    return cacheable(model_reference(predictor) | _description(predictor.bundle) | {"source": source()})


def _description(bundle: Bundle) -> dict[str, Any]:
    months = bundle.manifest.get("data", {}).get("months", {})
    metrics = bundle.manifest["metrics"]
    covered = {
        trips: {minutes: found["coverage"] for minutes, found in by_minutes.items() if "coverage" in found}
        for trips, by_minutes in metrics.items()
    }
    return {
        "digest": bundle.digest,
        "months": {purpose: months.get(purpose, {}) for purpose in ("train", "calibrate", "test")},
        "interval": {"level": bundle.level, "measured": {trips: found for trips, found in covered.items() if found}},
        "metrics": metrics,
        "features": list(NAMES),
    }
