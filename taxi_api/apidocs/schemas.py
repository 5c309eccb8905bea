"""How the project's own Marshmallow fields appear in the OpenAPI document."""

from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter

from taxi_api.schemas.fields import ListOf


class Plugin(MarshmallowPlugin):
    """apispec's plugin, which also knows a list of objects of several schemas."""

    def init_spec(self, spec: Any) -> None:
        """Take part in making a document."""
        super().init_spec(spec)
        assert self.converter is not None  # noqa: S101 - init_spec has just made it
        self.converter.add_attribute_function(_list_of)  # type: ignore[no-untyped-call]


def _list_of(converter: OpenAPIConverter, field: Any, **_kwargs: Any) -> dict[str, Any]:
    if not isinstance(field, ListOf):
        return {}
    items = [converter.resolve_nested_schema(schema) for schema in field.schemas]  # type: ignore[no-untyped-call]
    return {"type": "array", "items": {"oneOf": items}}
