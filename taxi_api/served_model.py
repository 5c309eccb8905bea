"""The model that serves: loaded when the app starts, replaced while it runs, and one alone for each request."""

from typing import Any

from flask import Flask, current_app, g

from taxi_api.metrics import observe_model, observe_poll
from taxi_api.model.bundle import BundleError
from taxi_api.model.follower import Follower
from taxi_api.model.predictor import Predictor
from taxi_api.model.store import is_remote, load_predictor, source_of
from taxi_api.settings import Settings

_FOLLOWER = "model_follower"


def init_app(app: Flask, settings: Settings, predictor: Predictor | None) -> None:
    """Give the app its model: the predictor, or what MODEL_URI names, which is followed from now on.

    Call it after metrics. Without the model of a folder there is no start, and BundleError says why; a server may be
    down, and then requests for predictions are refused until it has answered.
    """
    app.extensions["predictor"] = predictor
    if predictor is None and not settings.model_uri:
        app.extensions["predictor"] = load_predictor("")
    elif predictor is None:
        follow(app, settings)
    if app.extensions["predictor"] is not None:
        observe_model(app, app.extensions["predictor"].bundle)


def follow(app: Flask, settings: Settings) -> None:
    """Load the model and start the thread that follows it."""

    def swap(new: Predictor) -> None:
        # One assignment: a request sees the old model or the new one, see current_predictor.
        app.extensions["predictor"] = new
        observe_model(app, new.bundle)

    source = source_of(settings.model_uri, settings.mlflow_tracking_uri, settings.model_cache)
    follower = Follower(source, swap, lambda outcome: observe_poll(app, outcome))
    app.extensions[_FOLLOWER] = follower
    # Lambda freezes a process between requests: a thread could not follow anything there.
    follower.start(0 if settings.lambda_function else settings.model_poll_seconds)
    if app.extensions["predictor"] is None and not is_remote(settings.model_uri):
        follower.stop()
        raise BundleError((follower.status.problem or "").removeprefix("folder is refused: "))


def current_predictor() -> Predictor:
    """Return the predictor of this request, the same one until its end; raise BundleError if there is none."""
    if "predictor" not in g:
        predictor = current_app.extensions["predictor"]
        if predictor is None:
            raise BundleError(f"there is no model yet: {current_app.extensions[_FOLLOWER].status.problem}")
        g.predictor = predictor
    found: Predictor = g.predictor
    return found


def current_version() -> str | None:
    """Return the version of the model of this request, None if there is none."""
    predictor: Predictor | None = g.get("predictor") or current_app.extensions["predictor"]
    return predictor.bundle.version if predictor else None


def source() -> dict[str, Any]:
    """Return where the model comes from and whether it is the newest, as ``SourceSchema`` describes it."""
    follower: Follower | None = current_app.extensions.get(_FOLLOWER)
    uri = current_app.extensions["settings"].model_uri
    if follower is None:
        return {"uri": uri, "label": None, "problem": None}
    status = follower.status
    return {"uri": uri, "label": status.label, "problem": status.problem}
