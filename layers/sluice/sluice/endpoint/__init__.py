"""A SageMaker endpoint: its state, its changes, and the autoscaling of its variants."""
