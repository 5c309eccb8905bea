"""A trip as a client describes it."""

from typing import Any

from marshmallow import RAISE, Schema, fields, validate

from taxi_api.model.zones import FIRST_ZONE, LAST_ZONE
from taxi_api.schemas.fields import Number, PickupTime

FARTHEST_MILES = 200


def _zone(what: str, example: int) -> fields.Integer:
    return fields.Integer(
        strict=True,
        required=True,
        validate=validate.Range(FIRST_ZONE, LAST_ZONE),
        metadata={"description": f"TLC taxi zone of the {what}; 264 and 265 mean unknown.", "example": example},
    )


class TripSchema(Schema):
    """A trip to predict."""

    class Meta:
        unknown = RAISE

    PULocationID = _zone("pickup", 1)
    DOLocationID = _zone("dropoff", 2)
    trip_distance = Number(
        validate=validate.Range(0, FARTHEST_MILES, min_inclusive=False),
        metadata={
            "description": "Distance to drive in miles. Left out, the usual distance between the two zones is taken.",
            "example": 5.0,
            "exclusiveMinimum": True,  # apispec reads the bounds of a Range, but not whether they are included
        },
    )
    pickup_datetime = PickupTime(
        metadata={
            "type": "string",
            "format": "date-time",
            "description": "ISO 8601 date and time of the pickup, by default now. Without an offset it is New York"
            " wall-clock time.",
            "example": "2024-09-18T08:30:00",
        },
    )


# Marshmallow gives what it loads no type; the handler that reads it checks nothing again.
Trip = dict[str, Any]
