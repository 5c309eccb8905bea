"""The model of a request: one alone from its start to its end, whatever replaces it meanwhile.

gunicorn's master process imports this through the log, so it must not import the model's runtime, which would not
survive the fork into workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app, g

from taxi_api.model.bundle import BundleError

if TYPE_CHECKING:
    from taxi_api.model.predictor import Predictor

# Names among the app's extensions.
PREDICTOR = "predictor"
FOLLOWER = "model_follower"


def current_predictor() -> Predictor:
    """Return the predictor of this request, the same one until its end; raise BundleError if there is none."""
    if "predictor" not in g:
        predictor = current_app.extensions[PREDICTOR]
        if predictor is None:
            raise BundleError(f"there is no model yet: {current_app.extensions[FOLLOWER].status.problem}")
        g.predictor = predictor
    found: Predictor = g.predictor
    return found


def current_version() -> str | None:
    """Return the version of the model of this request, None if there is none."""
    predictor: Predictor | None = g.get("predictor") or current_app.extensions[PREDICTOR]
    return predictor.bundle.version if predictor else None
