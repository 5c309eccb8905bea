"""What the model says of itself."""

from marshmallow import RAISE, Schema, fields

_SLICE = "green 2024-09"


class MonthsSchema(Schema):
    """The months of trip records behind the model: year and month, by colour of the taxis."""

    class Meta:
        unknown = RAISE

    train = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        required=True,
        metadata={"description": "What it learned from.", "example": {"green": ["2024-02", "2024-03"]}},
    )
    calibrate = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        required=True,
        metadata={"description": "What fixed the width of the interval.", "example": {"green": ["2024-07"]}},
    )
    test = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        required=True,
        metadata={"description": "What only measured it.", "example": {"green": ["2024-09"]}},
    )


class CoverageSchema(Schema):
    """How many trips the interval is meant to hold, and how many it held."""

    class Meta:
        unknown = RAISE

    level = fields.Float(required=True, metadata={"description": "Share of trips that it is for.", "example": 0.9})
    measured = fields.Dict(
        keys=fields.String(),
        values=fields.Dict(keys=fields.String(), values=fields.Float()),
        required=True,
        metadata={
            "description": "Share of trips that it held, by measured trips and by their minutes.",
            "example": {_SLICE: {"1-60": 0.89, "0-90": 0.86}},
        },
    )


class SourceSchema(Schema):
    """Where the model comes from, and whether it is what that place has at the moment."""

    class Meta:
        unknown = RAISE

    uri = fields.String(
        required=True,
        metadata={
            "description": "MODEL_URI; empty for the package's own.",
            "example": "models:/taxi-duration@champion",
        },
    )
    label = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What the place calls the bundle that serves.", "example": "version 3"},
    )
    problem = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "Why a newer bundle cannot be looked for or does not serve.",
            "example": "http://mlflow:5000 does not answer: timed out",
        },
    )


class ModelSchema(Schema):
    """The model that answers."""

    class Meta:
        unknown = RAISE

    name = fields.String(required=True, metadata={"example": "taxi-duration"})
    version = fields.String(required=True, metadata={"example": "2024-03-1a2b3c4d"})
    source = fields.Nested(SourceSchema, required=True)
    digest = fields.String(
        required=True,
        metadata={
            "description": "sha256 of the bundle's manifest, which holds those of its files.",
            "example": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        },
    )
    months = fields.Nested(MonthsSchema, required=True)
    interval = fields.Nested(CoverageSchema, required=True)
    metrics = fields.Dict(
        keys=fields.String(),
        values=fields.Dict(keys=fields.String(), values=fields.Dict(keys=fields.String(), values=fields.Float())),
        required=True,
        metadata={
            "description": "Errors in minutes, by measured trips and by their minutes.",
            "example": {_SLICE: {"1-60": {"trips": 51665, "rmse": 4.5, "mae": 2.9, "coverage": 0.89}}},
        },
    )
    features = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "What it looks at, in its order.", "example": ["crow_miles", "miles", "weekday"]},
    )
