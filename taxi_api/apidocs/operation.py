"""What the documentation says of a route, written beside the route."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from marshmallow import Schema

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Operation:
    """The documented side of a view; its description is the view's docstring."""

    summary: str
    answer: type[Schema]
    body: type[Schema] | None
    errors: tuple[int, ...]


def operation(
    summary: str, *, answer: type[Schema], body: type[Schema] | None = None, errors: tuple[int, ...] = ()
) -> Callable[[View], View]:
    """Document a view: a decorator for below the route's.

    Args:
        summary: one line for the list of operations.
        answer: schema of the 200 answer.
        body: schema of the JSON body, if the route takes one.
        errors: statuses that a caller has to expect, besides those of the service itself.

    """

    def document(view: View) -> View:
        view.operation = Operation(summary, answer, body, errors)  # type: ignore[attr-defined]
        return view

    return document
