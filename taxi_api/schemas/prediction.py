"""An answer: how long the trip takes, how sure that is, and what it rests on."""

from marshmallow import RAISE, Schema, fields, validate

from taxi_api.model.predictor import BASIS


class IntervalSchema(Schema):
    """The range that the duration falls into with the stated probability."""

    class Meta:
        unknown = RAISE

    lower = fields.Float(required=True, metadata={"description": "Minutes.", "example": 10.4})
    upper = fields.Float(required=True, metadata={"description": "Minutes.", "example": 25.9})
    level = fields.Float(required=True, metadata={"description": "Share of trips inside.", "example": 0.9})


class DistanceSchema(Schema):
    """The distance that the answer is for."""

    class Meta:
        unknown = RAISE

    miles = fields.Float(required=True, metadata={"example": 5.0})
    source = fields.String(
        required=True,
        validate=validate.OneOf(("request", "estimate")),
        metadata={"description": "`estimate`: the usual distance between the two zones.", "example": "request"},
    )


class BasisSchema(Schema):
    """The past trips that the answer rests on."""

    class Meta:
        unknown = RAISE

    kind = fields.String(
        required=True,
        validate=validate.OneOf(BASIS),
        metadata={
            "description": "`zone_pair`: trips between just these zones. `nearby_zones`: too few of those, so also"
            " trips between zones around them. `city`: too few of these either, so all trips.",
            "example": "nearby_zones",
        },
    )
    trips = fields.Integer(required=True, metadata={"description": "How many.", "example": 12})


class ModelRefSchema(Schema):
    """The model that answered."""

    class Meta:
        unknown = RAISE

    name = fields.String(required=True, metadata={"example": "taxi-duration"})
    version = fields.String(required=True, metadata={"example": "2024-03-1a2b3c4d"})


class PredictionSchema(Schema):
    """The answer for one trip."""

    class Meta:
        unknown = RAISE

    duration = fields.Float(required=True, metadata={"description": "Expected duration in minutes.", "example": 17.4})
    interval = fields.Nested(IntervalSchema, required=True)
    trip_distance = fields.Nested(DistanceSchema, required=True)
    pickup_datetime = fields.AwareDateTime(
        required=True, metadata={"description": "New York time.", "example": "2024-09-18T08:30:00-04:00"}
    )
    basis = fields.Nested(BasisSchema, required=True)
    model = fields.Nested(ModelRefSchema, required=True)
