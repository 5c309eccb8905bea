"""Clients of MLflow's model server and of SageMaker work unchanged."""

from typing import Any

from flask import Blueprint
from marshmallow import ValidationError

from taxi_api.answers import predict
from taxi_api.apidocs.operation import operation
from taxi_api.current_model import current_predictor
from taxi_api.model.bundle import OUTPUTS
from taxi_api.routes import csv_text
from taxi_api.routes.caching import JSON
from taxi_api.routes.many_trips import load_trips
from taxi_api.schemas.invocations import (
    InvocationsAnswerSchema,
    InvocationsBody,
    InvocationsRecordsSchema,
    InvocationsSplitSchema,
)

blueprint = Blueprint("invocations", __name__)
_CSV_TRIPS = "PULocationID,DOLocationID,trip_distance\n161,132,17.5\n1,2,\n"


@blueprint.post("/invocations")
@operation(
    "Predict as MLflow's model server does",
    body={JSON: (InvocationsSplitSchema, InvocationsRecordsSchema), csv_text.MEDIA_TYPE: _CSV_TRIPS},
    answer=InvocationsAnswerSchema,
    errors=(400, 413, 415, 422),
)
def invoke() -> dict[str, Any]:
    """Answer with durations and bounds alone, in minutes; any invalid trip refuses the whole request."""
    batch = load_trips(InvocationsBody())
    if batch.errors:
        raise ValidationError(batch.errors)
    predicted = predict(current_predictor(), batch.trips)
    return {"predictions": [dict(zip(OUTPUTS, row, strict=True)) for row in predicted.minutes.round(2).tolist()]}
