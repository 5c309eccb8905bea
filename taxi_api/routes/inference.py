"""Clients of the Open Inference Protocol, such as KServe's and Triton's, work unchanged."""

from typing import Any

from flask import Blueprint
from marshmallow import ValidationError

from taxi_api.answers import predict
from taxi_api.apidocs.operation import operation
from taxi_api.current_model import current_predictor
from taxi_api.routes.health import check
from taxi_api.routes.many_trips import load_json, read_trips
from taxi_api.schemas.inference import (
    MODEL_NAME,
    OUTPUTS,
    InferenceAnswerSchema,
    InferenceRequestSchema,
    LiveSchema,
    ModelMetadataSchema,
    ModelReadySchema,
    ServerReadySchema,
    trips_of,
)

_MODEL = f"/v2/models/{MODEL_NAME}"
_INPUTS = {"PULocationID": "INT64", "DOLocationID": "INT64", "trip_distance": "FP64", "pickup_datetime": "BYTES"}
blueprint = Blueprint("inference", __name__)
_request = InferenceRequestSchema()


@blueprint.get("/v2/health/live")
@operation("Is the server alive?", answer=LiveSchema)
def live() -> dict[str, Any]:
    """Answer without touching the model."""
    return {"live": True}


@blueprint.get("/v2/health/ready")
@operation("Is the server ready?", answer=ServerReadySchema, errors=(503,))
def server_ready() -> dict[str, Any]:
    """Answer as `/ready` does: the model has just reproduced its golden answers."""
    check()
    return {"ready": True}


@blueprint.get(_MODEL)
@operation("Describe the model's tensors", answer=ModelMetadataSchema)
def metadata() -> dict[str, Any]:
    """Answer with the inputs and outputs; `trip_distance` and `pickup_datetime` may be left out."""
    predictor = current_predictor()
    return {
        "name": MODEL_NAME,
        "versions": [predictor.bundle.version],
        "platform": "numpy",
        "inputs": [{"name": name, "datatype": datatype, "shape": [-1]} for name, datatype in _INPUTS.items()],
        "outputs": [{"name": name, "datatype": "FP64", "shape": [-1]} for name in OUTPUTS],
    }


@blueprint.get(f"{_MODEL}/ready")
@operation("Is the model ready?", answer=ModelReadySchema, errors=(503,))
def model_ready() -> dict[str, Any]:
    """Answer as `/ready` does."""
    check()
    return {"name": MODEL_NAME, "ready": True}


@blueprint.post(f"{_MODEL}/infer")
@operation(
    "Predict from tensors", body=InferenceRequestSchema, answer=InferenceAnswerSchema, errors=(400, 413, 415, 422)
)
def infer() -> dict[str, Any]:
    """Answer with a tensor of each output, in minutes and miles; any invalid trip refuses the whole request."""
    request = load_json(_request)
    batch = read_trips(trips_of(request))
    if batch.errors:
        raise ValidationError(batch.errors)
    predictor = current_predictor()
    predicted = predict(predictor, batch.trips)
    columns = dict(zip(OUTPUTS, (*predicted.minutes.T, predicted.miles), strict=True))
    wanted = [output["name"] for output in request.get("outputs", ())] or OUTPUTS
    return {
        "model_name": MODEL_NAME,
        "model_version": predictor.bundle.version,
        **({"id": request["id"]} if "id" in request else {}),
        "outputs": [
            {"name": name, "shape": [len(columns[name])], "datatype": "FP64", "data": columns[name].round(2).tolist()}
            for name in wanted
        ],
    }
