"""What there is to observe, whoever keeps it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from taxi_api.model.bundle import Bundle

# By input and bin.
Shares = Mapping[str, Mapping[str, float]]
InputBin = tuple[str, str]
Counts = Mapping[InputBin, int]


class Requests(NamedTuple):
    """What answered requests have in common."""

    method: str
    route: str
    """The route's template, such as ``/v1/zones/<int:id>``: a path would be a series for each zone."""
    status: int


class PredictionsMade(NamedTuple):
    """The predictions of a batch or a matrix, or of some requests of one trip each."""

    batch: int | None
    """Trips of a batch or a matrix; None for requests of single trips."""
    basis: Mapping[str, int]
    """How many rest on what, by the names in ``BASIS``; without zeros."""
    inputs: Counts
    """How many trips fell into which bin of which input; without zeros."""


class Observer(Protocol):
    """Keeps observations, or passes them on."""

    def requests(self, observed: Requests, seconds: Sequence[float]) -> None:
        """Take note of answered requests, and of how long each of them took."""

    def predictions(self, observed: PredictionsMade) -> None:
        """Take note of predictions."""

    def poll(self, outcome: str) -> None:
        """Take note of a look for another model, see ``follower.Outcome``."""

    def model(self, bundle: Bundle, reference: Shares) -> None:
        """Take note of the bundle that serves from now on, and of its training trips' shares of each bin."""
