"""Offline half of the project: trip records in, a verified model bundle out."""
