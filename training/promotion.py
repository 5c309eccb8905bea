"""From a bundle to the champion and back: register, promote, roll back, export."""

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from training import tracking
from training.bundles import later_than, open_bundle
from training.console import notes, results
from training.errors import TrainingError
from training.folders import bundle_folder
from training.gates import Gate, Limits, gates, table
from training.months import Month
from training.recording import record_bundle
from training.tracking import CHALLENGER, CHAMPION, Registered
from training.trips import load_trips, of_months

# Tags of model versions, kept by the registry for whoever asks why.
PREVIOUS = "promoted.from"


class GateFailedError(TrainingError):
    """A challenger that must not become the champion."""


def register(bundle: Path, data: Path | None = None) -> Registered:
    """Make a bundle a version of the registered model, and the challenger; one that is registered stays what it is.

    A bundle without a run gets one, with plots and metrics by slice if the records of its test months are in ``data``.
    """
    opened = open_bundle(bundle)
    tracking.check()
    run = tracking.run_of(opened.bundle) or record_bundle(opened, data)
    version = tracking.register(opened.bundle, run)
    results.print(f"version {version.number} of {tracking.NAME}: {version.bundle_version}, {CHALLENGER}, run {run}")
    return version


def promote(
    data: Path,
    months: Sequence[Month] = (),
    *,
    force: bool = False,
    who: str = "",
    why: str = "",
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Registered:
    """Try the challenger on trips later than what trained it or the champion, and if every gate opens, promote it.

    With ``force``, ``who`` answers for a gate that stayed shut, and the registry keeps the reason; parity, golden
    answers and coverage cannot be forced. Raises GateFailedError if it stays the challenger.
    """
    if force and not (who.strip() and why.strip()):
        raise TrainingError("--force needs --who and --why, which the registry keeps")
    challenger, champion = tracking.needed(CHALLENGER), tracking.by_alias(CHAMPION)
    if champion is not None and champion.number == challenger.number:
        raise TrainingError(f"version {champion.number} is the champion already; register another bundle first")
    with ExitStack() as stack:
        new = open_bundle(stack.enter_context(tracking.fetched(challenger)))
        old = None if champion is None else open_bundle(stack.enter_context(tracking.fetched(champion)))
        every, _ = load_trips(data)
        later = later_than([new] if old is None else [new, old], of_months(every, months))
        if later.is_empty():
            raise TrainingError(f"{data} has no months later than what the bundles were trained on; add some")
        with notes.status("trying the challenger"):
            found = gates(new, old, later, limits)
    results.print(table(found))
    tags = {"promoted.at": _now(), PREVIOUS: champion.number if champion else "", "gates": _summary(found)}
    shut = [gate for gate in found if not gate.passed]
    if shut:
        _refuse_unless_forced(shut, force)
        tags |= {"forced.by": who, "forced.why": why, "forced.gates": ", ".join(gate.name for gate in shut)}
    tracking.make_champion(challenger, tags)
    results.print(f"champion: version {challenger.number}, {challenger.bundle_version}")
    return challenger


def rollback(who: str, why: str) -> Registered:
    """Make the champion's predecessor the champion again; the registry keeps who did it and why."""
    if not (who.strip() and why.strip()):
        raise TrainingError("a rollback needs --who and --why, which the registry keeps")
    champion = tracking.needed(CHAMPION)
    number = champion.tags.get(PREVIOUS)
    if not number:
        raise TrainingError(f"version {champion.number} replaced no other champion; there is nothing to go back to")
    previous = tracking.by_number(number)
    tracking.tag(champion, {"rolled_back.at": _now(), "rolled_back.by": who, "rolled_back.why": why})
    tracking.make_champion(previous, {})
    results.print(
        f"champion: version {previous.number}, {previous.bundle_version}, in place of version {champion.number}"
    )
    return previous


def export(alias: str, out: Path) -> Path:
    """Fetch the bundle that an alias points to into folder ``out``, and prove it before it appears there."""
    version = tracking.needed(alias)
    with tracking.fetched(version) as bundle, bundle_folder(out) as draft:
        shutil.copytree(bundle, draft, dirs_exist_ok=True)
        open_bundle(draft)
    results.print(f"{out}: version {version.number} of {tracking.NAME}, {version.bundle_version}")
    return out


def _refuse_unless_forced(shut: list[Gate], force: bool) -> None:
    names = ", ".join(gate.name for gate in shut)
    if not force:
        raise GateFailedError(f"not promoted, the champion stays: {names} failed")
    final = ", ".join(gate.name for gate in shut if not gate.may_force)
    if final:
        raise GateFailedError(f"not promoted, the champion stays: {final} failed, which --force does not open")


def _summary(found: list[Gate]) -> str:
    return "; ".join(f"{gate.name}: {'pass' if gate.passed else 'FAIL'} ({gate.measured})" for gate in found)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
