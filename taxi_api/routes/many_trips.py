"""The trips of a request that may hold many, within the limit for one request."""

from flask import current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from taxi_api.batch import Batch, read_batch
from taxi_api.routes import csv_text
from taxi_api.routes.body import Loader, load_body, read_body
from taxi_api.schemas.batch import BATCH_TRIP, COLUMNS, Table

# A trip with every field, a UUID and indentation has some 260; so few also bound what parsing can take up.
_BYTES_A_TRIP = 320


def load_trips(schema: Loader) -> Batch:
    """Return the trips of a CSV or JSON body; ``schema`` makes rows or columns of the JSON.

    Raises the errors of ``load_body``, and RequestEntityTooLarge (413) for more trips than ``TAXI_MAX_BATCH``.
    """
    most = current_app.extensions["settings"].max_batch
    most_bytes = current_app.config["MAX_CONTENT_LENGTH"] + most * _BYTES_A_TRIP
    table: Table
    if request.mimetype == csv_text.MEDIA_TYPE:
        table = COLUMNS.load(csv_text.read_csv(read_body(most_bytes), BATCH_TRIP.fields, at_most=most + 1))
    else:
        table = load_body(schema, most_bytes, others=(csv_text.MEDIA_TYPE,))
    count = len(table) if isinstance(table, list) else len(next(iter(table.values())))
    if count > most:
        raise RequestEntityTooLarge(f"One request takes at most {most} trips; send these in several.")
    return read_batch(table)
