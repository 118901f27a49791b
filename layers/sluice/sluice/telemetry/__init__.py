"""Logs and metrics: one structured line per task, and a few metrics of high value."""
