"""Many zones to many zones."""

from typing import Any

from flask import Blueprint, current_app
from werkzeug.exceptions import RequestEntityTooLarge

from taxi_api.apidocs.operation import operation
from taxi_api.current_model import current_predictor
from taxi_api.matrix import matrix
from taxi_api.routes.body import load_body
from taxi_api.schemas.matrix import MatrixRequestSchema, MatrixSchema

blueprint = Blueprint("matrix", __name__)
_request = MatrixRequestSchema()


@blueprint.post("/v1/matrix")
@operation(
    "Predict the durations from many zones to many others",
    body=MatrixRequestSchema,
    answer=MatrixSchema,
    errors=(400, 413, 415, 422),
)
def predict_matrix() -> dict[str, Any]:
    """Answer each combination of a source and a destination at one pickup time, one row a source.

    Made to feel like OSRM's table service, but in minutes and miles, with zones for coordinates. A matrix has at most
    `TAXI_MAX_MATRIX` cells (10,000 unless the operator says otherwise).
    """
    settings = current_app.extensions["settings"]
    most = settings.max_matrix
    request = load_body(_request, settings.matrix_body_bytes)
    cells = len(request["sources"]) * len(request["destinations"])
    if cells > most:
        raise RequestEntityTooLarge(
            f"The matrix has {cells} cells; one request takes at most {most}. Send it in parts."
        )
    return matrix(current_predictor(), request)
