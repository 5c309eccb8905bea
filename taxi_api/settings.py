"""Every setting of the service: read from the environment once, checked, and frozen."""

import os
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Self

from taxi_api import setting_values as values
from taxi_api.setting_values import ApiKey


class SettingsError(Exception):
    """A variable with a value that cannot be used; the message names it in one line."""


def _log_level(text: str) -> str:
    if text.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
        raise ValueError("write DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return text.upper()


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise ValueError(f"write a whole number from {least} to {most}")
        return int(text)

    return read


def _setting(variable: str, default: Any, read: Callable[[str], Any], sentence: str, *, secret: bool = False) -> Any:
    metadata = {"variable": variable, "read": read, "sentence": sentence, "secret": secret}
    return field(default=default, metadata=metadata)


# A trip with every field, a UUID and indentation has some 260; so few also bound what parsing can take up.
_BYTES_A_TRIP = 320
# A distance with every digit of a float and indentation.
_BYTES_A_CELL = 40


@dataclass(frozen=True)
class Settings:
    """The settings of one process. An empty variable counts as not set."""

    log_level: str = _setting(
        "LOG_LEVEL",
        "INFO",
        _log_level,
        "Least severe log message to write: `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`.",
    )
    model_uri: str = _setting(
        "MODEL_URI",
        "",
        str,
        "Bundle to serve and follow: a folder, `models:/name@alias` or `models:/name/version` in MLflow's registry,"
        " or `s3://bucket/prefix`; empty for the one that comes with the package.",
    )
    mlflow_tracking_uri: str = _setting(
        "MLFLOW_TRACKING_URI",
        "",
        str,
        "Address of the MLflow server that `models:` stands for, such as `http://user:password@mlflow:5000`.",
        secret=True,
    )
    model_poll_seconds: int = _setting(
        "MODEL_POLL_SECONDS",
        30,
        _whole(0, 86_400),
        "How often each worker looks for another bundle at `MODEL_URI`; 0 for at the start only.",
    )
    model_cache: str = _setting(
        "TAXI_MODEL_CACHE",
        "",
        str,
        "Folder that keeps fetched bundles over a restart, for all workers; empty for one among the temporary files.",
    )
    port: int = _setting("PORT", 8000, _whole(1, 65535), "Port that gunicorn listens on.")
    web_concurrency: int = _setting(
        "WEB_CONCURRENCY",
        0,
        _whole(0, 256),
        "Number of gunicorn workers; 0 for one per CPU that the process may use. gunicorn refuses an empty one.",
    )
    proxy_hops: int = _setting(
        "TAXI_PROXY_HOPS",
        0,
        _whole(0, 10),
        "Reverse proxies in front whose `X-Forwarded-*` headers are believed; 0 for none.",
    )
    max_batch: int = _setting(
        "TAXI_MAX_BATCH",
        10_000,
        _whole(1, 1_000_000),
        "Most trips in one request.",
    )
    max_matrix: int = _setting(
        "TAXI_MAX_MATRIX",
        10_000,
        _whole(1, 1_000_000),
        "Most cells in one matrix: sources times destinations.",
    )
    cache_seconds: int = _setting(
        "TAXI_CACHE_SECONDS",
        300,
        _whole(0, 31_536_000),
        "How long answers to GET may be used again without asking, and so may outlive a change of the model.",
    )
    app_env: str = _setting(
        "APP_ENV",
        "development",
        values.environment,
        "`production` writes the log as JSON and says at the start what is open; `development` is for reading along.",
    )
    api_keys: tuple[ApiKey, ...] = _setting(
        "TAXI_API_KEYS",
        (),
        values.api_keys,
        "Keys that may call, as `label:sha256` separated by commas; empty lets everybody call.",
        secret=True,
    )
    docs: bool = _setting("TAXI_DOCS", True, values.switch, "Whether `/apidocs/` and `/openapi.json` are served.")
    rate_limit: str = _setting(
        "TAXI_RATE_LIMIT",
        "",
        values.rate,
        "Most requests for each API key or, without keys, client address, such as `100/minute`; empty for no limit.",
    )
    rate_limit_storage: str = _setting(
        "TAXI_RATE_LIMIT_STORAGE",
        "memory",
        values.rate_storage,
        "Where requests are counted: `memory`, each worker for itself, or a Redis server, `redis://host:port/db`.",
        secret=True,
    )
    cors_origins: tuple[str, ...] = _setting(
        "TAXI_CORS_ORIGINS",
        (),
        values.origins,
        "Origins whose pages may call from a browser, separated by commas, or `*`; empty for none.",
    )
    max_body_bytes: int = _setting(
        "TAXI_MAX_BODY_BYTES",
        65_536,
        _whole(1024, 1_073_741_824),
        "Longest request body for one trip; a request for many may have some hundred bytes more for each.",
    )
    prometheus_multiproc_dir: str = _setting(
        "PROMETHEUS_MULTIPROC_DIR",
        "",
        str,
        "Folder in which the workers add up their metrics, emptied at the start; empty for a temporary one.",
    )
    lambda_function: str = _setting(
        "AWS_LAMBDA_FUNCTION_NAME",
        "",
        str,
        "Set by Lambda: metrics then leave as log lines for CloudWatch instead of `/metrics`.",
    )

    @property
    def batch_body_bytes(self) -> int:
        """Longest body of a request for many trips."""
        return self.max_body_bytes + self.max_batch * _BYTES_A_TRIP

    @property
    def matrix_body_bytes(self) -> int:
        """Longest body of a request for a matrix."""
        return self.max_body_bytes + self.max_matrix * _BYTES_A_CELL

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the settings from a mapping, by default the process's environment; raise SettingsError if one is bad."""
        environment = os.environ if environment is None else environment
        found = {}
        for item in fields(cls):
            text = environment.get(variable(item), "").strip()
            if not text:
                continue
            try:
                found[item.name] = item.metadata["read"](text)
            except ValueError as problem:
                shown = variable(item) if item.metadata["secret"] else f"{variable(item)}={text!r}"
                raise SettingsError(f"{shown} is not usable: {problem}") from problem
        return cls(**found)


def variable(item: Field[Any]) -> str:
    """Return the name of a setting's environment variable."""
    return str(item.metadata["variable"])
