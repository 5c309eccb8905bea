"""Thousands of made-up requests against the running service: ``make fuzz``."""
