"""Durations from many zones to many others, at one time; the shape is that of OSRM's table service."""

from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from taxi_api.model.predictor import BASIS
from taxi_api.schemas.prediction import ModelRefSchema
from taxi_api.schemas.trip import FARTHEST_MILES, distance, pickup_time, zone


def _zones(what: str, example: list[int]) -> fields.List[Any]:
    return fields.List(
        zone(what, example[0]),
        required=True,
        validate=validate.Length(min=1),
        metadata={"description": f"TLC taxi zones of the {what}s.", "example": example},
    )


def _cells(
    inner: fields.Field[Any],
    description: str,
    example: Any,
    *,
    rows: type[fields.List[Any]] = fields.List,
    required: bool = True,
) -> fields.List[Any]:
    return rows(
        fields.List(inner),
        required=required,
        metadata={"description": f"{description} One row a source, one cell a destination.", "example": example},
    )


class _Cells(fields.List[Any]):
    """Rows of distances, nearly always right: looked at all together, and one by one only to say what is wrong."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if type(value) is list and all(type(row) is list for row in value):
            cells = [cell for row in value for cell in row if cell is not None]
            if set(map(type, cells)) <= {int, float} and all(0 < cell <= FARTHEST_MILES for cell in cells):
                return value
        return super()._deserialize(value, attr, data, **kwargs)


class MatrixRequestSchema(Schema):
    """Where trips start and where they end; each source is combined with each destination."""

    class Meta:
        unknown = RAISE

    sources = _zones("pickup", [161, 132])
    destinations = _zones("dropoff", [1, 132, 230])
    pickup_datetime = pickup_time()
    distances = _cells(
        distance(allow_none=True),
        "Miles to drive; null, or left out altogether: the usual distance between the two zones.",
        [[16.5, 17.5, None], [31.0, None, 17.2]],
        rows=_Cells,
        required=False,
    )

    @validates_schema(skip_on_field_errors=True)
    def _check_shape(self, request: dict[str, Any], **_kwargs: Any) -> None:
        rows, cells = len(request["sources"]), len(request["destinations"])
        distances = request.get("distances")
        if distances is None:
            return
        if len(distances) != rows:
            raise ValidationError(f"Has {len(distances)} rows for {rows} sources.", "distances")
        wrong = {
            index: [f"Has {len(row)} cells for {cells} destinations."]
            for index, row in enumerate(distances)
            if len(row) != cells
        }
        if wrong:
            raise ValidationError({"distances": wrong})


class MatrixIntervalsSchema(Schema):
    """The ranges that the durations fall into with the stated probability."""

    class Meta:
        unknown = RAISE

    lower = _cells(fields.Float(), "Minutes.", [[27.3, 30.1, 3.1], [34.2, 2.4, 30.8]])
    upper = _cells(fields.Float(), "Minutes.", [[51.2, 55.9, 9.8], [79.5, 12.6, 60.3]])
    level = fields.Float(required=True, metadata={"description": "Share of trips inside.", "example": 0.9})


class MatrixSchema(Schema):
    """Durations in minutes and distances in miles (OSRM's are seconds and metres)."""

    class Meta:
        unknown = RAISE

    sources = _zones("pickup", [161, 132])
    destinations = _zones("dropoff", [1, 132, 230])
    durations = _cells(fields.Float(), "Expected minutes.", [[38.1, 44.9, 6.2], [53.7, 6.3, 46.0]])
    intervals = fields.Nested(MatrixIntervalsSchema, required=True)
    distances = _cells(fields.Float(), "Miles that the durations are for.", [[16.5, 17.5, 0.8], [31.0, 1.9, 17.2]])
    estimated = _cells(
        fields.Boolean(),
        "Whether the distance is the usual one between the two zones, not one of the request.",
        [[False, False, True], [False, True, False]],
    )
    basis = _cells(
        fields.String(validate=validate.OneOf(BASIS)),
        "What the duration rests on; see a single prediction.",
        [["zone_pair", "zone_pair", "zone_pair"], ["city", "zone_pair", "zone_pair"]],
    )
    pickup_datetime = fields.AwareDateTime(
        required=True, metadata={"description": "New York time.", "example": "2024-09-18T08:30:00-04:00"}
    )
    model = fields.Nested(ModelRefSchema, required=True)
