"""Metrics: what is put, kept and read."""
