"""Every setting of the service: read from the environment once, checked, and frozen."""

import os
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Self


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


def _setting(variable: str, default: Any, read: Callable[[str], Any], sentence: str) -> Any:
    return field(default=default, metadata={"variable": variable, "read": read, "sentence": sentence})


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
        "Folder of the model bundle to serve; empty for the one that comes with the package.",
    )
    port: int = _setting("PORT", 8000, _whole(1, 65535), "Port that gunicorn listens on.")
    web_concurrency: int = _setting(
        "WEB_CONCURRENCY",
        0,
        _whole(0, 256),
        "Number of gunicorn workers; 0 for one per CPU.",
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

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the settings from a mapping, by default the process's environment; raise SettingsError if one is bad."""
        environment = os.environ if environment is None else environment
        values = {}
        for item in fields(cls):
            text = environment.get(variable(item), "").strip()
            if not text:
                continue
            try:
                values[item.name] = item.metadata["read"](text)
            except ValueError as problem:
                raise SettingsError(f"{variable(item)}={text!r} is not usable: {problem}") from problem
        return cls(**values)


def variable(item: Field[Any]) -> str:
    """Return the name of a setting's environment variable."""
    return str(item.metadata["variable"])
