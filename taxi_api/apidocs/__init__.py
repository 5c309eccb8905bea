"""Swagger UI at /apidocs/ and the document at /openapi.json, both by flasgger.

They live in an app of their own that is made when somebody first asks: flasgger takes longer to import than the whole
rest of the service, and a cold start that only predicts should not pay for it.
"""

from pathlib import Path
from threading import Lock

from flask import Flask, Response, current_app, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from taxi_api import errors
from taxi_api.settings import Settings

_lock = Lock()


def init_app(app: Flask) -> None:
    """Serve the documentation of the app's routes, unless it is off; call it after all others are registered."""
    settings: Settings = app.extensions["settings"]
    if not settings.docs:
        return
    app.add_url_rule("/apidocs", "apidocs_redirect", _to_folder, strict_slashes=True)
    app.add_url_rule("/apidocs/", "apidocs", _delegate)
    app.add_url_rule("/apidocs/<path:file>", "apidocs_file", _delegate)
    app.add_url_rule("/openapi.json", "openapi", _delegate)


def _to_folder() -> BaseResponse:
    # Relative, because a proxy may have taken a prefix off the path without saying so.
    return redirect("apidocs/", code=308)


def _delegate(file: str = "") -> BaseResponse:  # noqa: ARG001 - the other app reads the path itself
    return current_app.response_class.from_app(_docs(), request.environ)


def _docs() -> Flask:
    """Return the app that serves the documentation, made once."""
    with _lock:
        docs = current_app.extensions.get("apidocs")
        if docs is None:
            docs = current_app.extensions["apidocs"] = _make_docs(current_app)
    return docs


def _make_docs(app: Flask) -> Flask:
    # Imported here and not above: see the module's docstring.
    from flasgger import Swagger  # noqa: PLC0415
    from flask_swagger_ui import flask_swagger_ui  # noqa: PLC0415

    from taxi_api.apidocs.document import build_document  # noqa: PLC0415

    here = Path(__file__).parent
    docs = Flask(__name__, static_folder=None)
    docs.json = app.json
    errors.init_app(docs)
    docs.add_url_rule(
        "/apidocs/start.js",
        view_func=lambda: Response((here / "start.js").read_text(), mimetype="text/javascript"),
    )
    Swagger(
        docs,
        config={
            "title": "NYC taxi trip duration",
            "openapi": "3.0.3",
            "headers": [],
            "specs": [{"endpoint": "openapi", "route": "/openapi.json", "rule_filter": lambda _rule: False}],
            "specs_route": "/apidocs/",
            "static_url_path": "/apidocs/assets",
            "static_folder": str(Path(flask_swagger_ui.__file__).parent / "dist"),
            "template_folder": str(here / "templates"),
        },
        template=build_document(app),
    )
    return docs
