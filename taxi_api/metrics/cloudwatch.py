"""Observations as log lines that CloudWatch turns into metrics: its embedded metric format.

In Lambda a process sleeps between requests and nobody can ask it for anything; its log is read anyway.
"""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from taxi_api.metrics.observations import PredictionsMade, Requests, Shares
from taxi_api.model.bundle import Bundle

_NAMESPACE = "TaxiDuration"


class CloudWatchLines:
    """Writes a line to standard output for each observation."""

    def __init__(self, function: str) -> None:
        """Take the name of the Lambda function, a dimension of every metric."""
        self._function = function

    def requests(self, observed: Requests, seconds: Sequence[float]) -> None:
        """Write each request and its time."""
        for took in seconds:
            self._write(
                {"Method": observed.method, "Route": observed.route, "Status": str(observed.status)},
                {"Requests": (1, "Count"), "Latency": (round(took * 1000, 3), "Milliseconds")},
            )

    def predictions(self, observed: PredictionsMade) -> None:
        """Write the predictions by basis, a count for each bin of an input, and the size of a batch."""
        counts = {f"Predictions.{kind}": count for kind, count in observed.basis.items()}
        counts |= {f"Input.{name}.{bin_name}": count for (name, bin_name), count in observed.inputs.items()}
        if observed.batch is not None:
            counts["BatchTrips"] = observed.batch
        self._write({}, {name: (count, "Count") for name, count in counts.items()})

    def poll(self, outcome: str) -> None:
        """Write the look's outcome."""
        self._write({"Outcome": outcome}, {"ModelPolls": (1, "Count")})

    def model(self, bundle: Bundle, reference: Shares) -> None:
        """Write the name of the model and its reference; no metrics, but there to look up and to compare with."""
        self._print({"Model": {"name": bundle.name, "version": bundle.version, "digest": bundle.digest}, **reference})

    def _write(self, dimensions: Mapping[str, str], metrics: Mapping[str, tuple[float, str]]) -> None:
        dimensions = {"FunctionName": self._function, **dimensions}
        directive = {
            "Namespace": _NAMESPACE,
            "Dimensions": [list(dimensions)],
            "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in metrics.items()],
        }
        self._print(
            {
                "_aws": {"Timestamp": round(time.time() * 1000), "CloudWatchMetrics": [directive]},
                **dimensions,
                **{name: value for name, (value, _) in metrics.items()},
            }
        )

    @staticmethod
    def _print(line: Mapping[str, Any]) -> None:
        sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
        sys.stdout.flush()
