"""Pipelines on the local SageMaker. A package, so that its tests share a local AWS."""
