"""The command ``gate``: whether a bundle may be deployed, without a registry."""

from collections.abc import Sequence
from pathlib import Path

from training.bundles import later_than, open_bundle
from training.console import notes, results
from training.errors import TrainingError
from training.gates import Gate, Limits, deployment_gates, table
from training.months import Month
from training.trips import load_trips, of_months


def check_bundle(
    bundle: Path,
    data: Path,
    months: Sequence[Month] = (),
    *,
    most_rmse: float,
    deployed: Path | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> list[Gate]:
    """Print the gates for a bundle on trips later than what trained it or the one deployed; return those that failed.

    Raises TrainingError if a bundle must not be used, or there are no such trips.
    """
    candidate = open_bundle(bundle)
    served = None if deployed is None else open_bundle(deployed)
    every, _ = load_trips(data)
    later = later_than([candidate] if served is None else [candidate, served], of_months(every, months))
    if later.is_empty():
        raise TrainingError(f"{data} has no months later than what the bundles were trained on; add some")
    with notes.status("trying the bundle"):
        found = deployment_gates(candidate, served, later, most_rmse, limits)
    results.print(table(found))
    return [gate for gate in found if not gate.passed]
