"""The workflows are pinned, have the least rights, put no text of strangers into scripts, and call what exists."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS: dict[str, dict[Any, Any]] = {path.name: yaml.safe_load(path.read_text()) for path in FOLDER.glob("*.yml")}
JOBS = [(name, job) for name, workflow in WORKFLOWS.items() for job in workflow["jobs"]]
# YAML 1.1 reads the key "on" as true.
ON = True


def steps(name: str, job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = WORKFLOWS[name]["jobs"][job].get("steps", [])
    return found


def make_knows(target: str) -> bool:
    done = subprocess.run(
        ["make", "--dry-run", target, "HOST=host"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return "No rule to make target" not in done.stderr


def test_dispatch_offers_what_the_guide_names():
    inputs = WORKFLOWS["deploy.yml"][ON]["workflow_dispatch"]["inputs"]
    assert inputs["environment"]["options"] == ["dev", "prod"]
    assert inputs["action"]["options"] == ["deploy", "test-only", "train-only"]
    assert inputs["force"]["type"] == "boolean"
    assert WORKFLOWS["deploy.yml"][ON]["push"]["branches"] == ["dev", "main"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_rights_are_given_job_by_job(name: str):
    assert WORKFLOWS[name]["permissions"] == {}
    for job in WORKFLOWS[name]["jobs"].values():
        assert "permissions" in job
        assert "write-all" not in str(job["permissions"])


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned_by_commit_with_their_version(name: str):
    for line in (FOLDER / name).read_text().splitlines():
        used = re.search(r"uses: (.+)", line)
        if used and not used[1].startswith("./"):
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*", used[1]), line


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_job_ends_by_itself_and_its_checkout_keeps_no_credentials(name: str, job: str):
    if "uses" not in WORKFLOWS[name]["jobs"][job]:
        assert WORKFLOWS[name]["jobs"][job]["timeout-minutes"] <= 180
    for step in steps(name, job):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_no_expression_becomes_part_of_a_script(name: str, job: str):
    assert not [step["run"] for step in steps(name, job) if "${{" in step.get("run", "")]


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_every_target_and_file_that_a_step_calls_exists(name: str, job: str):
    for step in steps(name, job):
        for line in step.get("run", "").splitlines():
            made = re.search(r"\bmake (.+?)(?:\)|$|&&|\|)", line)
            targets = [word for word in made[1].split() if re.fullmatch(r"[a-z][a-z0-9-]*", word)] if made else []
            assert all(make_knows(target) for target in targets), line
            for script in re.findall(r"\b(deploy/[\w-]+\.sh)", line):
                assert (ROOT / script).stat().st_mode & 0o100, script
    for called in (WORKFLOWS[name]["jobs"][job].get("uses", ""),):
        assert not called or (ROOT / called).is_file()


def test_what_is_scanned_is_scanned_before_it_is_pushed():
    build = [step.get("uses", step.get("run", "")) for step in steps("release.yml", "build")]
    scan = next(place for place, step in enumerate(build) if step.startswith("aquasecurity/trivy-action"))
    push = next(place for place, step in enumerate(build) if "make --silent push" in step)
    assert scan < push
    assert steps("release.yml", "build")[scan]["with"]["exit-code"] == "1"


def test_force_opens_the_gate_for_quality_alone():
    release = WORKFLOWS["deploy.yml"]["jobs"]["release"]
    assert set(release["needs"]) == {"plan", "test", "gate"}
    assert "needs.test.result == 'success'" in release["if"]
    assert "force" not in WORKFLOWS["deploy.yml"]["jobs"]["test"]["if"]


def plan(folder: Path, event: str, payload: dict[str, Any]) -> dict[str, str] | None:
    """Let act run the job that decides, as GitHub would for the event; return what it decided, None if it failed."""
    act = Path(sys.executable).with_name("act")
    if not act.exists():
        pytest.skip("act is not installed")
    (folder / "event.json").write_text(json.dumps(payload))
    command = [str(act), event, "--json", "--action-offline-mode"]
    command += [
        "--workflows",
        ".github/workflows/deploy.yml",
        "--job",
        "plan",
        "--eventpath",
        str(folder / "event.json"),
    ]
    done = subprocess.run(
        [*command, "--platform", "ubuntu-24.04=-self-hosted"],
        cwd=ROOT,
        env=os.environ | {"HOME": str(folder), "XDG_CACHE_HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    decided = {line["name"]: line["arg"] for line in lines if line.get("command") == "set-output"}
    told = [line["msg"] for line in lines if line.get("command") == "summary" or "Summary" in line.get("msg", "")]
    return decided | {"told": " ".join(told)} if done.returncode == 0 else None


@pytest.mark.parametrize(
    ("event", "payload", "decided"),
    [
        ("push", {"ref": "refs/heads/dev"}, {"environment": "dev", "action": "deploy", "force": "false"}),
        ("push", {"ref": "refs/heads/main"}, {"environment": "prod", "action": "deploy", "force": "false"}),
        (
            "workflow_dispatch",
            {"ref": "refs/heads/main", "inputs": {"environment": "dev", "action": "train-only", "force": "false"}},
            {"environment": "dev", "action": "train-only", "force": "false"},
        ),
        (
            "workflow_dispatch",
            {"inputs": {"environment": "dev", "action": "deploy", "target": "ec2", "force": "true"}},
            {"environment": "dev", "target": "ec2", "force": "true"},
        ),
    ],
)
def test_what_is_done_follows_from_the_branch_or_what_was_asked_for(
    tmp_path: Path, event: str, payload: dict[str, Any], decided: dict[str, str]
):
    found = plan(tmp_path, event, payload)
    assert found is not None
    assert decided.items() <= found.items()
    assert f"model quality gate skipped: {found['force']}" in found["told"]


def test_force_is_refused_for_prod(tmp_path: Path):
    asked = {"environment": "prod", "action": "deploy", "force": "true"}
    assert plan(tmp_path, "workflow_dispatch", {"inputs": asked}) is None
    assert plan(tmp_path, "workflow_dispatch", {"inputs": asked | {"force": "false"}}) is not None
