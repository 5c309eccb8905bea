"""What there is to observe, whoever keeps it."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from taxi_api.model.bundle import Bundle

# By input and bin.
Shares = Mapping[str, Mapping[str, float]]
InputBin = tuple[str, str]
Counts = Mapping[InputBin, int]


class RequestAnswered(NamedTuple):
    """A request and its answer."""

    method: str
    route: str
    """The route's template, such as ``/v1/zones/<int:id>``: a path would be a series for each zone."""
    status: int
    seconds: float


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

    def request(self, observed: RequestAnswered) -> None:
        """Take note of an answered request."""

    def predictions(self, observed: PredictionsMade) -> None:
        """Take note of predictions."""

    def poll(self, outcome: str) -> None:
        """Take note of a look for another model, see ``follower.Outcome``."""

    def model(self, bundle: Bundle, reference: Shares) -> None:
        """Take note of the bundle that serves from now on, and of its training trips' shares of each bin."""
