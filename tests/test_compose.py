"""What docker-compose.yml promises of every service, and that it hands on every setting."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from taxi_api.settings import Settings, variable

COMPOSE: dict[str, Any] = yaml.safe_load((Path(__file__).parents[1] / "docker-compose.yml").read_text())
# The container's own: its port, its folder for metrics, and what only Lambda sets.
INSIDE = {"PORT", "PROMETHEUS_MULTIPROC_DIR", "AWS_LAMBDA_FUNCTION_NAME"}


def test_every_setting_can_be_given():
    given = set(COMPOSE["services"]["api"]["environment"])
    assert {variable(item) for item in fields(Settings)} - INSIDE <= given


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_service_has_no_more_rights_than_it_needs(name: str):
    service = COMPOSE["services"][name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}


def test_mlflow_is_open_to_this_machine_alone():
    (port,) = COMPOSE["services"]["mlflow"]["ports"]
    assert port.startswith("${MLFLOW_BIND:-127.0.0.1}:")


def test_the_api_may_take_longer_to_stop_than_gunicorn_waits():
    assert COMPOSE["services"]["api"]["stop_grace_period"] == "30s"


def test_what_gunicorn_reads_itself_is_never_empty():
    assert COMPOSE["services"]["api"]["environment"]["WEB_CONCURRENCY"] == "${WEB_CONCURRENCY:-0}"
