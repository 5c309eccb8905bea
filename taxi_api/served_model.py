"""The model that serves: loaded when the app starts, and replaced while it runs."""

from typing import Any

from flask import Flask, current_app

from taxi_api.current_model import FOLLOWER, PREDICTOR
from taxi_api.memory import give_back
from taxi_api.metrics import observe_model, observe_poll
from taxi_api.model.bundle import BundleError
from taxi_api.model.follower import Follower
from taxi_api.model.predictor import Predictor
from taxi_api.model.store import is_remote, load_predictor, source_of
from taxi_api.settings import Settings


def init_app(app: Flask, settings: Settings, predictor: Predictor | None) -> None:
    """Give the app its model: the predictor, or what MODEL_URI names, which is followed from now on.

    Call it after metrics. Without the model of a folder there is no start, and BundleError says why; a server may be
    down, and then requests for predictions are refused until it has answered.
    """
    app.extensions[PREDICTOR] = predictor
    if predictor is None and not settings.model_uri:
        app.extensions[PREDICTOR] = load_predictor("")
    elif predictor is None:
        follow(app, settings)
    if app.extensions[PREDICTOR] is not None:
        observe_model(app, app.extensions[PREDICTOR].bundle)
        give_back()


def follow(app: Flask, settings: Settings) -> None:
    """Load the model and start the thread that follows it."""

    def swap(new: Predictor) -> None:
        # One assignment: a request sees the old model or the new one, see ``current_predictor``.
        app.extensions[PREDICTOR] = new
        observe_model(app, new.bundle)
        give_back()

    source = source_of(settings.model_uri, settings.mlflow_tracking_uri, settings.model_cache)
    follower = Follower(source, swap, lambda outcome: observe_poll(app, outcome))
    app.extensions[FOLLOWER] = follower
    # Lambda freezes a process between requests: a thread could not follow anything there.
    follower.start(0 if settings.lambda_function else settings.model_poll_seconds)
    if app.extensions[PREDICTOR] is None and not is_remote(settings.model_uri):
        follower.stop()
        raise BundleError((follower.status.problem or "").removeprefix("folder is refused: "))


def source() -> dict[str, Any]:
    """Return where the model comes from and whether it is the newest, as ``SourceSchema`` describes it."""
    follower: Follower | None = current_app.extensions.get(FOLLOWER)
    uri = current_app.extensions["settings"].model_uri
    if follower is None:
        return {"uri": uri, "label": None, "problem": None}
    status = follower.status
    return {"uri": uri, "label": status.label, "problem": status.problem}
