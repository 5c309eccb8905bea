"""What the probes answer."""

from marshmallow import Schema, fields

from taxi_api.schemas.model import SourceSchema
from taxi_api.schemas.prediction import ModelRefSchema


class HealthSchema(Schema):
    """The process answers."""

    status = fields.String(required=True, metadata={"example": "alive"})


class ReadySchema(Schema):
    """The model has just reproduced its golden answers."""

    status = fields.String(required=True, metadata={"example": "ready"})
    model = fields.Nested(ModelRefSchema, required=True)
    source = fields.Nested(SourceSchema, required=True)
