"""gunicorn's configuration; it is read from the folder in which gunicorn starts."""

import os
import sys
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from taxi_api import cpus, exposure, log_lines, logs, metrics_folder
from taxi_api.model.bundle import BundleError
from taxi_api.settings import Settings, SettingsError

# numpy would otherwise start a thread for each core in each worker, for matrix products that nobody asks for.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
_MEMORY = "/dev/shm"  # noqa: S108 - Linux keeps it in memory; gunicorn makes its own file there

try:
    _settings = Settings.from_environment()
    _metrics = metrics_folder.prepare(_settings.prometheus_multiproc_dir, _MEMORY if Path(_MEMORY).is_dir() else None)
except (SettingsError, OSError) as problem:
    sys.exit(f"cannot start: {problem}")

bind = f"0.0.0.0:{_settings.port}"
workers = _settings.web_concurrency or cpus.usable()
worker_class = "taxi_api.server.worker.EventLoopWorker"
# For batches and whatever else is not answered at once.
threads = 4
# Each worker makes the app itself: its metrics' files, its threads and the model that it follows are its own.
preload_app = False
timeout = 30
graceful_timeout = 20
keepalive = 30
# The heartbeat file must not wait for a disk.
worker_tmp_dir = _MEMORY if Path(_MEMORY).is_dir() else None
# gunicorn would otherwise open a socket for control commands in the home directory.
control_socket_disable = True
# The app logs each request itself.
accesslog = None
errorlog = "-"
loglevel = _settings.log_level.lower()


class logger_class(Logger):  # noqa: N801 - gunicorn's name for the setting
    """Writes gunicorn's own lines as the app writes its."""

    def setup(self, cfg: Any) -> None:
        """Set the format besides what gunicorn sets."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(log_lines.formatter(_settings.app_env))


def on_starting(_server: Any) -> None:
    """Prepare what the workers share and try the bundle, so that a bad one stops the start with one line."""
    metrics_folder.empty(_metrics)
    _require_usable_bundle()
    logs.configure(_settings)
    exposure.warn_if_open(_settings)


def child_exit(_server: Any, worker: Any) -> None:
    """Keep what an ended worker counted, but no longer what only a living one can tell."""
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - not before the folder is named

    mark_process_dead(worker.pid)


def on_exit(_server: Any) -> None:
    """Leave no metrics behind."""
    metrics_folder.remove(_metrics)


def _require_usable_bundle() -> None:
    # In a process of its own: the master would otherwise hold what it never uses.
    child = os.fork()
    if child == 0:
        os._exit(_try_bundle())
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
        metrics_folder.remove(_metrics)
        sys.exit(1)


def _try_bundle() -> int:
    from taxi_api.model.follower import Follower  # noqa: PLC0415 - not in the master
    from taxi_api.model.store import is_remote, load_predictor, source_of  # noqa: PLC0415

    uri = _settings.model_uri
    try:
        if not is_remote(uri):
            load_predictor(uri)
        else:
            # Fetched once into the cache, for all workers. A server that is down stops no start.
            source = source_of(uri, _settings.mlflow_tracking_uri, _settings.model_cache)
            logs.configure(_settings)
            Follower(source, lambda _predictor: None, lambda _outcome: None).poll()
    except BundleError as problem:
        os.write(2, f"cannot start: {problem}\n".encode())
        return 1
    return 0
