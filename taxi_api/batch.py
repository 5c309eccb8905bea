"""Many trips at once: what a single trip means and refuses, for whole columns in a step.

Values that are right are recognised by column. A trip that has others goes through the schema of a trip, so that it is
refused in the same words as if it had come alone.
"""

from collections.abc import Callable, Collection
from itertools import compress
from operator import itemgetter
from typing import Any, NamedTuple, cast

import numpy as np
from marshmallow import ValidationError
from numpy.typing import NDArray

from taxi_api.answers import answer_rows
from taxi_api.model.features import Trips
from taxi_api.model.predictor import Predictions
from taxi_api.model.zones import FIRST_ZONE, LAST_ZONE
from taxi_api.pickup_times import present_times, read_pickup_times
from taxi_api.schemas.batch import BATCH_TRIP, Table
from taxi_api.schemas.fields import MAX_ID_LENGTH, is_row_id
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
    # What is no object has no zones and is refused for that, in words of its own.
    known = rows if set(map(type, rows)) <= {dict} else [row if type(row) is dict else {} for row in rows]
    # Most often all trips of a batch have the same fields in the same order.
    shapes = set(map(tuple, known))
    if all(_is_plain(shape) for shape in shapes):
        plain = np.ones(len(rows), bool)
    else:
        plain = np.array([_is_plain(row) for row in known], bool)
    absent = object()
    columns = {
        name: _column(known, shapes, name, absent) for name in _OTHER_FIELDS if any(name in shape for shape in shapes)
    }
    for usual, lower_case in LOWER_CASE.items():
        if any(lower_case in shape for shape in shapes):
            columns[usual] = [row.get(usual, row.get(lower_case)) for row in known]
        else:
            columns[usual] = _column(known, shapes, usual, None)
    return _read(columns, absent, plain, rows.__getitem__)


def _is_plain(names: Collection[str]) -> bool:
    """Say whether a trip of these fields has no others than a trip may have."""
    return _USUAL.issuperset(names) or _LOWER_CASE.issuperset(names)


def _column(rows: list[dict[str, Any]], shapes: set[tuple[str, ...]], name: str, absent: object) -> list[Any]:
    """Return a field of all rows, which have the fields of one of the shapes each."""
    if all(name in shape for shape in shapes):
        return list(map(itemgetter(name), rows))
    return [row.get(name, absent) for row in rows]


def _read_columns(columns: dict[str, list[Any]]) -> Batch:
    usual_names = {lower_case: usual for usual, lower_case in LOWER_CASE.items()}
    spelled = {usual_names.get(name, name): column for name, column in columns.items()}

    def row(index: int) -> dict[str, Any]:
        return {name: column[index] for name, column in columns.items() if column[index] is not None}

    return _read(spelled, None, np.ones(len(spelled["PULocationID"]), bool), row)


def _read(columns: dict[str, list[Any]], absent: object, plain: NDArray[np.bool_], row: Callable[[int], Any]) -> Batch:
    """Return the trips of columns.

    Args:
        columns: n values by field, under the usual names; all but the zones may be missing.
        absent: stands for a value that was left out.
        plain: whether a trip has no other fields than these, shape (n,).
        row: gives the trip at a place as its schema would see it.

    """
    fine = plain
    zones = [_numbers(columns[name], {int}) for name in LOWER_CASE]
    for zone in zones:
        fine = fine & (zone >= FIRST_ZONE) & (zone <= LAST_ZONE)
    miles = np.full(len(fine), np.nan)
    if "trip_distance" in columns:
        miles = _numbers(columns["trip_distance"], {int, float})
        in_range = (miles > 0) & (miles <= FARTHEST_MILES)
        if not in_range.all():
            in_range |= _is(absent, columns["trip_distance"])
        fine = fine & in_range
    if "pickup_datetime" in columns:
        pickups = read_pickup_times(columns["pickup_datetime"], absent)
        fine = fine & ~np.isnat(pickups.wall_clock)
    else:
        pickups = present_times(len(fine))
    ids = [None] * len(fine)
    if "id" in columns:
        ids = _row_ids(columns["id"])
        if ids is not columns["id"]:
            fine = fine & (_is(absent, columns["id"]) | ~_is(None, ids))

    return Batch(
        trips=Trips(
            pickup_zone=zones[0][fine].astype(np.int64),
            dropoff_zone=zones[1][fine].astype(np.int64),
            miles=miles[fine],
            pickup=pickups.wall_clock[fine],
        ),
        pickups=cast("list[str]", list(compress(pickups.texts, fine.tolist()))),
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
    if set(map(type, values)) <= types | {type(None)}:
        try:
            # None becomes NaN. A whole number that a float does not hold becomes one as far from what a trip has.
            return np.array(values, np.float64)
        except OverflowError:
            pass
    exact = [value if type(value) in types and -_EXACT < value < _EXACT else np.nan for value in values]
    return np.array(exact, np.float64)


def _row_ids(values: list[Any]) -> list[Any]:
    """Return the ids, None for every value that is none; the list itself if all are."""
    types = set(map(type, values))
    if types == {int} or (types == {str} and max(map(len, values)) <= MAX_ID_LENGTH):
        return values
    return [value if is_row_id(value) else None for value in values]


def _is(what: object, values: list[Any]) -> NDArray[np.bool_]:
    return np.array([value is what for value in values], bool)
