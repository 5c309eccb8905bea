"""A real gunicorn under load, while its workers are killed, replaced and stopped."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import pytest

from tests.servers import Server, free_port, running, wait_until

TRIP = json.dumps({"PULocationID": 161, "DOLocationID": 132, "trip_distance": 17.5}).encode()
CLIENTS = 4

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the workers in /proc")


class Load:
    """Clients that ask without a pause, each request on a connection of its own or all on one that is kept."""

    def __init__(self, url: str, *, keep: bool = False) -> None:
        self.answered = 0
        self.failures: list[str] = []
        # A client that is not let in any more goes home; it lost no request. Once the server has been told to stop,
        # that is also a reset of a connection on which nothing has been answered: nobody had taken it yet.
        self.refused = threading.Event()
        self.told_to_stop = False
        self._address = urlsplit(url).netloc
        self._keep = keep
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=20)
        while not self._stop.is_set():
            fresh = connection.sock is None
            try:
                if fresh:
                    connection.connect()
            except ConnectionRefusedError:
                self.refused.set()
                return
            try:
                connection.request("POST", "/predict", TRIP, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                content = answer.read()
                if answer.status != 200 or not json.loads(content)["duration"]:
                    self.failures.append(str(answer.status))
                self.answered += 1
                if not self._keep:
                    connection.close()
            except (OSError, http.client.HTTPException) as problem:
                connection.close()
                if fresh and self.told_to_stop and isinstance(problem, ConnectionResetError):
                    self.refused.set()
                    return
                self.failures.append(repr(problem))
        connection.close()


class Nginx:
    """A proxy in front of two instances, set as the one that the project deploys."""

    def __init__(self, program: str, folder: Path, ports: list[int]) -> None:
        self.port = free_port()
        servers = " ".join(f"server 127.0.0.1:{port} fail_timeout=1s;" for port in ports)
        (folder / "nginx.conf").write_text(
            f"daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1; events {{}}\n"
            f"http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n"
            f"fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n"
            f"upstream api {{ {servers} keepalive 16; }}\n"
            f"server {{ listen 127.0.0.1:{self.port}; location / {{ proxy_pass http://api; proxy_http_version 1.1;\n"
            'proxy_set_header Connection ""; proxy_next_upstream error timeout non_idempotent; } } }\n'
        )
        self._command = [program, "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", str(folder / "error.log")]

    def __enter__(self) -> str:
        self._process = subprocess.Popen(self._command)
        wait_until(self._listens)
        return f"http://127.0.0.1:{self.port}"

    def _listens(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)


def test_a_killed_worker_takes_no_more_requests_with_it_than_it_had():
    with running(LOG_LEVEL="WARNING") as server, Load(server.url) as load:
        wait_until(lambda: load.answered > 50)
        before = server.workers()
        os.kill(min(before), signal.SIGKILL)
        wait_until(lambda: len(server.workers() - {min(before)}) == 2)
        after = load.answered
        wait_until(lambda: load.answered > after + 50)
    assert len(load.failures) <= CLIENTS


def test_a_reload_replaces_every_worker_without_a_failed_request():
    with running(LOG_LEVEL="WARNING") as server, Load(server.url) as load:
        wait_until(lambda: load.answered > 50)
        before = server.workers()
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(server.workers()) == 2 and not server.workers() & before, seconds=30)
        after = load.answered
        wait_until(lambda: load.answered > after + 50)
    assert load.failures == []


def test_a_stop_answers_every_request_of_clients_that_are_connected():
    with running(LOG_LEVEL="WARNING") as server, Load(server.url, keep=True) as load:
        wait_until(lambda: load.answered > 200)
        load.told_to_stop = True
        server.process.send_signal(signal.SIGTERM)
        assert load.refused.wait(20)
        assert server.process.wait(30) == 0
    assert load.failures == []


@pytest.mark.parametrize("keep", [False, True])
def test_instances_behind_nginx_are_replaced_without_a_failed_request(tmp_path: Path, keep: bool):
    nginx = shutil.which("nginx")
    if nginx is None:
        pytest.skip("nginx is not installed")
    ports = [free_port(), free_port()]
    instances = [Server(PORT=str(port), LOG_LEVEL="WARNING") for port in ports]
    try:
        for instance in instances:
            instance.wait()
        with Nginx(nginx, tmp_path, ports) as proxy, Load(proxy, keep=keep) as load:
            for place, port in enumerate(ports):
                more(load)
                instances[place].stop()
                more(load)
                instances[place] = Server(PORT=str(port), LOG_LEVEL="WARNING")
                instances[place].wait()
                # As a deployment does: until nginx tries it again, which counts its time-out in whole seconds.
                time.sleep(3)
            more(load)
    finally:
        for instance in instances:
            instance.stop()
    assert load.failures == []


def more(load: Load) -> None:
    before = load.answered
    wait_until(lambda: load.answered > before + 100)
