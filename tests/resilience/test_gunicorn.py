"""A real gunicorn under load, while its workers are killed, replaced and stopped."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.resilience.load import CLIENTS, Load, more
from tests.servers import Server, free_port, running, wait_until

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the workers in /proc")


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
