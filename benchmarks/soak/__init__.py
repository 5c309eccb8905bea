"""Load and faults at once: ``python -m benchmarks.soak``."""
