"""Examples, put together from the examples that the fields of a schema carry."""

from typing import Any

from marshmallow import Schema, fields

from taxi_api.schemas.fields import ListOf


def example(schema: type[Schema]) -> dict[str, Any]:
    """Return an object as the schema describes it; a field without an example is left out."""
    found = {name: _of_field(field) for name, field in schema().fields.items()}
    return {name: value for name, value in found.items() if value is not None}


def _of_field(field: Any) -> Any:
    if "example" in field.metadata:
        return field.metadata["example"]
    if isinstance(field, ListOf):
        return [example(schema) for schema in field.schemas]
    if isinstance(field, fields.Nested):
        return example(type(field.schema))
    if isinstance(field, fields.List):
        inner = _of_field(field.inner)
        return None if inner is None else [inner]
    return None
