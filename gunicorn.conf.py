"""gunicorn's configuration; it is read from the folder in which gunicorn starts."""

import os
import sys

from taxi_api.settings import Settings, SettingsError

try:
    _settings = Settings.from_environment()
except SettingsError as problem:
    sys.exit(f"cannot start: {problem}")

bind = f"0.0.0.0:{_settings.port}"
workers = _settings.web_concurrency or os.cpu_count() or 1
worker_class = "gthread"
threads = 4
# Each worker loads the model itself: a session that was made before the fork would hang after it.
preload_app = False
timeout = 30
graceful_timeout = 20
keepalive = 30
# The heartbeat file must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
# gunicorn would otherwise open a socket for control commands in the home directory.
control_socket_disable = True
# The app logs each request itself.
accesslog = None
errorlog = "-"
loglevel = _settings.log_level.lower()
