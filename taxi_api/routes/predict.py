"""One trip, one answer."""

from typing import Any

from flask import Blueprint, Response

from taxi_api.answers import answer
from taxi_api.apidocs.operation import operation
from taxi_api.current_model import current_predictor
from taxi_api.routes.body import load_body
from taxi_api.routes.caching import JSON, cacheable
from taxi_api.routes.query import load_query
from taxi_api.schemas.prediction import PredictionSchema
from taxi_api.schemas.trip import TRIP, LowerCaseTripSchema, TripSchema

blueprint = Blueprint("predict", __name__)


@blueprint.post("/predict")
@blueprint.post("/v1/predict")
@operation(
    "Predict the duration of one trip",
    body={JSON: (TripSchema, LowerCaseTripSchema)},
    answer=PredictionSchema,
    errors=(400, 413, 415, 422),
)
def predict() -> dict[str, Any]:
    """Answer with the expected duration in minutes and an interval that holds most trips of this kind."""
    return answer(current_predictor(), load_body(TRIP))


@blueprint.get("/v1/predict")
@operation(
    "Predict the duration of one trip, from query parameters",
    query=TripSchema,
    answer=PredictionSchema,
    conditional=True,
    errors=(422,),
)
def predict_by_query() -> Response:
    """Answer as `POST` does. With a `pickup_datetime` the answer may be kept; without one it is for now.

    `pickup_location_id` and `dropoff_location_id` may be written for the two zones.
    """
    trip = load_query(TRIP)
    # Without a pickup time the next second has another answer.
    return cacheable(answer(current_predictor(), trip), keep="pickup_datetime" in trip)
