"""The Open Inference Protocol, version 2: tensors in, tensors out."""

from itertools import chain
from math import prod
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, validate, validates_schema

from taxi_api.schemas.batch import COLUMNS, Table
from taxi_api.schemas.fields import Column

MODEL_NAME = "taxi-duration"
OUTPUTS = ("duration", "lower", "upper", "trip_distance")

_WHOLE = tuple(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))
_FRACTIONAL = ("FP16", "FP32", "FP64")
# Which data types the tensors of each input may have; what the values mean and allow is for the schema of a trip.
_DATATYPES = {
    "PULocationID": _WHOLE,
    "DOLocationID": _WHOLE,
    "pickup_location_id": _WHOLE,
    "dropoff_location_id": _WHOLE,
    "trip_distance": (*_FRACTIONAL, *_WHOLE),
    "pickup_datetime": ("BYTES",),
}


class LiveSchema(Schema):
    """The server answers."""

    live = fields.Boolean(required=True, metadata={"example": True})


class ServerReadySchema(Schema):
    """The server can infer."""

    ready = fields.Boolean(required=True, metadata={"example": True})


class ModelReadySchema(Schema):
    """The model can infer."""

    name = fields.String(required=True, metadata={"example": MODEL_NAME})
    ready = fields.Boolean(required=True, metadata={"example": True})


class TensorSchema(Schema):
    """What a tensor looks like."""

    class Meta:
        unknown = RAISE

    name = fields.String(required=True, metadata={"example": "PULocationID"})
    datatype = fields.String(required=True, metadata={"example": "INT64"})
    shape = fields.List(
        fields.Integer(), required=True, metadata={"description": "-1 is any number of trips.", "example": [-1]}
    )


class ModelMetadataSchema(Schema):
    """What the model takes and gives."""

    class Meta:
        unknown = RAISE

    name = fields.String(required=True, metadata={"example": MODEL_NAME})
    versions = fields.List(fields.String(), required=True, metadata={"example": ["2024-03-1a2b3c4d"]})
    platform = fields.String(required=True, metadata={"example": "numpy"})
    inputs = fields.List(fields.Nested(TensorSchema), required=True)
    outputs = fields.List(fields.Nested(TensorSchema), required=True)


class InputTensorSchema(Schema):
    """One field of all trips."""

    class Meta:
        unknown = EXCLUDE  # the protocol lets clients add parameters

    name = fields.String(
        required=True, validate=validate.OneOf(tuple(_DATATYPES)), metadata={"example": "PULocationID"}
    )
    shape = fields.List(
        fields.Integer(strict=True, validate=validate.Range(0)),
        required=True,
        validate=validate.Length(1, 2),
        metadata={"description": "The number of trips; a second dimension can only be 1.", "example": [2]},
    )
    datatype = fields.String(required=True, metadata={"example": "INT64"})
    data = Column(
        fields.Raw(allow_none=True),
        required=True,
        metadata={"description": "Values, flat or nested; null where a trip has none.", "example": [161, 1]},
    )

    @validates_schema(skip_on_field_errors=True)
    def _check(self, tensor: dict[str, Any], **_kwargs: Any) -> None:
        allowed = _DATATYPES[tensor["name"]]
        if tensor["datatype"] not in allowed:
            raise ValidationError(f"Must be one of: {', '.join(allowed)}.", "datatype")
        shape, found = tensor["shape"], len(_flat(tensor["data"]))
        if shape[1:] not in ([], [1]) or prod(shape) != found:
            raise ValidationError(f"Must be [{found}] or [{found}, 1], as there are {found} values.", "shape")


class OutputRequestSchema(Schema):
    """An output that the client wants."""

    class Meta:
        unknown = EXCLUDE

    name = fields.String(required=True, validate=validate.OneOf(OUTPUTS), metadata={"example": "duration"})


class InferenceRequestSchema(Schema):
    """Trips as one tensor a field."""

    class Meta:
        unknown = EXCLUDE

    id = fields.String(metadata={"description": "Comes back with the answer.", "example": "42"})
    inputs = fields.List(
        fields.Nested(InputTensorSchema),
        required=True,
        metadata={
            "example": [
                {"name": "PULocationID", "shape": [2], "datatype": "INT64", "data": [161, 1]},
                {"name": "DOLocationID", "shape": [2], "datatype": "INT64", "data": [132, 2]},
                {"name": "trip_distance", "shape": [2], "datatype": "FP64", "data": [17.5, None]},
            ]
        },
    )
    outputs = fields.List(
        fields.Nested(OutputRequestSchema), metadata={"description": "All of them if left out.", "example": []}
    )

    @validates_schema(skip_on_field_errors=True)
    def _check_names(self, request: dict[str, Any], **_kwargs: Any) -> None:
        names = [tensor["name"] for tensor in request["inputs"]]
        if len(set(names)) < len(names):
            raise ValidationError("Names an input twice.", "inputs")


class OutputTensorSchema(Schema):
    """One value of each trip, in their order: minutes, or miles for ``trip_distance``."""

    class Meta:
        unknown = RAISE

    name = fields.String(required=True, metadata={"example": "duration"})
    shape = fields.List(fields.Integer(), required=True, metadata={"example": [2]})
    datatype = fields.String(required=True, metadata={"example": "FP64"})
    data = fields.List(fields.Float(), required=True, metadata={"example": [44.9, 28.7]})


class InferenceAnswerSchema(Schema):
    """The outputs for all trips."""

    class Meta:
        unknown = RAISE

    model_name = fields.String(required=True, metadata={"example": MODEL_NAME})
    model_version = fields.String(required=True, metadata={"example": "2024-03-1a2b3c4d"})
    id = fields.String(metadata={"example": "42"})
    outputs = fields.List(fields.Nested(OutputTensorSchema), required=True)


def trips_of(request: dict[str, Any]) -> Table:
    """Return the trips of a loaded request as columns; raise ValidationError if they are no batch."""
    return COLUMNS.load(  # type: ignore[no-any-return]
        {tensor["name"]: _flat(tensor["data"]) for tensor in request["inputs"]}
    )


def _flat(data: list[Any]) -> list[Any]:
    if data and all(isinstance(row, list) for row in data):
        return list(chain.from_iterable(data))
    return data
