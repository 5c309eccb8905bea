"""An answer with its reasons."""

from marshmallow import RAISE, Schema, fields

from taxi_api.schemas.prediction import PredictionSchema


class ContributionSchema(Schema):
    """What one thing that the model looks at adds to the duration."""

    class Meta:
        unknown = RAISE

    feature = fields.String(required=True, metadata={"description": "See `/v1/model`.", "example": "miles"})
    meaning = fields.String(required=True, metadata={"example": "distance of the trip in miles, if it was given"})
    value = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "What it is for this trip; null if not known.", "example": 5.0},
    )
    minutes = fields.Float(required=True, metadata={"description": "Below 0 if it shortens.", "example": 3.3})


class ExplanationSchema(PredictionSchema):
    """The answer for one trip, in parts: `base` and the minutes of all contributions add up to `duration`."""

    class Meta:
        unknown = RAISE
        exclude = ("interval",)

    base = fields.Float(
        required=True,
        metadata={"description": "Minutes of a trip that nothing is known of.", "example": 14.1},
    )
    contributions = fields.List(
        fields.Nested(ContributionSchema),
        required=True,
        metadata={"description": "The largest first; what adds nothing is left out."},
    )
