"""One trip, one answer."""

from typing import Any

from flask import Blueprint, Response, current_app

from taxi_api.answers import answer
from taxi_api.apidocs.operation import operation
from taxi_api.routes.body import load_body
from taxi_api.routes.caching import cacheable
from taxi_api.routes.query import load_query
from taxi_api.schemas.prediction import PredictionSchema
from taxi_api.schemas.trip import TripSchema

blueprint = Blueprint("predict", __name__)
_trip = TripSchema()


@blueprint.post("/predict")
@blueprint.post("/v1/predict")
@operation("Predict the duration of one trip", body=TripSchema, answer=PredictionSchema, errors=(400, 413, 415, 422))
def predict() -> dict[str, Any]:
    """Answer with the expected duration in minutes and an interval that holds most trips of this kind."""
    return answer(current_app.extensions["predictor"], load_body(_trip))


@blueprint.get("/v1/predict")
@operation(
    "Predict the duration of one trip, from query parameters",
    query=TripSchema,
    answer=PredictionSchema,
    conditional=True,
    errors=(422,),
)
def predict_by_query() -> Response:
    """Answer as `POST` does. With a `pickup_datetime` the answer may be kept; without one it is for now."""
    trip = load_query(_trip)
    # Without a pickup time the next second has another answer.
    return cacheable(answer(current_app.extensions["predictor"], trip), keep="pickup_datetime" in trip)
