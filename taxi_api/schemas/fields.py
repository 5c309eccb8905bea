"""Fields that take JSON at its word: a number is a number, never a string or a boolean that looks like one."""

from datetime import datetime
from typing import Any

from marshmallow import Schema, fields

from taxi_api.model.calendar import FIRST_YEAR, LAST_YEAR
from taxi_api.newyork import in_new_york

MAX_ID_LENGTH = 100


def is_row_id(value: Any) -> bool:
    """Say whether a JSON value may name a row of a batch: a short string or a whole number."""
    return type(value) is int or (type(value) is str and len(value) <= MAX_ID_LENGTH)


class Number(fields.Float):
    """A finite JSON number."""

    def _validated(self, value: Any) -> Any:
        if isinstance(value, str):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class OutOfRangeError(ValueError):
    """A time that the calendar does not have."""


def pickup_time(value: Any) -> datetime:
    """Return the New York time that a JSON value stands for, as ``PickupTime`` describes it.

    Raises:
        OutOfRangeError: it is not in the years that the model knows.
        ValueError: it is not a date and time.

    """
    # Ten characters are a date alone: a trip needs an hour.
    if not isinstance(value, str) or len(value) <= len("2024-09-18"):
        raise ValueError("not a date and time")
    time = datetime.fromisoformat(value)
    # An offset moves a time by less than a day: inside these years it can neither overflow nor leave the calendar
    # by more than the check below sees.
    if not FIRST_YEAR - 1 <= time.year <= LAST_YEAR + 1:
        raise OutOfRangeError
    time = in_new_york(time)
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise OutOfRangeError
    return time


class PickupTime(fields.Field[datetime]):
    """An ISO 8601 date and time, as an aware New York time; without an offset it is New York's wall clock."""

    default_error_messages = {  # noqa: RUF012 - Marshmallow's own way to word errors
        "invalid": "Not a valid ISO 8601 date and time, such as 2024-09-18T08:30:00.",
        "range": f"Must be in the years {FIRST_YEAR} to {LAST_YEAR}.",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:  # noqa: ARG002
        try:
            return pickup_time(value)
        except ValueError as problem:
            raise self.make_error("range" if isinstance(problem, OutOfRangeError) else "invalid") from problem


class Column(fields.List[Any]):
    """A list of values whose schema is documented here but applied elsewhere, to whole columns at once."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:  # noqa: ARG002
        if not isinstance(value, list):
            raise self.make_error("invalid")
        return value


class ListOf(fields.Field[list[Any]]):
    """A list of objects of one of several schemas, which are documented here but applied elsewhere."""

    default_error_messages = {"invalid": "Not a valid list."}  # noqa: RUF012 - Marshmallow's own way to word errors

    def __init__(self, *schemas: type[Schema], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.schemas = schemas

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:  # noqa: ARG002
        if not isinstance(value, list):
            raise self.make_error("invalid")
        return value


class RowId(fields.Field[str | int]):
    """The caller's own name for a row: a string or a whole number."""

    default_error_messages = {  # noqa: RUF012
        "invalid": f"Not a string of at most {MAX_ID_LENGTH} characters or a whole number."
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str | int:  # noqa: ARG002
        if not is_row_id(value):
            raise self.make_error("invalid")
        return value  # type: ignore[no-any-return]
