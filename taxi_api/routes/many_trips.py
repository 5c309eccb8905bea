"""The trips of a request that may hold many, within the limit for one request."""

from typing import Any

from flask import current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from taxi_api.batch import Batch, read_batch
from taxi_api.routes import csv_text
from taxi_api.routes.body import Loader, load_body, read_body
from taxi_api.schemas.batch import BATCH_TRIP, COLUMNS, Table


def load_trips(schema: Loader) -> Batch:
    """Return the trips of a CSV or JSON body; ``schema`` makes rows or columns of the JSON.

    Raises the errors of ``load_body`` and of ``read_trips``.
    """
    if request.mimetype == csv_text.MEDIA_TYPE:
        columns = csv_text.read_csv(read_body(_most_bytes()), BATCH_TRIP.fields, at_most=_most() + 1)
        return read_trips(COLUMNS.load(columns))
    return read_trips(load_json(schema, others=(csv_text.MEDIA_TYPE,)))


def load_json(schema: Loader, others: tuple[str, ...] = ()) -> Any:
    """Return what the schema makes of a JSON body that may be as long as many trips are; see ``load_body``."""
    return load_body(schema, _most_bytes(), others)


def read_trips(table: Table) -> Batch:
    """Return the trips of a table; raise RequestEntityTooLarge (413) if there are more than ``TAXI_MAX_BATCH``."""
    count = len(table) if isinstance(table, list) else len(next(iter(table.values())))
    if count > _most():
        raise RequestEntityTooLarge(f"One request takes at most {_most()} trips; send these in several.")
    return read_batch(table)


def _most() -> int:
    most: int = current_app.extensions["settings"].max_batch
    return most


def _most_bytes() -> int:
    most: int = current_app.extensions["settings"].batch_body_bytes
    return most
