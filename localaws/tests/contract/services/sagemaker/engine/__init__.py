"""Jobs and pipelines of the local SageMaker. A package, so that its tests share a local AWS."""
