"""The command that a container's health check runs."""

import os
import subprocess
import sys
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from flask import Flask

from taxi_api.app import create_app
from taxi_api.model.bundle import BundleError
from taxi_api.model.predictor import Predictor
from taxi_api.settings import Settings
from tests.servers import free_port


class Quiet(WSGIRequestHandler):
    def log_message(self, *_args: object) -> None:
        """Say nothing: the service logs."""


def probe(port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "taxi_api.probe"],
        env=os.environ | {"PORT": str(port)},
        capture_output=True,
        text=True,
        check=False,
    )


def probe_of(app: Flask) -> subprocess.CompletedProcess[str]:
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        found = probe(server.server_port)
        thread.join()
    return found


def test_a_ready_server_is_healthy(app: Flask):
    found = probe_of(app)
    assert (found.returncode, found.stderr) == (0, "")


def test_a_server_that_is_not_ready_is_not_healthy_and_says_why(predictor: Predictor, monkeypatch: pytest.MonkeyPatch):
    def fail(_self: Predictor) -> None:
        raise BundleError("golden answer 3 is wrong")

    monkeypatch.setattr(Predictor, "check", fail)
    found = probe_of(create_app(Settings(), predictor))
    assert found.returncode == 1
    assert "answers 503" in found.stderr
    assert "golden answer 3 is wrong" in found.stderr


def test_no_server_is_not_healthy():
    found = probe(free_port())
    assert found.returncode == 1
    assert "does not answer" in found.stderr
