"""``gunicorn taxi_api.wsgi:app``."""

from taxi_api.app import create_app

app = create_app()
