"""Many trips at once: what a single trip means and refuses, for whole columns in a step.

Values that are right are recognised by column. A trip that has others goes through the schema of a trip, so that it is
refused in the same words as if it had come alone.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from marshmallow import ValidationError
from numpy.typing import NDArray

from taxi_api.answers import answer_rows
from taxi_api.model.features import Trips
from taxi_api.model.predictor import Predictions
from taxi_api.model.zones import FIRST_ZONE, LAST_ZONE
from taxi_api.pickup_times import read_pickup_times
from taxi_api.schemas.batch import BATCH_TRIP, Table
from taxi_api.schemas.fields import is_row_id
from taxi_api.schemas.trip import FARTHEST_MILES, LOWER_CASE

_OTHER_FIELDS = ("trip_distance", "pickup_datetime", "id")
_USUAL = frozenset((*LOWER_CASE, *_OTHER_FIELDS))
_LOWER_CASE = frozenset((*LOWER_CASE.values(), *_OTHER_FIELDS))
# Beyond this a float no longer holds every whole number; no value of a trip comes near.
_EXACT = 2**53


class Batch(NamedTuple):
    """What came together; n trips of which some may be invalid."""

    trips: Trips
    """The valid ones, in their order."""
    pickups: list[str]
    """Their pickup times in New York, as ISO 8601 with the offset."""
    ids: list[Any]
    """The callers' names for all n, None for those without."""
    errors: dict[int, dict[str, list[str]]]
    """For each invalid trip, by its place from 0: messages by field."""


def read_batch(table: Table) -> Batch:
    """Return the trips of rows or columns that ``schemas.batch.BatchBody`` has loaded."""
    return _read_rows(table) if isinstance(table, list) else _read_columns(table)


def batch_answers(predicted: Predictions, batch: Batch, level: float) -> list[dict[str, Any]]:
    """Return an answer or an error for each trip, as ``BatchAnswerSchema`` describes them.

    Args:
        predicted: the answers to the valid trips of ``batch``.
        batch: n trips, of which some may be invalid.
        level: the share of trips that the intervals are to hold.

    """
    found = iter(answer_rows(predicted, batch.pickups, level))
    return [
        failure_row(batch, index) if index in batch.errors else ({} if name is None else {"id": name}) | next(found)
        for index, name in enumerate(batch.ids)
    ]


def failure_row(batch: Batch, index: int) -> dict[str, Any]:
    """Return the error of the invalid trip at a place, as ``BatchFailureSchema`` describes it."""
    name = batch.ids[index]
    return ({} if name is None else {"id": name}) | {"error": {"index": index, "errors": batch.errors[index]}}


def _read_rows(rows: list[Any]) -> Batch:
    plain = [type(row) is dict and (row.keys() <= _USUAL or row.keys() <= _LOWER_CASE) for row in rows]
    known = [row if type(row) is dict else {} for row in rows]
    absent = object()
    columns = {name: [row.get(name, absent) for row in known] for name in _OTHER_FIELDS}
    for usual, lower_case in LOWER_CASE.items():
        columns[usual] = [row.get(usual, row.get(lower_case)) for row in known]
    return _read(columns, absent, np.array(plain, bool), rows.__getitem__)


def _read_columns(columns: dict[str, list[Any]]) -> Batch:
    zones = {usual: columns.get(usual) or columns.get(lower_case, []) for usual, lower_case in LOWER_CASE.items()}
    count = len(zones["PULocationID"])
    others = {name: columns.get(name, [None] * count) for name in _OTHER_FIELDS}

    def row(index: int) -> dict[str, Any]:
        return {name: column[index] for name, column in columns.items() if column[index] is not None}

    return _read(zones | others, None, np.ones(count, bool), row)


def _read(columns: dict[str, list[Any]], absent: object, plain: NDArray[np.bool_], row: Callable[[int], Any]) -> Batch:
    """Return the trips of columns.

    Args:
        columns: n values by field, under the usual names.
        absent: stands for a value that was left out.
        plain: whether a trip has no other fields than these, shape (n,).
        row: gives the trip at a place as its schema would see it.

    """
    zones = [_numbers(columns[name], {int}) for name in LOWER_CASE]
    miles = _numbers(columns["trip_distance"], {int, float})
    pickups = read_pickup_times(columns["pickup_datetime"], absent)
    ids = [value if is_row_id(value) else None for value in columns["id"]]

    fine = plain & (_is(absent, columns["trip_distance"]) | ((miles > 0) & (miles <= FARTHEST_MILES)))
    for column in zones:
        fine &= (column >= FIRST_ZONE) & (column <= LAST_ZONE)
    fine &= ~np.isnat(pickups.wall_clock) & (_is(absent, columns["id"]) | ~_is(None, ids))

    return Batch(
        trips=Trips(
            pickup_zone=zones[0][fine].astype(np.int64),
            dropoff_zone=zones[1][fine].astype(np.int64),
            miles=miles[fine],
            pickup=pickups.wall_clock[fine],
        ),
        pickups=[text for text, valid in zip(pickups.texts, fine.tolist(), strict=True) if valid and text],
        ids=ids,
        errors={index: _messages(row(index)) for index in np.flatnonzero(~fine).tolist()},
    )


def _messages(row: Any) -> dict[str, list[str]]:
    """Return what the schema of a trip says against a row that it does not take."""
    try:
        BATCH_TRIP.load(row)
    except ValidationError as problem:
        return dict(problem.messages_dict)
    raise AssertionError(f"the columns refuse a trip that its schema takes: {row}")


def _numbers(values: list[Any], types: set[type]) -> NDArray[np.float64]:
    """Return the numbers of these types, NaN for every other value, shape (n,)."""
    exact = [value if type(value) in types and -_EXACT < value < _EXACT else np.nan for value in values]
    return np.array(exact, np.float64)


def _is(what: object, values: list[Any]) -> NDArray[np.bool_]:
    return np.array([value is what for value in values], bool)
