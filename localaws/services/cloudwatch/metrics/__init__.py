"""Metrics: writing, storing and reading."""
