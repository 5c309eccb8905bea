"""The images install just what the requirements say, and every file of it by its sha256."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+)", re.MULTILINE)


def pins(path: str) -> dict[str, str]:
    found = PIN.findall((ROOT / path).read_text())
    return {name.lower().replace("_", "-"): version for name, version in found}


def test_the_lock_is_that_of_the_requirements():
    assert pins("deploy/requirements.lock") == pins("requirements.txt"), "run make lock"


def test_the_lock_of_mlflow_has_what_is_asked_for():
    asked, locked = pins("deploy/mlflow/requirements.txt"), pins("deploy/mlflow/requirements.lock")
    assert {name: locked.get(name) for name in asked} == asked, "run make lock"
    assert len(locked) > 30


@pytest.mark.parametrize("path", ["deploy/requirements.lock", "deploy/mlflow/requirements.lock"])
def test_every_package_has_its_files_by_sha256(path: str):
    text = (ROOT / path).read_text()
    for package in re.split(r"\n(?=\S)", text.strip()):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", package), package.splitlines()[0]


@pytest.mark.parametrize("path", ["Dockerfile", "Dockerfile.lambda", "deploy/mlflow/Dockerfile"])
def test_the_images_insist_on_them(path: str):
    assert "--require-hashes -r /tmp/requirements.lock" in (ROOT / path).read_text()
