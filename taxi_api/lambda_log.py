"""The log in Lambda: always JSON, every line with the id under which Lambda knows the invocation."""

import logging

from taxi_api import logs
from taxi_api.log_lines import formatter
from taxi_api.settings import Settings


def configure(settings: Settings) -> None:
    """Write the log of this process, and what libraries have to say, through the handler of Lambda's runtime.

    The runtime puts that handler on the root logger before it loads the function. It keeps a traceback together as one
    event and adds ``aws_request_id``. Without a runtime the log is written as elsewhere.
    """
    logs.configure(settings)
    runtime = [
        handler for handler in logging.getLogger().handlers if type(handler).__module__.startswith("awslambdaric")
    ]
    for handler in runtime:
        handler.setFormatter(_OneLine())
    if runtime:
        for name in logs.LOGGERS:
            logging.getLogger(name).handlers.clear()


class _OneLine(logging.Formatter):
    """JSON with a line's end, which the runtime's handler leaves to the formatter."""

    def __init__(self) -> None:
        super().__init__()
        self._json = formatter("production")

    def format(self, record: logging.LogRecord) -> str:
        return self._json.format(record) + "\n"
