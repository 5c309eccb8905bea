"""What AWS Lambda gives a container: the Runtime API, with AWS's own client for Python in a process of its own."""

import json
import os
import queue
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

ROOT = Path(__file__).parents[1]
_PREFIX = "/2018-06-01/runtime/"


class _Server(ThreadingHTTPServer):
    # A client that waits for an event must not hold up the end, and goes without a word.
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


class Environment:
    """An execution environment: a process that asks for events and answers them, one at a time."""

    def __init__(self, command: list[str], **variables: str) -> None:
        self.output = ""
        self._events: queue.Queue[Any] = queue.Queue()
        self._answers: queue.Queue[Any] = queue.Queue()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever)
        self._thread.start()
        settings = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "taxi-prediction-dev",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/taxi-prediction-dev",
            "AWS_LAMBDA_LOG_STREAM_NAME": "test",
            "AWS_REGION": "us-east-1",
            "LAMBDA_TASK_ROOT": str(ROOT),
        }
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | settings | variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        environment = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                environment._answers.put("ready")
                event = environment._events.get()
                self._reply(200, json.dumps(event).encode())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                environment._answers.put((self.path.removeprefix(_PREFIX), json.loads(body)))
                self._reply(202, b'{"status": "OK"}')

            def _reply(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
                self.send_header("Lambda-Runtime-Deadline-Ms", "9999999999999")
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:1:function:taxi")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        return Handler

    def wait(self) -> None:
        """Wait until the process asks for an event."""
        said = self._answers.get(timeout=60)
        if said != "ready":
            raise RuntimeError(f"the handler did not start: {said}")

    def invoke(self, event: Any) -> Any:
        """Return the answer to an event."""
        self._events.put(event)
        path, answer = self._answers.get(timeout=60)
        if not path.endswith("/response"):
            raise RuntimeError(f"the handler failed: {answer}")
        self.wait()
        return answer

    def stop(self) -> None:
        """End the process; ``output`` is what it wrote."""
        self.process.terminate()
        output, _ = self.process.communicate(timeout=30)
        self.output = output.decode()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def environment(handler: str, python: str = sys.executable, **variables: str) -> Iterator[Environment]:
    """Run a handler, such as ``module.function``, until the end of the block."""
    started = Environment([python, "-m", "awslambdaric", handler], **variables)
    try:
        started.wait()
        yield started
    finally:
        started.stop()
