"""The query of a request, through its schema."""

from typing import Any

from flask import request
from marshmallow import Schema, ValidationError

from taxi_api.schemas.text import values_from_text
from taxi_api.schemas.trip import EitherSpelling


def load_query(schema: Schema | EitherSpelling) -> Any:
    """Return what the schema makes of the query; raise ValidationError (422) if it is not what the schema describes."""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise ValidationError({name: ["Given more than once."] for name in repeated})
    return schema.load(values_from_text(request.args, schema.fields))
