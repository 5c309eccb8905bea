"""The JSON text of a batch's answer, put together from columns: a dict for each trip would cost five times as much."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from taxi_api.answers import DIFFERING, answer_row, model_reference
from taxi_api.batch import Batch, failure_row
from taxi_api.model.predictor import BASIS, Predictions, Predictor
from taxi_api.schemas.trip import FARTHEST_MILES

# No distance is longer, and hardly any trip takes as many minutes.
_LARGEST = FARTHEST_MILES
_SOURCES = np.array([b'"request"', b'"estimate"'], object)
_KINDS = np.array([orjson.dumps(kind) for kind in BASIS], object)


def batch_text(predictor: Predictor, predicted: Predictions, batch: Batch) -> bytes:
    """Return the JSON of what ``BatchAnswerSchema`` describes, byte for byte as orjson writes ``batch.batch_answers``.

    Args:
        predictor: gave the predictions.
        predicted: the answers to the valid trips of ``batch``.
        batch: n trips, of which some may be invalid.

    Raises:
        orjson.JSONEncodeError: a caller's id has more than 64 bits or a lone surrogate.

    """
    named, nameless = _templates(predictor.bundle.level)
    rows = [nameless if name is None else named for name in batch.ids]
    valid_ids = batch.ids
    if batch.errors:
        for index in batch.errors:
            rows[index] = _text(failure_row(batch, index)).replace(b"%", b"%%")
        valid_ids = [name for index, name in enumerate(batch.ids) if index not in batch.errors]
    # In the order of the template's places.
    columns = (
        _texts(valid_ids),
        *(_hundredths(minutes) for minutes in predicted.minutes.T),
        _hundredths(predicted.miles),
        _SOURCES[predicted.estimated.astype(np.intp)].tolist(),
        _texts(batch.pickups),
        _KINDS[predicted.basis].tolist(),
        _texts(predicted.basis_trips.tolist()),
    )
    text = b",".join(rows) % _trip_by_trip(columns)
    return b"".join((b'{"predictions":[', text, b'],"model":', orjson.dumps(model_reference(predictor)), b"}\n"))


def _templates(level: float) -> tuple[bytes, bytes]:
    """Return the text of an answer with an id and of one without, with a place for each value that trips differ in."""
    row = orjson.dumps(answer_row(level=level, **dict.fromkeys(DIFFERING, "%b")))
    rest = row.replace(b'"%b"', b"%b")[1:]
    # Both take as many values; this one writes nothing of the first.
    return b'{"id":%b,' + rest, b"{%.0b" + rest


def _trip_by_trip(columns: Sequence[list[bytes]]) -> tuple[bytes, ...]:
    """Return the values of the first trip, then those of the second, and so on."""
    values = [b""] * (len(columns) * len(columns[0]))
    for place, column in enumerate(columns):
        values[place :: len(columns)] = column
    return tuple(values)


def _texts(values: list[Any]) -> list[bytes]:
    """Return the JSON of each value."""
    texts = orjson.dumps(values)[1:-1].split(b",")
    # Unless a value has a comma of its own.
    return texts if len(texts) == len(values) else [_text(value) for value in values]


def _text(value: Any) -> bytes:
    # The slice is a copy of the length it needs: each object that orjson returns keeps four kilobytes.
    return orjson.dumps([value])[1:-1]


def _hundredths(values: NDArray[np.float64]) -> list[bytes]:
    """Return the JSON of each positive number, rounded to two decimals."""
    hundredths = np.rint(values * 100)
    if (hundredths <= _LARGEST * 100).all():
        return _known_hundredths()[hundredths.astype(np.intp)].tolist()  # type: ignore[no-any-return]
    return _texts((hundredths / 100).tolist())


@cache
def _known_hundredths() -> NDArray[np.object_]:
    """Return the JSON of 0.0, 0.01 and so on."""
    return np.array(_texts((np.arange(_LARGEST * 100 + 1) / 100).tolist()), object)
