"""Every choice of a training, as one object that can be kept in a file."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from training.errors import TrainingError


@dataclass(frozen=True)
class Recipe:
    """Every choice of a fit; kept in the bundle's manifest."""

    units: int = 64
    """Units of each of the two hidden layers of a network."""
    epochs: int = 14
    """How often a network sees each trip."""
    learning_rate: float = 0.002
    batch: int = 1024
    penalty: float = 0.03
    """Of large weights, as scikit-learn's ``alpha``."""
    folds: int = 5
    """Parts of the training months; each gets table features learned from the others."""
    hide_distance: float = 0.25
    """Share of trips that are also shown with their distance hidden."""
    hide_time: float = 0.25
    hidden_weight: float = 0.5
    """Weight of a trip shown with hidden inputs, beside 1 for itself."""
    elsewhere: float = 0.02
    """Made-up trips between zones that taxis hardly connect, as a share of all trips."""
    stretched: float = 0.16
    """Made-up trips by ways of another length."""
    made_up_weight: float = 0.2
    short_weight: float = 0.1
    """Weight of trips under 1 minute: mostly rides that were called off."""
    long_weight: float = 0.45
    """Weight of trips over 60 minutes: some are meters left running."""
    level: float = 0.9
    """Nominal coverage of the interval."""
    lower_tail: float = 0.035
    """Share of trips meant to be faster than the interval. Durations have a long upper tail, so the narrowest interval
    leaves out fewer of the fast trips than of the slow ones."""
    seed: int = 20240918

    def described(self) -> dict[str, Any]:
        """Return the recipe as plain values."""
        return asdict(self)

    @classmethod
    def read(cls, file: Path) -> Self:
        """Return the recipe in a JSON file; what the file does not mention stays as it is here.

        Raises TrainingError if the file cannot be read, or holds anything that is no part of a recipe.
        """
        try:
            given = json.loads(file.read_text())
        except (OSError, ValueError) as problem:
            raise TrainingError(f"{file} cannot be read as a recipe: {problem}") from problem
        kinds = {field.name: type(field.default) for field in fields(cls)}
        if not isinstance(given, dict) or not given.keys() <= kinds.keys():
            raise TrainingError(f"{file} is no recipe; it may have {', '.join(kinds)}")
        for name, value in given.items():
            whole_as_float = kinds[name] is float and type(value) is int
            if type(value) is not kinds[name] and not whole_as_float:
                raise TrainingError(f"{file}: {name} must be a {kinds[name].__name__}, not {value!r}")
        return cls(**given)

    def write(self, file: Path) -> None:
        """Write the recipe as JSON; raise TrainingError if that cannot be done."""
        try:
            file.write_text(json.dumps(self.described(), indent=1) + "\n")
        except OSError as problem:
            raise TrainingError(f"the recipe cannot be written to {file}: {problem.strerror}") from problem
