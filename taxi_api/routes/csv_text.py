"""Tables as CSV text (RFC 4180), to columns and from rows."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from werkzeug.exceptions import BadRequest

from taxi_api.schemas.text import from_text

MEDIA_TYPE = "text/csv"


def read_csv(body: bytes, declared: Mapping[str, Any], at_most: int) -> dict[str, list[Any]]:
    """Return the columns of a CSV file with a header, None for empty cells.

    Args:
        body: the file in UTF-8.
        declared: the fields of the schema for each column, which say where numbers are meant.
        at_most: how many rows to read.

    Raises:
        BadRequest: it is not such a file (400).

    """
    try:
        lines = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        header = next(lines, [])
        rows = list(islice((row for row in lines if row), at_most))
    except (UnicodeDecodeError, csv.Error) as problem:
        raise BadRequest(f"The body is not CSV in UTF-8: {problem}.") from problem
    if len(set(header)) < len(header):
        raise BadRequest("The first line of the CSV names a column twice.")
    for index, row in enumerate(rows):
        if len(row) != len(header):
            raise BadRequest(f"Row {index} of the CSV has {len(row)} cells, its first line has {len(header)}.")
    return {
        name: [from_text(row[place], declared.get(name)) if row[place] else None for row in rows]
        for place, name in enumerate(header)
    }


def write_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return rows of cells as a CSV file in UTF-8 with a header; None is an empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows(rows)
    # A lone surrogate of a caller's id has no UTF-8; it is written as in JSON.
    return text.getvalue().encode("utf-8", "backslashreplace")
