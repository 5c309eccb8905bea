"""What clients of MLflow's model server send, and what they expect back."""

from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validates_schema

from taxi_api.schemas.batch import COLUMNS, BatchTripSchema, LowerCaseBatchTripSchema, Table, row_id
from taxi_api.schemas.fields import Column, ListOf
from taxi_api.schemas.trip import distance, pickup_time


class DataframeSplitSchema(Schema):
    """A data frame as pandas writes it with ``orient="split"``; null where a trip has no value."""

    class Meta:
        unknown = RAISE

    columns = fields.List(
        fields.String(),
        required=True,
        metadata={
            "description": "The fields of a trip, in the order of `data`.",
            "example": ["PULocationID", "DOLocationID", "trip_distance"],
        },
    )
    data = fields.List(
        Column(fields.Raw(allow_none=True)),
        required=True,
        metadata={"description": "One list a trip.", "example": [[161, 132, 17.5], [1, 2, None]]},
    )
    index = Column(fields.Raw(), metadata={"description": "Not looked at.", "example": [0, 1]})

    @validates_schema(skip_on_field_errors=True)
    def _check_shape(self, frame: dict[str, Any], **_kwargs: Any) -> None:
        if len(set(frame["columns"])) < len(frame["columns"]):
            raise ValidationError("Names a column twice.", "columns")
        for index, row in enumerate(frame["data"]):
            if len(row) != len(frame["columns"]):
                message = f"Row {index} has {len(row)} values for {len(frame['columns'])} columns."
                raise ValidationError(message, "data")


class InvocationsSplitSchema(Schema):
    """Trips as ``dataframe_split``."""

    class Meta:
        unknown = RAISE

    dataframe_split = fields.Nested(DataframeSplitSchema, required=True)


class RecordSchema(BatchTripSchema):
    """A trip as a row of a data frame; null where it has no value."""

    trip_distance = distance(allow_none=True)
    pickup_datetime = pickup_time(allow_none=True)
    id = row_id(allow_none=True)


class LowerCaseRecordSchema(LowerCaseBatchTripSchema):
    """A trip as a row of a data frame, with its zones in TLC's other spelling; null where it has no value."""

    trip_distance = distance(allow_none=True)
    pickup_datetime = pickup_time(allow_none=True)
    id = row_id(allow_none=True)


class InvocationsRecordsSchema(Schema):
    """Trips as ``dataframe_records``."""

    class Meta:
        unknown = RAISE

    dataframe_records = ListOf(RecordSchema, LowerCaseRecordSchema, required=True)


class MinutesSchema(Schema):
    """The answer for one trip, in minutes."""

    class Meta:
        unknown = RAISE

    duration = fields.Float(required=True, metadata={"example": 44.9})
    lower = fields.Float(required=True, metadata={"description": "Lower bound of the interval.", "example": 30.1})
    upper = fields.Float(required=True, metadata={"description": "Upper bound of the interval.", "example": 55.9})


class InvocationsAnswerSchema(Schema):
    """Durations and their intervals, in the order of the request, as the registered MLflow model answers, too."""

    class Meta:
        unknown = RAISE

    predictions = fields.List(fields.Nested(MinutesSchema), required=True)


_split = InvocationsSplitSchema()
_records = InvocationsRecordsSchema()


class InvocationsBody:
    """Loads either form; the trips are not checked yet."""

    @staticmethod
    def load(data: Any) -> Table:
        """Return the trips as rows or columns; raise ValidationError if the body is in neither form."""
        if isinstance(data, dict) and "dataframe_records" in data:
            return [_without_nulls(row) for row in _records.load(data)["dataframe_records"]]
        frame = _split.load(data)["dataframe_split"]
        columns = {name: [row[place] for row in frame["data"]] for place, name in enumerate(frame["columns"])}
        return COLUMNS.load(columns)  # type: ignore[no-any-return]


def _without_nulls(row: Any) -> Any:
    # A data frame has no other way to say that a trip has no value.
    return {name: value for name, value in row.items() if value is not None} if isinstance(row, dict) else row
