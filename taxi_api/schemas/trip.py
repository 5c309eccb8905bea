"""A trip as a client describes it, in either spelling of its zones."""

from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from taxi_api.model.zones import FIRST_ZONE, LAST_ZONE
from taxi_api.schemas.fields import Number, PickupTime

FARTHEST_MILES = 200
# TLC writes its column names in either way.
LOWER_CASE = {"PULocationID": "pickup_location_id", "DOLocationID": "dropoff_location_id"}

# Marshmallow gives what it loads no type; the handler that reads it checks nothing again.
Trip = dict[str, Any]


def zone(what: str, example: int, attribute: str | None = None) -> fields.Integer:
    """Return the field for one end of a trip."""
    return fields.Integer(
        strict=True,
        required=True,
        attribute=attribute,
        validate=validate.Range(FIRST_ZONE, LAST_ZONE),
        metadata={"description": f"TLC taxi zone of the {what}; 264 and 265 mean unknown.", "example": example},
    )


def distance(*, allow_none: bool = False) -> Number:
    """Return the field for the distance to drive."""
    return Number(
        allow_none=allow_none,
        validate=validate.Range(0, FARTHEST_MILES, min_inclusive=False),
        metadata={
            "description": "Distance to drive in miles. Left out, the usual distance between the two zones is taken.",
            "example": 5.0,
            "exclusiveMinimum": True,  # apispec reads the bounds of a Range, but not whether they are included
        },
    )


def pickup_time(*, allow_none: bool = False) -> PickupTime:
    """Return the field for the time of the pickup."""
    return PickupTime(
        allow_none=allow_none,
        metadata={
            "type": "string",
            "format": "date-time",
            "description": "ISO 8601 date and time of the pickup, by default now. Without an offset it is New York"
            " wall-clock time.",
            "example": "2024-09-18T08:30:00",
        },
    )


class TripSchema(Schema):
    """A trip to predict."""

    class Meta:
        unknown = RAISE

    PULocationID = zone("pickup", 1)
    DOLocationID = zone("dropoff", 2)
    trip_distance = distance()
    pickup_datetime = pickup_time()


class LowerCaseTripSchema(Schema):
    """A trip to predict, with its zones in TLC's other spelling."""

    class Meta:
        unknown = RAISE

    pickup_location_id = zone("pickup", 1, attribute="PULocationID")
    dropoff_location_id = zone("dropoff", 2, attribute="DOLocationID")
    trip_distance = distance()
    pickup_datetime = pickup_time()


class EitherSpelling:
    """Loads a trip with the schema of its spelling; both spellings at once are an error."""

    def __init__(self, usual: Schema, lower_case: Schema) -> None:
        self._usual = usual
        self._lower_case = lower_case
        self.fields = usual.fields | lower_case.fields

    def load(self, data: Any) -> Any:
        """Return what the schema makes of the trip, under the usual names; raise ValidationError if it is invalid."""
        lower_case = [name for name in LOWER_CASE.values() if isinstance(data, dict) and name in data]
        if not lower_case:
            return self._usual.load(data)
        if any(name in data for name in LOWER_CASE):
            message = f"Write either {' and '.join(LOWER_CASE)}, or {' and '.join(LOWER_CASE.values())}."
            raise ValidationError({name: [message] for name in lower_case})
        return self._lower_case.load(data)


TRIP = EitherSpelling(TripSchema(), LowerCaseTripSchema())
