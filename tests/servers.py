"""Real servers for tests, on free ports of this machine."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import IO
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "server", "date"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(stderr: int | IO[str] = subprocess.PIPE, **environment: str) -> subprocess.Popen[str]:
    """Start gunicorn with the project's configuration and two workers."""
    return subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "taxi_api.wsgi:app"],
        cwd=ROOT,
        env=os.environ | {"WEB_CONCURRENCY": "2"} | environment,
        stderr=stderr,
        stdout=subprocess.DEVNULL,
        text=True,
    )


class Server:
    """A gunicorn that answers; ``log`` is what it wrote, once it has ended."""

    def __init__(self, **environment: str) -> None:
        port = int(environment.pop("PORT", 0)) or free_port()
        self.url = f"http://127.0.0.1:{port}{environment.get('SCRIPT_NAME', '')}"
        # Not a pipe: one that nobody reads stops a server with much to say.
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by stop
        self._worker_count = int(environment.get("WEB_CONCURRENCY", 2))
        self.process = start(self._log, PORT=str(port), **environment)
        self.log = ""

    def wait(self, path: str = "/ready") -> None:
        """Wait until it answers, and has begun all of its workers: gunicorn takes its time between them."""

        def answers() -> bool:
            assert self.process.poll() is None, self._read_log()
            try:
                with urllib.request.urlopen(f"{self.url}{path}", timeout=5) as answer:
                    return answer.status == 200
            except OSError:
                return False

        wait_until(answers)
        if Path("/proc/self/task").is_dir():
            wait_until(lambda: len(self.workers()) >= self._worker_count)

    def workers(self) -> set[int]:
        """Return the process ids of its workers, as Linux tells them."""
        pid = self.process.pid
        return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            # It fails its test, not those after it.
            self.process.kill()
            raise
        self.log = self._read_log()
        self._log.close()

    def _read_log(self) -> str:
        self._log.seek(0)
        return self._log.read()


@contextmanager
def running(**environment: str) -> Iterator[Server]:
    """Run a server until the end of the block; it must end well."""
    server = Server(**environment)
    try:
        server.wait()
        yield server
    finally:
        server.stop()
    assert server.process.returncode == 0


def start_mlflow(arguments: list[str], folder: Path, answers_at: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start a server of MLflow's in a folder, which gets its log, and wait until it answers at an address."""
    # It may start others by name.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *arguments],
            cwd=folder,
            env=os.environ | {"PATH": path} | environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            with urllib.request.urlopen(answers_at, timeout=5):
                return True
        except OSError:
            return False

    try:
        wait_until(answers, seconds=60)
    except AssertionError:
        if process.poll() is None:
            stop_mlflow(process)
        raise
    return process


def stop_mlflow(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)


class TrackingServer:
    """A real MLflow server that keeps its port and its store over restarts; it believes clients that say localhost."""

    def __init__(self, folder: Path, store: str = "") -> None:
        self.folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._store = store or f"sqlite:///{self.folder}/store.db"
        self.url = f"http://localhost:{self._port}"

    def start(self) -> None:
        artifacts = str(self.folder / "artifacts")
        arguments = ["server", "--host", "127.0.0.1", "--port", str(self._port), "--workers", "1"]
        arguments += ["--backend-store-uri", self._store, "--artifacts-destination", artifacts]
        arguments += ["--allowed-hosts", f"localhost:{self._port}"]
        # As in its image.
        environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        self._process = start_mlflow(arguments, self.folder, f"{self.url}/health", **environment)

    def stop(self) -> None:
        if self._process is not None:
            stop_mlflow(self._process)
            self._process = None


@contextmanager
def prefixing_proxy(upstream: str, prefix: str) -> Iterator[str]:
    """Run a reverse proxy that takes a prefix off the path and says so; yield its address with the prefix."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            headers |= {"X-Forwarded-Prefix": prefix, "X-Forwarded-Host": self.headers["Host"]}
            connection = HTTPConnection(urlsplit(upstream).netloc, timeout=10)
            connection.request(self.command, self.path.removeprefix(prefix), body, headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP_BY_HOP | {"content-length"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *_args: object) -> None:
            """Say nothing: the service logs."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
        thread = Thread(target=proxy.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{proxy.server_port}{prefix}"
        proxy.shutdown()
        thread.join()


def wait_until(holds: Callable[[], bool], seconds: int = 10) -> None:
    """Wait for up to so many seconds of sleep until something holds."""
    for _ in range(20 * seconds):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come about")
