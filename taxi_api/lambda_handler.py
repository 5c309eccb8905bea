"""AWS Lambda's entry point, ``taxi_api.lambda_handler.handler``, made once when an execution environment starts."""

import gc
import os

# All that a start makes stays; looking through it for garbage would be a tenth of the start.
gc.disable()
# numpy would otherwise start a thread for each core, for matrix products that nobody asks for: a fifth of the start.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from taxi_api import exposure, lambda_log
from taxi_api.app import create_app
from taxi_api.lambda_wsgi import Handler, make_handler
from taxi_api.settings import Settings


def _start() -> Handler:
    settings = Settings.from_environment()
    app = create_app(settings)
    lambda_log.configure(settings)
    exposure.warn_if_open(settings)
    return make_handler(app)


handler = _start()
gc.freeze()
gc.enable()
