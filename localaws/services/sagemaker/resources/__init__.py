"""Shared by all SageMaker resources: constraints, lists, tags, timestamps."""
