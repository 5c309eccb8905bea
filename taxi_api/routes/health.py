"""Probes: is the process alive, and can it answer?"""

import time
from typing import Any

from flask import Blueprint, current_app

from taxi_api.answers import model_reference
from taxi_api.apidocs.operation import operation
from taxi_api.current_model import current_predictor
from taxi_api.model.predictor import Predictor
from taxi_api.schemas.health import HealthSchema, ReadySchema
from taxi_api.served_model import source

blueprint = Blueprint("health", __name__)
# A check costs as much as some hundred predictions: probes that come faster than this share one.
_CHECK_SECONDS = 1.0


@blueprint.get("/health")
@operation("Is the process alive?", answer=HealthSchema)
def health() -> dict[str, str]:
    """Answer without touching the model or any other service: for a liveness probe."""
    return {"status": "alive"}


@blueprint.get("/ready")
@blueprint.get("/ping")
@operation("Can it answer correctly?", answer=ReadySchema, errors=(503,))
def ready() -> dict[str, Any]:
    """Answer the bundle's golden trips again, at most once a second: for a readiness probe, or SageMaker's `/ping`."""
    return {"status": "ready", "model": model_reference(check()), "source": source()}


def check() -> Predictor:
    """Return the predictor if it can answer correctly; raise BundleError if not."""
    predictor = current_predictor()
    if time.monotonic() - current_app.extensions.get("predictor_checked", -_CHECK_SECONDS) >= _CHECK_SECONDS:
        predictor.check()
        current_app.extensions["predictor_checked"] = time.monotonic()
    return predictor
