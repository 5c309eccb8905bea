"""``gunicorn taxi_api.wsgi:app``."""

import sys

from taxi_api.app import create_app
from taxi_api.model.bundle import BundleError
from taxi_api.settings import SettingsError

# gunicorn's own code for an app that cannot be loaded: it then stops, where it would otherwise start workers forever.
_APP_LOAD_ERROR = 4

try:
    app = create_app()
except (BundleError, SettingsError) as problem:
    sys.stderr.write(f"cannot start: {problem}\n")
    sys.exit(_APP_LOAD_ERROR)
