"""Fit tables and networks on trips, some of them with inputs hidden."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxi_api.model.features import FeatureBuilder, Tables, Trips
from training.networks import Networks, fit_networks
from training.recipe import Recipe
from training.rows import select, training_rows
from training.statistics import LEAST_MINUTES, fit_tables

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FittedModel:
    """What past trips say, as tables, and the networks that look at them."""

    tables: Tables
    networks: Networks

    def raw(self, trips: Trips) -> Floats:
        """Return scikit-learn's outputs in minutes before correction, shape (n, 3)."""
        return self.networks.raw(FeatureBuilder(self.tables).matrix(trips))


def fit(trips: Trips, minutes: Floats, recipe: Recipe) -> FittedModel:
    """Fit tables and networks on n trips that took ``minutes``, shape (n,); same input, same model."""
    counted = minutes >= LEAST_MINUTES
    trips, minutes = select(trips, counted), minutes[counted]
    tables = fit_tables(trips, minutes)
    return FittedModel(tables, fit_networks(training_rows(trips, minutes, tables, recipe), recipe))
