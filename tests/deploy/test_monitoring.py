"""The monitoring that is deployed, on a real Prometheus."""

import json
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

import pytest

from tests.resilience.load import TRIP, Load, more
from tests.servers import ROOT, Server, free_port, running, wait_until

DEPLOYED = ROOT / "deploy" / "prometheus"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "taxi.json"
REQUESTS = "sum(taxi_http_requests_total)"


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


class Prometheus:
    """A Prometheus with the deployed settings, except that it asks one server each second."""

    def __init__(self, folder: Path, target: str) -> None:
        settings = (DEPLOYED / "prometheus.yml").read_text()
        settings = re.sub(r"targets: .*", f"targets: [{target!r}]", settings)
        settings = re.sub(r"_interval: \w+", "_interval: 1s", settings)
        (folder / "prometheus.yml").write_text(settings)
        shutil.copy(DEPLOYED / "rules.yml", folder)
        self._folder = folder
        self._address = f"127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={self._folder}/prometheus.yml",
                f"--storage.tsdb.path={self._folder}/data",
                f"--web.listen-address={self._address}",
                "--log.level=error",
            ]
        )
        wait_until(self._is_ready, seconds=60)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self._address}/-/ready", timeout=5):
                return True
        except OSError:
            return False

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def ask(self, expression: str, at: float | None = None) -> list[dict[str, Any]]:
        """Return the series that an expression has, now or at a time."""
        query = {"query": expression} | ({} if at is None else {"time": str(at)})
        with urllib.request.urlopen(f"http://{self._address}/api/v1/query?{urlencode(query)}", timeout=10) as answer:
            return list(json.load(answer)["data"]["result"])

    def number(self, expression: str, at: float | None = None) -> float:
        """Return the value of an expression that has one series; 0 if it has none."""
        series = self.ask(expression, at)
        return float(series[0]["value"][1]) if series else 0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that follows a folder."""
    served = shutil.copytree(ROOT / "taxi_api" / "model" / "default", tmp_path / "served")
    with running(MODEL_URI=str(served), MODEL_POLL_SECONDS="1", LOG_LEVEL="WARNING") as server:
        yield server


@pytest.fixture
def prometheus(server: Server, tmp_path: Path) -> Iterator[Prometheus]:
    prometheus = Prometheus(tmp_path, server.url.removeprefix("http://"))
    try:
        prometheus.start()
        yield prometheus
    finally:
        prometheus.kill()


def test_rules_record_and_alert_as_they_should(tmp_path: Path):
    shutil.copy(DEPLOYED / "rules.yml", tmp_path)
    shutil.copy(Path(__file__).with_name("rules.test.yml"), tmp_path)
    command = [program("promtool"), "test", "rules", str(tmp_path / "rules.test.yml")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    alerts = re.findall(r"alert: (\w+)", (DEPLOYED / "rules.yml").read_text())
    tried = (tmp_path / "rules.test.yml").read_text()
    assert [name for name in alerts if f"alertname: {name}" not in tried] == []


def test_every_panel_of_the_dashboard_has_something_to_show(server: Server, prometheus: Prometheus):
    expressions = [
        target["expr"] for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel["targets"]
    ]
    with Load(server.url) as load:
        more(load)
        with pytest.raises(HTTPError), urllib.request.urlopen(f"{server.url}/predict", b"{}", timeout=5):
            pass
        batch = json.dumps({"trips": [json.loads(TRIP)] * 50}).encode()
        request = urllib.request.Request(f"{server.url}/v1/predict/batch", batch, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.status == 200
        wait_until(lambda: all(prometheus.ask(expression) for expression in expressions), seconds=30)
    assert prometheus.number("sum(taxi_workers)") == 2
    assert prometheus.number('sum(up{job="taxi"})') == 1


def test_a_killed_prometheus_costs_no_request_and_forgets_nothing_but_the_time_it_was_away(
    server: Server, prometheus: Prometheus
):
    with Load(server.url) as load:
        wait_until(lambda: prometheus.number(REQUESTS, at=time.time() - 4) > 100)
        # What it had been told by then is written down by now.
        before = time.time() - 3
        counted = prometheus.number(REQUESTS, at=before)
        prometheus.kill()
        more(load)
        prometheus.start()
        wait_until(lambda: prometheus.number(REQUESTS) > counted + 100)
        assert prometheus.number(REQUESTS, at=before) == counted
    assert load.failures == []
