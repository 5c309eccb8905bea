"""Serving half of the project: one question, answered over HTTP."""

__version__ = "0.1.0"
