"""The service, put together."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from taxi_api import (
    api_keys,
    apidocs,
    cors,
    errors,
    logs,
    metrics,
    rate_limits,
    request_id,
    routes,
    security_headers,
    served_model,
    timing,
)
from taxi_api.fast_path import HEALTH, PATHS, FastPath
from taxi_api.json_limits import LimitedJSONProvider
from taxi_api.model.predictor import Predictor
from taxi_api.settings import Settings


def create_app(settings: Settings | None = None, predictor: Predictor | None = None) -> Flask:
    """Return the app.

    Args:
        settings: by default those of the environment.
        predictor: by default the one that the settings name.

    Raises:
        SettingsError: a variable has an unusable value.
        BundleError: the model bundle must not serve, or MODEL_URI cannot be understood.

    """
    settings = settings or Settings.from_environment()
    app = Flask("taxi_api", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.json = LimitedJSONProvider(app)
    app.extensions["settings"] = settings

    request_id.init_app(app)
    timing.init_app(app)
    logs.init_app(app, settings)
    metrics.init_app(app, settings)
    served_model.init_app(app, settings, predictor)
    security_headers.init_app(app)
    cors.init_app(app, settings)
    rate_limits.init_app(app, settings)
    api_keys.init_app(app, settings)
    errors.init_app(app)
    routes.init_app(app)
    apidocs.init_app(app)

    if not settings.cors_origins and not settings.rate_limit:
        # Both add to every answer, and in Flask.
        app.wsgi_app = FastPath(app, settings)  # type: ignore[method-assign]
        # The server need not put these off to a thread: nothing in their way waits for anything.
        app.extensions["quick_paths"] = PATHS | {HEALTH}
    if settings.proxy_hops:
        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_port=hops, x_prefix=hops
        )
    return app
