"""HTTP in and out: each module is one blueprint. Add a module to BLUEPRINTS and it is served and documented."""

from flask import Flask

from taxi_api.routes import batch, explain, health, inference, invocations, matrix, model, predict, zones

BLUEPRINTS = (
    predict.blueprint,
    batch.blueprint,
    matrix.blueprint,
    explain.blueprint,
    zones.blueprint,
    model.blueprint,
    health.blueprint,
    invocations.blueprint,
    inference.blueprint,
)


def init_app(app: Flask) -> None:
    """Register all routes."""
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
