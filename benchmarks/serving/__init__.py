"""The service and what a user would pick instead, side by side: ``python -m benchmarks.serving``."""
