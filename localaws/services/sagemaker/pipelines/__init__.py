"""Pipelines: definitions, and executions that really run."""
