"""Keeps serving what a place has: looks, proves the new bundle, swaps, and stays with the old one if anything fails."""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

from taxi_api.model.bundle import BundleError, load_bundle
from taxi_api.model.predictor import Predictor
from taxi_api.model.sources import Found, Source, SourceError

Outcome = Literal["same", "swapped", "refused", "unreachable"]
_logger = logging.getLogger(__name__)
_LONGEST_REFUSAL_SECONDS = 3600.0
# A worker has to be up within gunicorn's time-out, with or without a model.
_FIRST_SECONDS = 15.0


class Status(NamedTuple):
    """What there is to say about following, besides the bundle that serves."""

    label: str | None
    """What the place calls the bundle that serves; None before there is one."""
    problem: str | None
    """Why the place's current bundle is not known or not served; None if it serves."""


class _Refusal(NamedTuple):
    digest: str
    times: int
    until: float
    why: str


class Follower:
    """Follows one place. Make one in each process, after the fork: it has a thread."""

    def __init__(self, source: Source, swap: Callable[[Predictor], None], observe: Callable[[Outcome], None]) -> None:
        """Take the place, what to do with each new predictor, and whom to tell how each look went.

        Both are called from the follower's thread.
        """
        self._source = source
        self._swap = swap
        self._observe = observe
        self._served: Found | None = None
        self._refusal: _Refusal | None = None
        self._tried = threading.Event()
        self._stop = threading.Event()
        self.status = Status(None, "no model has been loaded yet")

    def start(self, poll_seconds: float) -> None:
        """Serve what served last, if it is at hand, and look for a newer one from now on in a daemon thread.

        With nothing at hand, wait a moment for the first look. With 0 for ``poll_seconds`` there is only that one.
        """
        last = self._source.last()
        if last is not None:
            try:
                self._take(last)
            except (BundleError, OSError) as problem:
                _logger.warning("the cached model cannot serve: %s", problem)
        threading.Thread(target=self._run, args=(poll_seconds,), name="model-follower", daemon=True).start()
        if self._served is None:
            self._tried.wait(_FIRST_SECONDS)

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()

    def poll(self, poll_seconds: float = 0.0) -> Outcome:
        """Look once, and swap if there is another bundle that proves itself; never raises what a place can cause."""
        try:
            found = self._source.look()
        except (SourceError, OSError) as problem:
            return self._failed("unreachable", str(problem))
        if self._served is not None and found.digest == self._served.digest:
            self._refusal = None
            self._serve(found)
            return "same"
        refusal = self._refusal if self._refusal and self._refusal.digest == found.digest else None
        if refusal and time.monotonic() < refusal.until:
            return self._failed("refused", refusal.why)
        try:
            self._take(found)
        except SourceError as problem:
            return self._failed("unreachable", str(problem))
        except (BundleError, OSError) as problem:
            times = refusal.times + 1 if refusal else 1
            wait = min(poll_seconds * 2**times, _LONGEST_REFUSAL_SECONDS)
            why = f"{found.label} is refused: {problem}"
            self._refusal = _Refusal(found.digest, times, time.monotonic() + wait, why)
            return self._failed("refused", why)
        self._refusal = None
        return "swapped"

    def _run(self, poll_seconds: float) -> None:
        while not self._stop.is_set():
            try:
                self._observe(self.poll(poll_seconds))
            except Exception:
                # The thread must outlive whatever nobody thought of; the old model goes on serving.
                _logger.exception("looking for a new model failed")
            self._tried.set()
            if not poll_seconds:
                return
            # Workers that started together must not ask together for ever.
            self._stop.wait(poll_seconds * random.uniform(0.8, 1.2))  # noqa: S311 - no secret

    def _take(self, found: Found) -> None:
        with self._source.open(found) as folder:
            bundle = load_bundle(folder)
            if bundle.digest != found.digest:
                raise BundleError(f"model bundle {folder} changed while it was read")
            predictor = Predictor(bundle)
        self._swap(predictor)
        _logger.info("serving model %s %s (%s)", bundle.name, bundle.version, found.label)
        self._serve(found)

    def _serve(self, found: Found) -> None:
        if self.status.problem and self._served is not None:
            _logger.info("following the model again")
        self._served = found
        self.status = Status(found.label, None)
        self._source.keep(found)

    def _failed(self, outcome: Outcome, problem: str) -> Outcome:
        if problem != self.status.problem:
            stays = "the model before stays" if self._served else "there is no model to serve"
            _logger.warning("cannot follow the model, %s: %s", stays, problem)
        self.status = Status(self.status.label, problem)
        return outcome
