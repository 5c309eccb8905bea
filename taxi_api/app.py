"""The service, put together."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from taxi_api import apidocs, errors, logs, request_id, routes
from taxi_api.model.predictor import Predictor
from taxi_api.model.store import load_predictor
from taxi_api.settings import Settings

# A trip is some hundred bytes.
MAX_BODY_BYTES = 64 * 1024


def create_app(settings: Settings | None = None, predictor: Predictor | None = None) -> Flask:
    """Return the app.

    Args:
        settings: by default those of the environment.
        predictor: by default the one that the settings name.

    Raises:
        SettingsError: a variable has an unusable value.
        BundleError: the model bundle must not serve.

    """
    settings = settings or Settings.from_environment()
    app = Flask("taxi_api", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]  # an answer reads in the order of its schema
    app.extensions["settings"] = settings
    app.extensions["predictor"] = predictor or load_predictor(settings.model_uri)

    request_id.init_app(app)
    logs.init_app(app, settings)
    errors.init_app(app)
    routes.init_app(app)
    apidocs.init_app(app)

    if settings.proxy_hops:
        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_port=hops, x_prefix=hops
        )
    return app
