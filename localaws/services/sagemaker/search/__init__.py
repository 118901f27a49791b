"""Search over the resources of SageMaker."""
