"""Values that arrive as text, in a query or a CSV file, for the schemas that take JSON at its word."""

import json
import re
from collections.abc import Mapping
from typing import Any

from marshmallow import fields

_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,99})(\.[0-9]{1,99})?([eE][+-]?[0-9]{1,9})?")


def from_text(text: str, field: Any) -> Any:
    """Return the JSON value that a text stands for: a number for a field of numbers, if it is written as in JSON.

    Everything else stays the text that it is, for the field to refuse or to take.
    """
    if isinstance(field, fields.Number) and _NUMBER.fullmatch(text):
        return json.loads(text)
    return text


def values_from_text(texts: Mapping[str, str], declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON values by name; ``declared`` are the fields of the schema that will load them."""
    return {name: from_text(text, declared.get(name)) for name, text in texts.items()}
