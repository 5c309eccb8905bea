"""The scripts that change what an EC2 machine serves: with a docker that does what the test says, and a real nginx."""

import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.test_metrics import parse
from tests.servers import ROOT, Server, free_port, running, wait_until

# A docker whose images are healthy unless their name says otherwise, and which remembers what it started.
DOCKER = """#!/usr/bin/env bash
image=$(sed -n 's/^API_IMAGE=//p' "$PROJECT/.env" 2>/dev/null | tail -1)
case "$*" in
"compose up"*) echo "${image:-built}" >> "$PROJECT/started" ;;
"compose ps -q api") [ -s "$PROJECT/started" ] && echo container || true ;;
"inspect"*) case $(tail -1 "$PROJECT/started") in *bad*) echo unhealthy ;; *) echo healthy ;; esac ;;
"pull"*nowhere*) exit 1 ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy" / "update-ec2.sh", tmp_path / "deploy")
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    (tmp_path / ".env").write_text("TAXI_RATE_LIMIT=100/minute\n")
    (tmp_path / ".env").chmod(0o600)
    return tmp_path


def update(project: Path, *arguments: str) -> tuple[int, str]:
    path = f"{project / 'bin'}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PROJECT": str(project), "SECONDS_TO_BE_READY": "1"}
    script = str(project / "deploy" / "update-ec2.sh")
    done = subprocess.run([script, *arguments], env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def started(project: Path) -> list[str]:
    return (project / "started").read_text().split() if (project / "started").exists() else []


def test_a_good_image_serves_and_can_be_taken_back(project: Path):
    assert update(project, "taxi:1")[0] == 0
    assert update(project, "taxi:2")[0] == 0
    assert update(project, "--back")[0] == 0
    assert started(project) == ["taxi:1", "taxi:2", "taxi:1"]
    environment = (project / ".env").read_text()
    assert environment == "TAXI_RATE_LIMIT=100/minute\nAPI_IMAGE=taxi:1\n"
    assert (project / ".env").stat().st_mode & 0o777 == 0o600


def test_a_bad_image_gives_way_to_the_one_before(project: Path):
    update(project, "taxi:1")
    status, told = update(project, "taxi:bad")
    assert status == 1
    assert "returning to taxi:1" in told
    assert started(project) == ["taxi:1", "taxi:bad", "taxi:1"]
    assert update(project, "taxi:1") == (0, "from taxi:1 to taxi:1\nit serves already\n")


def test_what_cannot_be_fetched_changes_nothing(project: Path):
    update(project, "taxi:1")
    assert update(project, "registry.example/nowhere:1")[0] == 1
    assert started(project) == ["taxi:1"]
    assert "API_IMAGE=taxi:1" in (project / ".env").read_text()


def test_a_dry_run_and_a_mistake_change_nothing(project: Path):
    assert update(project, "--dry-run", "taxi:2")[0] == 0
    assert update(project, "--back")[0] == 1
    assert update(project)[0] == 2
    assert started(project) == []


@pytest.fixture(scope="module")
def colours() -> Iterator[tuple[Server, Server]]:
    with running(LOG_LEVEL="WARNING", TAXI_PROXY_HOPS="1") as blue, running(LOG_LEVEL="WARNING") as green:
        yield blue, green


@pytest.mark.skipif(shutil.which("nginx") is None, reason="moves the traffic of a real nginx, which is not installed")
def test_traffic_moves_from_blue_to_green_and_back_without_a_failed_request(
    colours: tuple[Server, Server], tmp_path: Path
):
    blue, green = (server.url.removeprefix("http://") for server in colours)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy" / "switch.sh", tmp_path / "deploy")
    folder = tmp_path / "deploy" / "nginx"
    shutil.copytree(ROOT / "deploy" / "nginx", folder)
    (folder / "upstream.conf").write_text(f"upstream api {{ server {blue}; keepalive 16; }}\n")
    configuration = (folder / "nginx.conf").read_text()
    configuration = configuration.replace("listen 8080", f"listen 127.0.0.1:{port}").replace(" /tmp", f" {tmp_path}")
    (folder / "nginx.conf").write_text(configuration)
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    # Runs in place what would run in the containers: the probe, and nginx.
    docker.write_text(
        "#!/usr/bin/env bash\n"
        'case "$*" in\n'
        f"*nginx*reload) nginx -c {folder}/nginx.conf -s reload ;;\n"
        f"*nginx*) nginx -c {folder}/nginx.conf -t ;;\n"
        f"*api-green*) curl -fsS http://{green}/ready >/dev/null ;;\n"
        f"*api*) curl -fsS http://{blue}/ready >/dev/null ;;\n"
        "esac\n"
    )
    docker.chmod(0o755)
    environment = os.environ | {"PATH": f"{docker.parent}:{os.environ['PATH']}", "BLUE": blue, "GREEN": green}
    nginx = subprocess.Popen(["nginx", "-c", f"{folder}/nginx.conf", "-g", "daemon off;"], stderr=subprocess.DEVNULL)
    failed: list[str] = []
    asked = [0]
    stop = threading.Event()

    def ask() -> None:
        body = '{"PULocationID": 161, "DOLocationID": 132}'
        while not stop.is_set():
            command = ["curl", "-sS", "-m", "10", "-w", "%{http_code}", "-o", "/dev/null", "-H"]
            command += ["Content-Type: application/json", "-d", body, f"{url}/predict"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            asked[0] += 1
            if done.stdout != "200":
                failed.append(done.stdout + done.stderr)

    clients = [threading.Thread(target=ask) for _ in range(3)]
    try:
        wait_until(lambda: subprocess.run(["curl", "-sfo/dev/null", f"{url}/health"], check=False).returncode == 0)
        for client in clients:
            client.start()
        for colour in ("green", "blue", "green"):
            time.sleep(0.7)
            script = str(tmp_path / "deploy" / "switch.sh")
            moved = subprocess.run([script, colour], env=environment, capture_output=True, text=True, check=False)
            assert moved.returncode == 0, moved.stderr
        time.sleep(0.7)
    finally:
        stop.set()
        for client in clients:
            client.join()
        nginx.terminate()
        nginx.wait(10)
    assert failed == []
    assert asked[0] > 30
    answered = [_predictions(server) for server in colours]
    assert min(answered) > 5


def _predictions(server: Server) -> float:
    done = subprocess.run(["curl", "-s", f"{server.url}/metrics"], capture_output=True, text=True, check=True)
    samples = parse(done.stdout)
    return sum(number for (name, _), number in samples.items() if name == "taxi_predictions_total")


def test_the_dashboard_and_the_alerts_know_only_metrics_that_there_are():
    from taxi_api.metrics.prometheus import Prometheus  # noqa: PLC0415

    known = {metric.name for metric in Prometheus()._registry.collect()}
    known |= {name + suffix for name in known for suffix in ("_total", "_bucket", "_count", "_sum")}
    for path in (
        ROOT / "deploy" / "grafana" / "dashboards" / "taxi.json",
        ROOT / "deploy" / "prometheus" / "rules.yml",
    ):
        named = set(re.findall(r"\btaxi_[a-z_]+", path.read_text()))
        assert named
        assert named <= known, named - known
