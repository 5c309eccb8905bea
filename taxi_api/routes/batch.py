"""Many trips, many answers."""

from collections.abc import Iterator
from itertools import repeat
from typing import Any

import orjson
from flask import Blueprint, Response, current_app, request
from marshmallow import ValidationError

from taxi_api.answers import model_reference, predict
from taxi_api.apidocs.operation import operation
from taxi_api.batch import Batch, batch_answers
from taxi_api.batch_text import batch_text
from taxi_api.current_model import current_predictor
from taxi_api.model.predictor import BASIS, Predictions, Predictor
from taxi_api.routes import csv_text
from taxi_api.routes.caching import JSON
from taxi_api.routes.many_trips import load_trips
from taxi_api.routes.query import load_query
from taxi_api.schemas.batch import (
    BatchAnswerSchema,
    BatchBody,
    BatchColumnsSchema,
    BatchQuerySchema,
    BatchRowsSchema,
    LowerCaseBatchColumnsSchema,
)

blueprint = Blueprint("batch", __name__)
_query = BatchQuerySchema()
_CSV_COLUMNS = (
    *("id", "duration", "lower", "upper", "level", "miles", "distance_source"),
    *("pickup_datetime", "basis", "basis_trips", "model_version", "error"),
)
_NO_ANSWER = (None,) * len(_CSV_COLUMNS[1:-2])
_CSV_TRIPS = """\
id,PULocationID,DOLocationID,trip_distance,pickup_datetime
a-1,161,132,17.5,2024-09-18T08:30:00
a-2,1,0,,
"""
_CSV_ANSWERS = """\
id,duration,lower,upper,level,miles,distance_source,pickup_datetime,basis,basis_trips,model_version,error
a-1,44.9,30.1,55.9,0.9,17.5,request,2024-09-18T08:30:00-04:00,zone_pair,94,2024-03-1a2b3c4d,
a-2,,,,,,,,,,,DOLocationID: Must be greater than or equal to 1 and less than or equal to 265.
"""


@blueprint.post("/v1/predict/batch")
@operation(
    "Predict the durations of many trips",
    query=BatchQuerySchema,
    body={JSON: (BatchRowsSchema, BatchColumnsSchema, LowerCaseBatchColumnsSchema), csv_text.MEDIA_TYPE: _CSV_TRIPS},
    answer={JSON: BatchAnswerSchema, csv_text.MEDIA_TYPE: _CSV_ANSWERS},
    errors=(400, 413, 415, 422),
)
def predict_batch() -> dict[str, Any] | Response:
    """Answer each trip in the order of the request; one that is invalid gets its own error instead.

    Send rows (`trips`), columns, or CSV with a header and empty cells for values left out. The answer is CSV to
    `Accept: text/csv`. With `strict=true` any invalid trip refuses the whole batch, with `errors` by row. A batch holds
    at most `TAXI_MAX_BATCH` trips (10,000 unless the operator says otherwise).
    """
    strict = load_query(_query).get("strict", False)
    batch = load_trips(BatchBody())
    if strict and batch.errors:
        raise ValidationError(batch.errors)
    predictor = current_predictor()
    predicted = predict(predictor, batch.trips)
    if request.accept_mimetypes.best_match((JSON, csv_text.MEDIA_TYPE)) == csv_text.MEDIA_TYPE:
        text = csv_text.write_csv(_CSV_COLUMNS, _csv_rows(predictor, predicted, batch))
        return current_app.response_class(text, mimetype=csv_text.MEDIA_TYPE)
    try:
        return current_app.response_class(batch_text(predictor, predicted, batch), mimetype=JSON)
    except orjson.JSONEncodeError:
        # The standard library writes what orjson cannot, see LimitedJSONProvider.
        rows = batch_answers(predicted, batch, predictor.bundle.level)
        return {"predictions": rows, "model": model_reference(predictor)}


def _csv_rows(predictor: Predictor, predicted: Predictions, batch: Batch) -> Iterator[tuple[Any, ...]]:
    """Return the cells of each trip, in the order of the columns, None for an empty one."""
    version = predictor.bundle.version
    answers = zip(
        *(minutes.round(2).tolist() for minutes in predicted.minutes.T),
        repeat(predictor.bundle.level),
        predicted.miles.round(2).tolist(),
        ["estimate" if estimated else "request" for estimated in predicted.estimated.tolist()],
        batch.pickups,
        [BASIS[basis] for basis in predicted.basis.tolist()],
        predicted.basis_trips.tolist(),
        strict=False,  # the level repeats without an end
    )
    for index, name in enumerate(batch.ids):
        if index in batch.errors:
            messages = "; ".join(f"{field}: {' '.join(found)}" for field, found in batch.errors[index].items())
            yield (name, *_NO_ANSWER, version, messages)
        else:
            yield (name, *next(answers), version, None)
