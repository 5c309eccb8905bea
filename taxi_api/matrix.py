"""Every source to every destination: between the contract and the model, without HTTP."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from taxi_api.answers import model_reference, predict
from taxi_api.model.features import Trips
from taxi_api.model.predictor import BASIS, Predictor
from taxi_api.newyork import now, wall_clock


def matrix(predictor: Predictor, request: dict[str, Any]) -> dict[str, Any]:
    """Return the answer, as ``MatrixSchema`` describes it, to what ``MatrixRequestSchema`` has loaded."""
    sources, destinations = request["sources"], request["destinations"]
    pickup = request.get("pickup_datetime") or now()
    shape = (len(sources), len(destinations))
    # None becomes NaN, which is how the model knows a missing distance.
    miles = np.array(request["distances"], np.float64) if "distances" in request else np.full(shape, np.nan)
    predicted = predict(
        predictor,
        Trips(
            pickup_zone=np.repeat(np.array(sources, np.int64), shape[1]),
            dropoff_zone=np.tile(np.array(destinations, np.int64), shape[0]),
            miles=miles.ravel(),
            pickup=np.repeat(wall_clock([pickup]), miles.size),
        ),
    )

    def cells(values: NDArray[Any]) -> list[list[Any]]:
        found: list[list[Any]] = values.reshape(shape).tolist()
        return found

    minutes = predicted.minutes.round(2)
    return {
        "sources": sources,
        "destinations": destinations,
        "durations": cells(minutes[:, 0]),
        "intervals": {
            "lower": cells(minutes[:, 1]),
            "upper": cells(minutes[:, 2]),
            "level": predictor.bundle.level,
        },
        "distances": cells(predicted.miles.round(2)),
        "estimated": cells(predicted.estimated),
        "basis": cells(np.array(BASIS)[predicted.basis]),
        "pickup_datetime": pickup.isoformat(),
        "model": model_reference(predictor),
    }
