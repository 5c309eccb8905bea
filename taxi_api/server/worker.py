"""The worker class that gunicorn starts: its signals, heartbeat and settings around the event loop."""

import os
import resource
import signal
import sys
import time
from dataclasses import replace
from typing import Any

from gunicorn.workers.base import Worker

from taxi_api.server.limits import Limits
from taxi_api.server.loop import Loop

# What a process needs beside its connections: files, libraries, the model's registry.
_OTHER_FILES = 100
# How often the master hears that this worker is well.
_SIGN_SECONDS = 1.0
# A thread that computes gives the interpreter back after this time when the loop wants it; the default is 5 ms.
_SWITCH_SECONDS = 0.001


class EventLoopWorker(Worker):  # type: ignore[misc]
    """One process of the server. TLS is the proxy's part."""

    alive: bool

    @classmethod
    def check_config(cls, cfg: Any, _log: Any) -> None:
        """Refuse what it does not do.

        Raises:
            ValueError: the configuration names a certificate.

        """
        if cfg.is_ssl:
            raise ValueError("this worker class does not speak TLS; put a proxy in front")

    def run(self) -> None:
        """Serve until the master says stop, or is gone."""
        loop = self._loop()
        signal.set_wakeup_fd(loop.wake_fd)
        sys.setswitchinterval(_SWITCH_SECONDS)
        next_sign = 0.0
        while self.alive:
            # Each asks the system, which is too much for every request.
            if time.monotonic() >= next_sign:
                next_sign = time.monotonic() + _SIGN_SECONDS
                self.notify()
                if self.ppid != os.getppid():
                    self.log.info("Parent changed, shutting down: %s", self)
                    break
            loop.turn()
            if loop.answered >= self.max_requests:
                self.log.info("Autorestarting worker after current request.")
                self.alive = False
        signal.set_wakeup_fd(-1)
        # The master waits for so long before it kills.
        loop.stop(max(self.cfg.graceful_timeout - 1, 1))

    def _loop(self) -> Loop:
        cfg, extensions = self.cfg, getattr(self.wsgi, "extensions", {})
        limits = Limits(keep_alive_seconds=cfg.keepalive)
        if "settings" in extensions:
            settings = extensions["settings"]
            # Which route a body is for, and how long it may be there, the app knows.
            limits = replace(limits, body_bytes=max(settings.batch_body_bytes, settings.matrix_body_bytes))
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return Loop(
            [bound.sock for bound in self.sockets],
            self.wsgi,
            self._environ(),
            limits=limits,
            threads=cfg.threads,
            connections=min(cfg.worker_connections, max(files - _OTHER_FILES, _OTHER_FILES)),
            quick_paths=extensions.get("quick_paths", frozenset()),
        )

    def _environ(self) -> dict[str, Any]:
        name = self.sockets[0].sock.getsockname()
        host, port = name[:2] if isinstance(name, tuple) else (name, "")
        return {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": self.cfg.workers > 1,
            "wsgi.run_once": False,
            "SERVER_SOFTWARE": "gunicorn",
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "SCRIPT_NAME": os.environ.get("SCRIPT_NAME", ""),
            "REMOTE_ADDR": "",
        }
