"""One trip, one answer, and why."""

from typing import Any

from flask import Blueprint

from taxi_api.apidocs.operation import operation
from taxi_api.current_model import current_predictor
from taxi_api.explanation import explained_answer
from taxi_api.routes.body import load_body
from taxi_api.routes.caching import JSON
from taxi_api.schemas.explanation import ExplanationSchema
from taxi_api.schemas.trip import TRIP, LowerCaseTripSchema, TripSchema

blueprint = Blueprint("explain", __name__)


@blueprint.post("/v1/explain")
@operation(
    "Explain the duration of one trip",
    body={JSON: (TripSchema, LowerCaseTripSchema)},
    answer=ExplanationSchema,
    errors=(400, 413, 415, 422),
)
def explain_trip() -> dict[str, Any]:
    """Answer with the minutes that each input of the trip adds to the expected duration.

    They are Shapley values against a set of past trips, and to the hundredth they add up to the duration. They say what
    moved this answer, not what would happen if the trip were another.
    """
    return explained_answer(current_predictor(), load_body(TRIP))
