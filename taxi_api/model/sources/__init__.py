"""Where bundles come from: each module is one kind of place."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

from taxi_api.model.bundle import BundleError


class SourceError(BundleError):
    """A place that cannot be asked at the moment, or has no bundle; the message says which and why."""


class Found(NamedTuple):
    """The bundle that a place has at the moment."""

    digest: str
    """sha256 of its manifest in hexadecimal digits."""
    label: str
    """What the place calls it, such as ``version 3``; for people."""


class Source(Protocol):
    """A place that may have another bundle later."""

    def look(self) -> Found:
        """Ask which bundle is there; raise SourceError if the place does not say."""

    def open(self, found: Found) -> AbstractContextManager[Path]:
        """Lend the folder of the bundle; raise SourceError or OSError if it cannot be had."""

    def last(self) -> Found | None:
        """Return the bundle that served last and is still at hand, without asking anybody; None if there is none."""

    def keep(self, found: Found) -> None:
        """Remember that this bundle serves."""


class Remote(Protocol):
    """A place whose files have to be fetched."""

    def look(self) -> Found:
        """Ask which bundle is there; raise SourceError if the place does not say."""

    def fetch(self, found: Found) -> dict[str, bytes]:
        """Return the bundle's files by name; raise SourceError if one cannot be had."""
