"""SageMaker: models, hosting, the registry, jobs that really run, pipelines."""
