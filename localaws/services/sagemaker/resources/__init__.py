"""What all SageMaker resources have in common: constraints, lists, tags, times."""
