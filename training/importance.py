"""How much each input of a trip matters: what is lost when it is shuffled among trips (Breiman, 2001)."""

import numpy as np
import polars as pl

from taxi_api.model.features import Trips
from taxi_api.model.predictor import Predictor
from training.fit import select
from training.trips import columns, minutes

_MOST_TRIPS = 20_000
_NAMES = {"pickup_zone": "pickup zone", "dropoff_zone": "dropoff zone", "miles": "distance", "pickup": "pickup time"}


def importance(predictor: Predictor, trips: pl.DataFrame, seed: int = 0) -> dict[str, float]:
    """Return input -> minutes by which the RMSE grows when it is shuffled, on at most 20,000 of the trips.

    Inputs, not features: many features come from one input and stand in for each other.
    """
    random = np.random.default_rng(seed)
    rows = random.permutation(len(trips))[:_MOST_TRIPS]
    known, truth = select(columns(trips), rows), minutes(trips)[rows]

    def rmse(shown: Trips) -> float:
        return float(np.sqrt(np.mean((predictor.predict(shown).minutes[:, 0] - truth) ** 2)))

    order = random.permutation(len(rows))
    whole = rmse(known)
    return {
        words: rmse(known._replace(**{name: getattr(known, name)[order]})) - whole for name, words in _NAMES.items()
    }
