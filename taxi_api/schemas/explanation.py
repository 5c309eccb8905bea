"""An answer with its reasons."""

from marshmallow import RAISE, Schema, fields, validate

from taxi_api.model.explain import INPUTS
from taxi_api.schemas.prediction import PredictionSchema


class ContributionSchema(Schema):
    """What one input of the trip adds to the duration."""

    class Meta:
        unknown = RAISE

    feature = fields.String(
        required=True,
        validate=validate.OneOf((*INPUTS, "least")),
        metadata={
            "description": "The input, or `least` where the answer is the least that a trip can take.",
            "example": "trip_distance",
        },
    )
    meaning = fields.String(required=True, metadata={"example": "how many miles it is, if that was given"})
    value = fields.Raw(
        required=True,
        allow_none=True,
        metadata={
            "oneOf": [{"type": "number"}, {"type": "string"}],
            "description": "What it is for this trip; null if not known.",
            "example": 5.0,
        },
    )
    minutes = fields.Float(required=True, metadata={"description": "Below 0 if it shortens.", "example": 3.3})


class ExplanationSchema(PredictionSchema):
    """The answer for one trip, in parts: `base` and the minutes of all contributions add up to `duration`."""

    class Meta:
        unknown = RAISE
        exclude = ("interval",)

    base = fields.Float(
        required=True,
        metadata={"description": "Mean minutes of the trips that this one is compared with.", "example": 14.1},
    )
    contributions = fields.List(
        fields.Nested(ContributionSchema),
        required=True,
        metadata={"description": "The largest first; what adds nothing is left out."},
    )
