"""What the documentation says of a route, written beside the route."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from marshmallow import Schema

View = TypeVar("View", bound=Callable[..., Any])

Shape = type[Schema] | tuple[type[Schema], ...] | str
"""A schema, several of which one applies, or an example of a text."""
Content = type[Schema] | Mapping[str, Shape]
"""The shape of a JSON body, or shapes by media type."""


@dataclass(frozen=True)
class Operation:
    """The documented side of a view; its description is the view's docstring."""

    summary: str
    answer: Content
    body: Content | None
    path: type[Schema] | None
    query: type[Schema] | None
    conditional: bool
    errors: tuple[int, ...]


def operation(
    summary: str,
    *,
    answer: Content,
    body: Content | None = None,
    path: type[Schema] | None = None,
    query: type[Schema] | None = None,
    conditional: bool = False,
    errors: tuple[int, ...] = (),
) -> Callable[[View], View]:
    """Document a view: a decorator for below the route's.

    Args:
        summary: one line for the list of operations.
        answer: shape of the 200 answer.
        body: shape of the body, if the route takes one.
        path: schema of the parameters in the path, if there are any.
        query: schema of the query parameters, if the route takes any.
        conditional: the answer is ``cacheable``: it has an ETag and may be 304 or 412.
        errors: statuses that a caller has to expect, besides those of the service itself.

    """

    def document(view: View) -> View:
        view.operation = Operation(  # type: ignore[attr-defined]
            summary, answer, body, path, query, conditional, errors
        )
        return view

    return document
