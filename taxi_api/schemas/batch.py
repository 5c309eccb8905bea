"""Many trips at once: as rows or as columns, and their answers."""

from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validates_schema

from taxi_api.schemas.fields import MAX_ID_LENGTH, Column, ListOf, RowId
from taxi_api.schemas.prediction import ModelRefSchema, PredictionSchema
from taxi_api.schemas.trip import (
    EitherSpelling,
    LowerCaseTripSchema,
    TripSchema,
    distance,
    pickup_time,
    zone,
)

ROWS = "trips"

Table = list[Any] | dict[str, list[Any]]
"""Rows, or columns by name; what they hold is not checked yet."""


def row_id(*, allow_none: bool = False) -> RowId:
    """Return the field for the caller's own name of a trip."""
    return RowId(
        allow_none=allow_none,
        metadata={
            "oneOf": [{"type": "string", "maxLength": MAX_ID_LENGTH}, {"type": "integer"}],
            "description": "Any string or whole number of yours; it comes back with the answer.",
            "example": "a-1",
        },
    )


class BatchTripSchema(TripSchema):
    """A trip of a batch."""

    id = row_id()


class LowerCaseBatchTripSchema(LowerCaseTripSchema):
    """A trip of a batch, with its zones in TLC's other spelling."""

    id = row_id()


class BatchRowsSchema(Schema):
    """A batch as rows: one object a trip."""

    class Meta:
        unknown = RAISE

    trips = ListOf(BatchTripSchema, LowerCaseBatchTripSchema, required=True)


class _ColumnsSchema(Schema):
    class Meta:
        unknown = RAISE

    @validates_schema(skip_on_field_errors=True)
    def _check_lengths(self, columns: dict[str, list[Any]], **_kwargs: Any) -> None:
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise ValidationError(f"Columns must have one length; these have {listed}.")


def _row_ids() -> Column:
    return Column(row_id(allow_none=True), metadata={"example": ["a-1", "a-2"]})


def _zones(what: str, example: list[int]) -> Column:
    return Column(zone(what, example[0]), required=True, metadata={"example": example})


def _distances() -> Column:
    return Column(distance(allow_none=True), metadata={"example": [5.0, None]})


def _pickup_times() -> Column:
    return Column(pickup_time(allow_none=True), metadata={"example": ["2024-09-18T08:30:00", None]})


class BatchColumnsSchema(_ColumnsSchema):
    """A batch as columns: one list a field, all of the same length; null where a trip has no value."""

    PULocationID = _zones("pickup", [1, 161])
    DOLocationID = _zones("dropoff", [2, 132])
    trip_distance = _distances()
    pickup_datetime = _pickup_times()
    id = _row_ids()


class LowerCaseBatchColumnsSchema(_ColumnsSchema):
    """A batch as columns, with its zones in TLC's other spelling."""

    pickup_location_id = _zones("pickup", [1, 161])
    dropoff_location_id = _zones("dropoff", [2, 132])
    trip_distance = _distances()
    pickup_datetime = _pickup_times()
    id = _row_ids()


class BatchPredictionSchema(PredictionSchema):
    """The answer for one trip of a batch."""

    class Meta:
        unknown = RAISE
        exclude = ("model",)

    id = row_id()


class RowErrorSchema(Schema):
    """What is wrong with a trip of a batch."""

    class Meta:
        unknown = RAISE

    index = fields.Integer(required=True, metadata={"description": "Its place in the batch, from 0.", "example": 1})
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        required=True,
        metadata={"description": "Messages by field.", "example": {"trip_distance": ["Not a valid number."]}},
    )


class BatchFailureSchema(Schema):
    """A trip of a batch that cannot be answered."""

    class Meta:
        unknown = RAISE

    error = fields.Nested(RowErrorSchema, required=True)
    id = row_id()


class BatchAnswerSchema(Schema):
    """An answer or an error for each trip, in the order of the request."""

    class Meta:
        unknown = RAISE

    predictions = ListOf(BatchPredictionSchema, BatchFailureSchema, required=True)
    model = fields.Nested(ModelRefSchema, required=True)


class BatchQuerySchema(Schema):
    """How to treat a batch."""

    class Meta:
        unknown = RAISE

    strict = fields.Boolean(
        truthy={"true"},
        falsy={"false"},
        metadata={"description": "Refuse the whole batch if any trip is invalid.", "example": False},
    )


BATCH_TRIP = EitherSpelling(BatchTripSchema(), LowerCaseBatchTripSchema())
COLUMNS = EitherSpelling(BatchColumnsSchema(), LowerCaseBatchColumnsSchema())
_rows = BatchRowsSchema()


class BatchBody:
    """Loads a batch, rows or columns, whose trips are not checked yet."""

    @staticmethod
    def load(data: Any) -> Table:
        """Return the rows or columns; raise ValidationError if the body is neither."""
        if isinstance(data, dict) and ROWS in data:
            return _rows.load(data)[ROWS]  # type: ignore[no-any-return]
        return COLUMNS.load(data)  # type: ignore[no-any-return]
