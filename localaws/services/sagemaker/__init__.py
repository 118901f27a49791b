"""SageMaker, as far as Sluice uses it: hosting, the registry, jobs that really run, pipelines."""
