"""A SageMaker endpoint: its state, its changes, and how its capacity follows the load."""
