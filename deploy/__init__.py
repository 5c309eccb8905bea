"""Deploying to AWS: ``python -m deploy``."""
